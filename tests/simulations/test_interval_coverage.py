"""How often each interval holds the truth: exact sums where they are short, seeded draws elsewhere."""

from collections.abc import Callable
from functools import cache
from random import Random

import pytest

from bakeoff.stats.intervals import Interval, clopper_pearson, wilson
from bakeoff.stats.paired import PairedTable, newcombe_paired, tango
from bakeoff.stats.resampling import bootstrap
from bakeoff.stats.special import binomial_pmf
from bakeoff.stats.unpaired import Passes, newcombe_unpaired

SIZES = [20, 50, 200]
SHARES = [0.05, 0.2, 0.5, 0.8, 0.95]


def coverages(method: Callable[[int, int], Interval], n: int) -> list[float]:
    """The exact coverage at each of the shares."""
    intervals = [method(k, n) for k in range(n + 1)]
    return [
        sum(
            binomial_pmf(k, n, share) for k, found in enumerate(intervals) if found.low <= share <= found.high
        )
        for share in SHARES
    ]


@pytest.mark.parametrize("n", SIZES)
def test_wilson_covers_about_its_level(n: int) -> None:
    found = coverages(wilson, n)
    assert min(found) > 0.92
    assert sum(found) / len(found) == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize("n", SIZES)
def test_clopper_pearson_never_covers_less_than_its_level(n: int) -> None:
    assert min(coverages(clopper_pearson, n)) >= 0.95


def paired_coverage(
    method: Callable[[PairedTable], Interval], n: int, only_a: float, only_b: float, draws: int
) -> float:
    rng = Random(n)
    both = 0.6 * (1.0 - only_a - only_b)
    held = 0

    @cache
    def interval(both: int, only_a: int, only_b: int) -> Interval:
        return method(
            PairedTable(both=both, only_a=only_a, only_b=only_b, neither=n - both - only_a - only_b)
        )

    weights = [both, only_a, only_b, 1.0 - both - only_a - only_b]
    for _ in range(draws):
        drawn = rng.choices("2ab0", weights, k=n)
        found = interval(drawn.count("2"), drawn.count("a"), drawn.count("b"))
        held += found.low - 1e-12 <= only_a - only_b <= found.high + 1e-12
    return held / draws


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize(("only_a", "only_b"), [(0.1, 0.1), (0.15, 0.05), (0.05, 0.0)])
# Exact enumeration at (0.05, 0), n = 200 gives 0.967 for Tango and 0.932 for Newcombe.
@pytest.mark.parametrize(("method", "floor"), [(tango, 0.935), (newcombe_paired, 0.915)])
def test_paired_intervals_cover_about_their_level(
    method, floor: float, n: int, only_a: float, only_b: float
) -> None:
    assert paired_coverage(method, n, only_a, only_b, draws=1500) > floor


@pytest.mark.parametrize("n", SIZES)
def test_unpaired_newcombe_covers_about_its_level(n: int) -> None:
    rng = Random(n)
    held = 0
    for _ in range(1500):
        a = sum(rng.random() < 0.8 for _ in range(n))
        b = sum(rng.random() < 0.6 for _ in range(n))
        found = newcombe_unpaired(Passes(passed=a, n=n), Passes(passed=b, n=n))
        held += found.low <= 0.2 <= found.high
    assert held / 1500 > 0.93


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
@pytest.mark.parametrize("n", [20, 50, 200, 1000])
def test_shares_near_the_edge_are_covered_too(n: int, share: float) -> None:
    def exact(method: Callable[[int, int], Interval]) -> float:
        weights = {k: binomial_pmf(k, n, share) for k in range(n + 1)}
        found = [(weight, method(k, n)) for k, weight in weights.items() if weight > 1e-9]
        return sum(weight for weight, one in found if one.low <= share <= one.high)

    assert exact(clopper_pearson) >= 0.95
    # Wilson's one weak spot here: with p = 0.99 and n = 50 two failures already exclude the truth.
    assert exact(wilson) > (0.91 if (n, share) == (50, 0.99) else 0.93)


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
@pytest.mark.parametrize("n", [20, 50, 200, 1000])
def test_two_equal_systems_are_called_equal(n: int, share: float) -> None:
    apart = share * (1.0 - share)
    # 600 draws: 0.92 is 3.4 standard errors below 0.95.
    assert paired_coverage(tango, n, apart, apart, draws=600) > 0.92
    assert paired_coverage(newcombe_paired, n, apart, apart, draws=600) > 0.92


@pytest.mark.parametrize("n", [50, 300, 1000])
@pytest.mark.parametrize("size", [1, 5])
def test_bca_intervals_of_scores_cover_the_mean_difference(n: int, size: int) -> None:
    rng = Random(n * size)
    held, draws = 0, 120
    clusters = [i // size for i in range(n)]
    for _ in range(draws):
        shared = [rng.betavariate(3.0, 1.0) - rng.betavariate(3.0, 1.0) for _ in range(clusters[-1] + 1)]
        values = [shared[cluster] + rng.uniform(-0.3, 0.3) for cluster in clusters]
        found = bootstrap(values, clusters=clusters, resamples=None if n // size >= 256 else 300)
        assert found is not None
        held += found.low <= 0.0 <= found.high
    # Ten clusters, the fewest here, cover about 0.88; three standard errors of 120 draws are 0.06 and more.
    assert held / draws > (0.79 if n // size < 20 else 0.88)
