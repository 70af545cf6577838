from bakeoff.decide.compare.caveats import comparison_warnings
from bakeoff.records import Comparison


def row(a: str, b: str, note: str, metric: str = "x.accuracy") -> Comparison:
    return Comparison(
        a=a,
        b=b,
        metric=metric,
        difference=0.0,
        low=None,
        high=None,
        p=1.0,
        p_adjusted=1.0,
        n=3,
        test="t",
        note=note,
    )


def test_a_note_is_told_once_with_its_pairs() -> None:
    rows = [row("a", "b", "same"), row("a", "c", "same"), row("b", "c", "few"), row("a", "d", "")]
    assert comparison_warnings(rows, "x.accuracy") == [
        "x.accuracy, a and b (and 1 more pair): same",
        "x.accuracy, b and c: few",
    ]


def test_only_the_metric_that_decides_is_told_of() -> None:
    assert comparison_warnings([row("a", "b", "same", "x.other")], "x.accuracy") == []
    assert comparison_warnings([row("a", "b", "same")], None) == []
