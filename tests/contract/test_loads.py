import pytest

from bakeoff import plugins
from bakeoff.testing.contracts.loads import check_load

EXAMPLES = {
    "concurrent": {"concurrency": 3},
    "constant": {"rate": 3},
    "poisson": {"rate": 700.5},
    "sequential": {},
}


def test_every_load_has_an_example():
    assert sorted(EXAMPLES) == plugins.names("loads")


@pytest.mark.parametrize("name", EXAMPLES)
def test_it_keeps_the_contract_of_loads(name):
    check_load(plugins.create("loads", name, EXAMPLES[name]))
