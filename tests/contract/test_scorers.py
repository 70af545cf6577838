import pytest

from bakeoff import plugins
from bakeoff.records import Case
from bakeoff.testing.contracts.scorers import check_scorer, check_ungradable

EXAMPLES = {
    "choice": ({}, "The answer is B.", "(A)", Case(reference="B")),
    "contains": ({}, "It is Paris.", "It is Rome.", Case(reference="Paris")),
    "exact": ({}, "Paris", "Rome", Case(reference="Paris")),
    "numeric": ({}, "It is 4.", "It is 5.", Case(reference=4)),
    "regex": ({"pattern": r"is (\w+)", "group": 1}, "It is Paris.", "It is Rome.", Case(reference="Paris")),
}


def test_every_scorer_has_an_example():
    assert sorted(EXAMPLES) == plugins.names("scorers")


@pytest.mark.parametrize("name", EXAMPLES)
def test_it_keeps_the_contract_of_scorers(name):
    options, right, wrong, case = EXAMPLES[name]
    scorer = plugins.create("scorers", name, options)
    check_scorer(scorer, right=right, wrong=wrong, case=case)
    check_ungradable(scorer, Case())


@pytest.mark.parametrize("name", EXAMPLES)
def test_its_metric_can_be_renamed(name):
    options = {**EXAMPLES[name][0], "metric": "strict"}
    assert plugins.create("scorers", name, options).metric == "strict"
