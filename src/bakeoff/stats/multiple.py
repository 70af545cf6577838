"""Adjust p-values for the number of comparisons made.

A comparison without a p-value (None) stays None and does not count as one.
"""

from collections.abc import Sequence

from bakeoff.stats.checks import check_share


def holm(p_values: Sequence[float | None]) -> tuple[float | None, ...]:
    """Return Holm's step-down adjusted p-values, in the order given.

    Of m known values sorted upwards, adjusted_(i) = max over j <= i of min(1, (m-j+1) p_(j)); Holm 1979.
    Comparing them to alpha keeps the chance of any false positive below alpha, whatever the dependence.

    Raises:
        ValueError: a value outside 0..1, or NaN.
    """
    known = _known(p_values)
    adjusted: dict[int, float] = {}
    floor = 0.0
    for done, (p, place) in enumerate(sorted(known)):
        floor = max(floor, min(1.0, (len(known) - done) * p))
        adjusted[place] = floor
    return tuple(adjusted.get(place) for place in range(len(p_values)))


def bonferroni(p_values: Sequence[float | None]) -> tuple[float | None, ...]:
    """Return min(1, m p) for each of m known p-values, in the order given.

    Raises:
        ValueError: a value outside 0..1, or NaN.
    """
    m = len(_known(p_values))
    return tuple(None if p is None else min(1.0, m * p) for p in p_values)


def _known(p_values: Sequence[float | None]) -> list[tuple[float, int]]:
    """Return the known values, each with its place."""
    known = [(p, place) for place, p in enumerate(p_values) if p is not None]
    for p, _ in known:
        check_share(p, "a p-value")
    return known
