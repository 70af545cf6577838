"""Figures that are often quoted, as exact sums: coverage near 1, cases for "not worse", proof of a target."""

from bakeoff.stats.intervals import clopper_pearson, wilson
from bakeoff.stats.power import noninferior_cases
from bench._coverage import exact, wald
from bench._table import show

ONE_SIDED = 0.9
"""A two-sided interval of this level has a lower bound that holds with 95 %."""


def quote() -> None:
    """Print the tables."""
    rows = [(n, exact(wald, n, 0.95), exact(wilson, n, 0.95)) for n in (20, 50, 100)]
    show("coverage of 95 % intervals at p = 0.95, exact sums", ("n", "Wald", "Wilson"), rows)
    margins = [
        (f"{margin:.0%}", *(noninferior_cases(margin, differ) for differ in (0.05, 0.1, 0.2)))
        for margin in (0.03, 0.05)
    ]
    columns = ("margin", "5 % differ", "10 %", "20 %")
    show("cases to show `not worse` of equals, 80 % power, one-sided 5 %", columns, margins)
    asked = ((0.95, 59), (0.95, 200), (0.95, 500), (0.99, 299), (0.99, 2_000))
    proofs = [(f"{share:.0%}", n, _most_misses(share, n)) for share, n in asked]
    show("proof that a share meets a latency target, with 95 %", ("share", "requests", "misses"), proofs)


def _most_misses(share: float, n: int) -> int | None:
    """Return how many of n requests may miss while the exact lower bound is still at the share."""
    found = [k for k in range(n + 1) if clopper_pearson(n - k, n, level=ONE_SIDED).low >= share]
    return max(found, default=None)
