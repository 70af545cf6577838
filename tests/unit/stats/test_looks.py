import math
from random import Random

import pytest
import scipy.stats

from bakeoff.stats.looks import obrien_fleming, spending
from bakeoff.stats.resampling import sign_test


@pytest.mark.parametrize(
    ("looks", "alpha", "constant"),
    [
        # Jennison & Turnbull, Group Sequential Methods (2000), table 2.3.
        (1, 0.05, 1.960),
        (2, 0.05, 1.977),
        (3, 0.05, 2.004),
        (4, 0.05, 2.024),
        (5, 0.05, 2.040),
        (10, 0.05, 2.087),
        (2, 0.01, 2.580),
        (4, 0.01, 2.609),
        (5, 0.01, 2.621),
        (5, 0.1, 1.751),
    ],
)
def test_obrien_fleming_constants_are_the_published_ones(looks: int, alpha: float, constant: float) -> None:
    found = obrien_fleming([100 * k for k in range(1, looks + 1)], alpha=alpha)
    assert found[-1].z == pytest.approx(constant, abs=6e-4)
    assert [look.z for look in found] == pytest.approx(
        [found[-1].z * math.sqrt(looks / k) for k in range(1, looks + 1)]
    )
    assert found[-1].spent == pytest.approx(alpha, abs=1e-6)


def test_spending_boundaries_are_the_published_ones() -> None:
    found = spending([20, 40, 60, 80, 100])
    # Two-sided 5 %, five equal looks, O'Brien-Fleming spending: Reboussin et al., Controlled Clinical Trials
    # 21, 2000 (the ldbounds program).
    assert [look.z for look in found] == pytest.approx([4.8769, 3.3569, 2.6803, 2.2898, 2.0310], abs=3e-4)
    assert [look.n for look in found] == [20, 40, 60, 80, 100]
    assert [look.p for look in found] == pytest.approx([2 * scipy.stats.norm.sf(look.z) for look in found])


def test_one_look_is_the_fixed_test() -> None:
    for method in (obrien_fleming, spending):
        (look,) = method([500])
        assert look.z == pytest.approx(scipy.stats.norm.ppf(0.975), abs=1e-5)
        assert look.p == pytest.approx(0.05, abs=1e-6)


def test_an_early_look_depends_on_earlier_ones_only() -> None:
    one, other = spending([100, 300, 500, 1_000]), spending([100, 300, 800, 1_000])
    assert [look.z for look in one[:2]] == pytest.approx([look.z for look in other[:2]], abs=1e-5)


@pytest.mark.parametrize("method", [obrien_fleming, spending])
@pytest.mark.parametrize("sizes", [[100, 200, 300, 400, 500], [10, 480, 490, 500]])
def test_boundaries_keep_the_error_rate_on_random_walks(method, sizes: list[int]) -> None:
    bounds = method(sizes, alpha=0.2)
    rng = Random(1)
    crossed, walks = 0, 4_000
    for _ in range(walks):
        place, before = 0.0, 0
        for look in bounds:
            place, before = place + rng.gauss(0.0, math.sqrt(look.n - before)), look.n
            if abs(place) >= look.z * math.sqrt(look.n):
                crossed += 1
                break
    # Four standard errors of a share of 0.2.
    assert crossed / walks == pytest.approx(0.2, abs=0.026)


def test_mcnemar_at_the_looks_keeps_the_error_rate_and_saves_cases() -> None:
    bounds = obrien_fleming([200, 400, 600, 800, 1_000])

    def race(seed: int, up: float, down: float) -> tuple[bool, int]:
        rng = Random(seed)
        wins = losses = before = 0
        for look in bounds:
            drawn = rng.choices((1, -1, 0), (up, down, 1.0 - up - down), k=look.n - before)
            wins, losses, before = wins + drawn.count(1), losses + drawn.count(-1), look.n
            if sign_test(wins, losses) <= look.p:
                return True, look.n
        return False, before

    equal = [race(seed, 0.06, 0.06) for seed in range(300)]
    apart = [race(seed, 0.11, 0.01) for seed in range(100)]
    assert sum(stopped for stopped, _ in equal) <= 26
    assert all(stopped for stopped, _ in apart)
    assert sum(n for _, n in apart) / 100 < 600


@pytest.mark.parametrize("method", [obrien_fleming, spending])
def test_looks_refuse_impossible_input(method) -> None:
    for sizes in ([], [0, 10], [10, 10], [20, 10]):
        with pytest.raises(ValueError, match="growing numbers"):
            method(sizes)
    for alpha in (0.0, 1.0, math.nan):
        with pytest.raises(ValueError, match="alpha"):
            method([10], alpha=alpha)
