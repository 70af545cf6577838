"""Every report of ours keeps the contract of its family, whatever the run."""

import pytest

from bakeoff import plugins
from bakeoff.testing.contracts.reports import check_report
from bakeoff.testing.views import make_view

VIEWS = {
    "one target": {"targets": 1, "cases": 3},
    "no case": {"targets": 2, "cases": 0},
    "ten targets": {"targets": 10, "cases": 12},
}


@pytest.mark.parametrize("name", plugins.names("reports"))
@pytest.mark.parametrize("view", VIEWS)
def test_it_keeps_the_contract_of_reports(name, view, tmp_path):
    check_report(plugins.create("reports", name, {}), make_view(**VIEWS[view]), tmp_path)
