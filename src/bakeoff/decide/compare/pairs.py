"""Which targets are compared with which, and which tests are adjusted together."""

from collections.abc import Sequence
from itertools import combinations

import msgspec

from bakeoff.records import Comparison
from bakeoff.stats.multiple import holm

Pair = tuple[str, str]


def families(
    targets: Sequence[str], incumbent: str | None, *, only_incumbent: bool = False
) -> list[list[Pair]]:
    """Return the pairs to compare, by family: tests of one family are adjusted together.

    With an incumbent, a choice rests on the challengers against it: these are a family of their own, and all
    other pairs are a second one. Without, all pairs are one.

    Args:
        targets: in the order in which they are named.
        incumbent: comes second in its pairs; one that is not among the targets counts for nothing.
        only_incumbent: leave the other pairs out.
    """
    if incumbent is None or incumbent not in targets:
        found = [list(combinations(targets, 2))]
    else:
        others = [target for target in targets if target != incumbent]
        rest = [] if only_incumbent else list(combinations(others, 2))
        found = [[(other, incumbent) for other in others], rest]
    return [family for family in found if family]


def adjusted(rows: Sequence[Comparison]) -> list[Comparison]:
    """Return the rows of one family with Holm-adjusted p values."""
    values = holm([row.p for row in rows])
    return [msgspec.structs.replace(row, p_adjusted=p) for row, p in zip(rows, values, strict=True)]
