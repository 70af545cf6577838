import pytest

from bakeoff import plugins
from bakeoff.testing.contracts.exporters import check_exporter

EXPORTERS = {
    "csv": ({}, 1),
    "excel": ({}, 1),
    "guidellm": ({}, 1),
    "kit": ({}, 4),
    "matrix": ({}, 1),
    "promptfoo": ({}, 1),
}


TASKS = {"lm_eval"}
"""They say only what some tasks give, and are tested with these."""


def test_every_exporter_has_an_example():
    assert sorted({*EXPORTERS, *TASKS}) == plugins.names("exporters")


@pytest.mark.parametrize("name", sorted(EXPORTERS))
def test_exporter_keeps_the_contract(name, tmp_path):
    options, files = EXPORTERS[name]
    assert len(check_exporter(plugins.create("exporters", name, options), tmp_path)) == files


def test_kit_of_2024_keeps_the_contract(tmp_path):
    assert len(check_exporter(plugins.create("exporters", "kit", {"edition": "2024"}), tmp_path)) == 4
