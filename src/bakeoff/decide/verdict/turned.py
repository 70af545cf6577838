"""The comparison of two targets, whichever of them was written first, and how low its difference may be."""

from collections.abc import Iterable
from statistics import NormalDist

import msgspec

from bakeoff.records import Comparison


def compared(rows: Iterable[Comparison], metric: str, a: str, b: str) -> Comparison | None:
    """Return the comparison of two targets on a metric, `a` first."""
    for row in rows:
        if row.metric == metric and {row.a, row.b} == {a, b}:
            return row if row.a == a else turned(row)
    return None


def turned(row: Comparison) -> Comparison:
    """Return the same comparison with its second target first."""
    return msgspec.structs.replace(
        row,
        a=row.b,
        b=row.a,
        difference=_negated(row.difference),
        low=_negated(row.high),
        high=_negated(row.low),
        only_a=row.only_b,
        only_b=row.only_a,
        n=row.n if row.n_b is None else row.n_b,
        n_b=None if row.n_b is None else row.n,
    )


def lowest(row: Comparison | None, tests: int) -> float | None:
    """Return the lower bound of a difference that holds for `tests` such bounds at once.

    The interval of one comparison is widened by the ratio of the normal quantiles (Bonferroni).
    """
    if row is None or row.low is None or row.difference is None:
        return None
    tail = (1 - row.level) / 2
    normal = NormalDist()
    wider = normal.inv_cdf(1 - tail / max(1, tests)) / normal.inv_cdf(1 - tail)
    return row.difference - (row.difference - row.low) * wider


def _negated(value: float | None) -> float | None:
    return None if value is None else 0.0 - value
