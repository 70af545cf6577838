import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.stats.paired import PairedTable, mcnemar
from bakeoff.stats.power import (
    noninferior_cases,
    noninferior_margin,
    paired_cases,
    paired_gap,
    unpaired_cases,
)


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
