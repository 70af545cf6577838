"""Figures as they stand in papers, to the digits that are printed there."""

import pytest

from bakeoff.stats.intervals import clopper_pearson, wilson
from bakeoff.stats.multiple import holm
from bakeoff.stats.paired import PairedTable, newcombe_paired, tango
from bakeoff.stats.unpaired import Passes, newcombe_unpaired


# Newcombe, Statistics in Medicine 17 (1998) 857-872, table I: score and exact intervals of four samples.
@pytest.mark.parametrize(
    ("successes", "n", "score", "exact"),
    [
        (81, 263, (0.2553, 0.3662), (0.2527, 0.3676)),
        (15, 148, (0.0624, 0.1605), (0.0578, 0.1617)),
        (0, 20, (0.0, 0.1611), (0.0, 0.1684)),
        (1, 29, (0.0061, 0.1718), (0.0009, 0.1776)),
    ],
)
def test_intervals_of_one_share(successes: int, n: int, score, exact) -> None:
    for method, printed in ((wilson, score), (clopper_pearson, exact)):
        found = method(successes, n)
        assert (found.low, found.high) == pytest.approx(printed, abs=5.1e-5)


def test_newcombe_of_two_groups() -> None:
    # Newcombe, Statistics in Medicine 17 (1998) 873-890, table II, contrast (a), method 10.
    found = newcombe_unpaired(Passes(passed=56, n=70), Passes(passed=48, n=80))
    assert (found.low, found.high) == pytest.approx((0.0524, 0.3339), abs=5.1e-5)


def test_newcombe_of_pairs() -> None:
    # Newcombe, Statistics in Medicine 17 (1998) 2635-2650, table III, contrast (a), method 10.
    found = newcombe_paired(PairedTable(both=36, only_a=12, only_b=2, neither=0))
    assert (found.low, found.high) == pytest.approx((0.0569, 0.3404), abs=5.1e-5)


def test_tango_of_the_lenses() -> None:
    # Tango, Statistics in Medicine 17 (1998) 891-908: of 44 lenses both methods cleaned 43, one only one.
    found = tango(PairedTable(both=43, only_a=0, only_b=1, neither=0), level=0.9)
    assert (found.low, found.high) == pytest.approx((-0.096, 0.037), abs=5.1e-4)


def test_holm_step_by_step() -> None:
    # 4 x 0.005, 3 x 0.01, 2 x 0.03, and never less than the one before.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
