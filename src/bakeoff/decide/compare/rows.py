"""A comparison as a row: begun blank, and filled by the test that was made."""

from collections.abc import Iterable

import msgspec

from bakeoff.decide.compare.pairs import Pair
from bakeoff.records import Comparison
from bakeoff.stats.paired import PairedResult
from bakeoff.stats.unpaired import UnpairedResult


def blank_row(metric: str, pair: Pair, *, unit: str, level: float) -> Comparison:
    """Return a comparison that knows nothing yet."""
    a, b = pair
    return Comparison(
        a=a,
        b=b,
        metric=metric,
        difference=None,
        low=None,
        high=None,
        p=None,
        p_adjusted=None,
        n=0,
        test="none",
        level=level,
        unit=unit,
    )


def paired_row(blank: Comparison, found: PairedResult, notes: Iterable[str], test: str = "") -> Comparison:
    """Return the row of a test on the same cases, under the test's own name unless one is given."""
    return msgspec.structs.replace(
        blank,
        difference=found.difference,
        low=found.low,
        high=found.high,
        p=found.p,
        n=found.n,
        test=test or found.test,
        only_a=found.only_a,
        only_b=found.only_b,
        note="; ".join(notes),
    )


def unpaired_row(
    blank: Comparison, found: UnpairedResult, notes: Iterable[str], test: str = ""
) -> Comparison:
    """Return the row of a test on different cases, under the test's own name unless one is given."""
    return msgspec.structs.replace(
        blank,
        difference=found.difference,
        low=found.low,
        high=found.high,
        p=found.p,
        n=found.n_a,
        n_b=found.n_b,
        test=test or found.test,
        note="; ".join(notes),
    )
