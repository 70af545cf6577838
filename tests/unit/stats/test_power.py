import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.stats.intervals import wilson
from bakeoff.stats.paired import PairedTable, mcnemar
from bakeoff.stats.power import (
    floor_cases,
    floor_passes,
    floor_share,
    noninferior_cases,
    noninferior_margin,
    paired_cases,
    paired_gap,
    unpaired_cases,
)
from bakeoff.stats.special import binomial_pmf


@pytest.mark.parametrize(
    ("gap", "disagreement", "expected"),
    [
        (0.01, 0.05, 3923),
        (0.01, 0.10, 7847),
        (0.01, 0.20, 15696),
        (0.01, 0.30, 23545),
        (0.02, 0.05, 979),
        (0.02, 0.10, 1960),
        (0.02, 0.20, 3923),
        (0.02, 0.30, 5885),
        (0.03, 0.05, 434),
        (0.03, 0.10, 870),
        (0.03, 0.20, 1742),
        (0.03, 0.30, 2614),
        (0.05, 0.05, None),
        (0.05, 0.10, 312),
        (0.05, 0.20, 626),
        (0.05, 0.30, 940),
        (0.10, 0.05, None),
        (0.10, 0.10, None),
        (0.10, 0.20, 155),
        (0.10, 0.30, 234),
    ],
)
def test_paired_sample_size_table(gap: float, disagreement: float, expected: int | None) -> None:
    assert paired_cases(gap, disagreement) == expected


@pytest.mark.parametrize(
    ("gap", "expected"), [(0.01, 25117), (0.02, 6280), (0.03, 2791), (0.05, 1005), (0.10, 252)]
)
def test_unpaired_sample_size_table(gap: float, expected: int) -> None:
    assert unpaired_cases(gap, 0.8) == expected


@pytest.mark.parametrize(
    ("margin", "disagreement", "expected"),
    [
        (0.03, 0.05, 344),
        (0.03, 0.10, 687),
        (0.03, 0.20, 1374),
        (0.05, 0.05, 124),
        (0.05, 0.10, 248),
        (0.05, 0.20, 495),
    ],
)
def test_noninferiority_sample_size_table(margin: float, disagreement: float, expected: int) -> None:
    assert noninferior_cases(margin, disagreement) == expected


@given(st.floats(0.005, 0.3), st.floats(0.02, 1.0), st.floats(0.5, 0.99))
def test_gap_and_cases_are_inverse(gap: float, disagreement: float, power: float) -> None:
    n = paired_cases(gap, disagreement, power=power)
    if n is None:
        assert gap >= disagreement
        return
    found = paired_gap(n, disagreement, power=power)
    assert found is not None
    assert found <= gap * (1.0 + 1e-9)
    fewer = paired_gap(n - 1, disagreement, power=power)
    assert fewer is None or fewer >= gap * (1.0 - 1e-9)


@pytest.mark.parametrize("n", [0, 1, 10])
def test_too_few_cases_can_show_no_gap(n: int) -> None:
    assert paired_gap(n, 0.1) is None


@given(st.floats(0.005, 0.5), st.floats(0.01, 1.0))
def test_margin_and_cases_are_inverse(margin: float, disagreement: float) -> None:
    found = noninferior_margin(noninferior_cases(margin, disagreement), disagreement)
    assert found is not None
    assert found <= margin * (1.0 + 1e-9)
    assert noninferior_margin(0, disagreement) is None


def test_the_promised_power_is_what_mcnemar_reaches() -> None:
    rng = Random(7)
    gap, disagreement = 0.1, 0.3
    n = paired_cases(gap, disagreement)
    found = 0
    for _ in range(400):
        draws = rng.choices(
            "ab-", [(disagreement + gap) / 2, (disagreement - gap) / 2, 1 - disagreement], k=n
        )
        a, b = draws.count("a"), draws.count("b")
        table = PairedTable(both=n - a - b, only_a=a, only_b=b, neither=0)
        found += mcnemar(table, mid_p=True) < 0.05
    assert found / 400 == pytest.approx(0.8, abs=0.07)


