"""What it takes to be surer is said where a formula knows it, with its price where that is known."""

from tests.unit.decide.parts import evidence, row

from bakeoff.decide.verdict.verdict import decide
from bakeoff.records import TargetCost


def test_being_surer_has_its_price():
    costs = [
        TargetCost(target=name, benchmark="b", basis="tokens", per_1k_requests=usd)
        for name, usd in (("a", 10.0), ("b", 30.0))
    ]
    rows = [row("a", "b", 0.02, clear=False, low=-0.03, high=0.07)]
    found = decide(evidence({"a": 0.82, "b": 0.8}, rows, costs=costs))
    assert found.choice is None
    assert found.surer == [
        (
            "to tell a from b if the true gap is the 2.0 points seen, about 5,885 cases are needed (80 % "
            "power, one comparison); 100 were used, so 5,785 more for each: about $231.40"
        )
    ]


def test_only_passes_and_failures_are_used_to_say_how_many_cases_are_needed():
    for one in (
        row("a", "b", 0.02, clear=False, test="sign-flip permutation (exact), BCa bootstrap interval"),
        row("a", "b", 0.02, clear=False, only_a=None, only_b=None),
        row("a", "b", 0.3, clear=False, only_a=30, only_b=0),
        row("a", "b", 0.2, clear=False, only_a=25, only_b=5),
    ):
        assert decide(evidence({"a": 0.82, "b": 0.8}, [one])).surer == []