@pytest.mark.parametrize("bad", [0.0, -0.1, 1.1, math.nan])
def test_impossible_shares_are_refused(bad: float) -> None:
    for call in (
        lambda: paired_cases(bad, 0.2),
        lambda: paired_cases(0.1, bad),
        lambda: paired_gap(100, bad),
        lambda: unpaired_cases(0.1, bad),
        lambda: noninferior_cases(bad, 0.2),
        lambda: noninferior_margin(100, bad),
    ):
        with pytest.raises(ValueError, match="share above 0"):
            call()


def test_impossible_counts_and_errors_are_refused() -> None:
    with pytest.raises(ValueError, match="n counts cases"):
        paired_gap(-1, 0.2)
    with pytest.raises(ValueError, match="n counts cases"):
        noninferior_margin(-1, 0.2)
    with pytest.raises(ValueError, match="alpha"):
        paired_cases(0.05, 0.2, alpha=0.0)
    with pytest.raises(ValueError, match="power"):
        noninferior_cases(0.05, 0.2, power=1.0)


def shown(n: int, share: float, floor: float) -> float:
    """Return the chance that Wilson's interval of n cases reaches a floor, summed case by case."""
    return sum(binomial_pmf(k, n, share) for k in range(n + 1) if wilson(k, n).low >= floor)


@given(st.integers(0, 300), st.sampled_from((0.0, 0.3, 0.8, 0.95, 0.99, 1.0)))
def test_the_passes_for_a_floor_are_the_fewest_that_show_it(n: int, floor: float) -> None:
    passes = floor_passes(n, floor)
    enough = [k for k in range(n + 1) if wilson(k, n).low >= floor]
    assert passes == (min(enough) if enough else None)


@given(st.integers(1, 300), st.sampled_from((0.3, 0.8, 0.95)), st.sampled_from((0.5, 0.8, 0.95)))
def test_the_share_that_shows_a_floor_has_the_power(n: int, floor: float, power: float) -> None:
    share = floor_share(n, floor, power=power)
    if share is None:
        assert floor_passes(n, floor) is None
    else:
        assert share > floor or power < 0.6
        assert shown(n, share, floor) == pytest.approx(power)


@pytest.mark.parametrize(
    ("share", "floor"), [(0.9, 0.8), (0.85, 0.8), (0.97, 0.95), (0.4, 0.3), (1.0, 0.95), (0.99, 0.9)]
)
def test_the_cases_for_a_floor_have_the_power_and_one_less_has_not(share: float, floor: float) -> None:
    n = floor_cases(share, floor)
    assert n is not None
    assert shown(n, share, floor) >= 0.8
    assert n == 1 or shown(n - 1, share, floor) < 0.8
    simple = (
        (1.959964 * math.sqrt(floor * (1 - floor)) + 0.841621 * math.sqrt(share * (1 - share)))
        / (share - floor)
    ) ** 2
    assert n == pytest.approx(simple, rel=0.15, abs=6)


def test_floors_that_need_nothing_or_cannot_be_shown() -> None:
    assert floor_cases(0.5, 0.0) == 0
    assert floor_share(10, 0.0) == 0.0
    assert floor_cases(0.8, 0.8) is None
    assert floor_cases(0.7, 0.8) is None
    assert floor_cases(1.0, 1.0) is None
    assert floor_passes(10_000, 1.0) is None
    assert floor_share(3, 0.9) is None
    assert floor_cases(1.0, 0.95) == 73
    # Beyond what is counted exactly the formula stands alone, and still follows the gap.
    assert floor_cases(0.8001, 0.8) == pytest.approx(100 * floor_cases(0.801, 0.8), rel=0.01)


def test_sizes_of_floors_refuse_what_is_no_share() -> None:
    with pytest.raises(ValueError, match="floor"):
        floor_passes(5, 1.5)
    with pytest.raises(ValueError, match="n counts cases"):
        floor_passes(-1, 0.5)
    with pytest.raises(ValueError, match="share is a share"):
        floor_cases(1.2, 0.5)
    with pytest.raises(ValueError, match="power"):
        floor_share(5, 0.5, power=1.0)
