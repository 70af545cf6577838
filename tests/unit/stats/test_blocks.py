import math
from random import Random

import pytest

from bakeoff.stats.blocks import block_bootstrap, block_length, compare_neighbours
from bakeoff.stats.resampling import bootstrap


def stream(rng: Random, n: int, memory: float) -> list[float]:
    """An autoregressive series of mean 0."""
    values = [rng.gauss(0.0, 1.0 / math.sqrt(1.0 - memory * memory))]
    for _ in range(n - 1):
        values.append(memory * values[-1] + rng.gauss(0.0, 1.0))
    return values


def test_the_block_length_grows_with_memory() -> None:
    rng = Random(1)
    lengths = [block_length(stream(rng, 2_000, memory)) for memory in (0.0, 0.5, 0.9)]
    assert lengths[0] <= 3
    assert lengths[0] < lengths[1] < lengths[2]
    # Politis & White for AR(1) with 0.5: (6 (rho / (1 - rho^2))^2 n)^(1/3) = 17.5.
    assert 9 <= lengths[1] <= 30


def test_the_block_length_of_values_that_swing_is_small() -> None:
    assert block_length([1.0, -1.0] * 200) == 1
    assert block_length([1.0] * 50) == 1
    assert block_length([1.0, 2.0, 3.0]) == 1


def test_the_block_length_leaves_four_blocks() -> None:
    assert block_length([float(i) for i in range(40)]) <= 10


def test_blocks_of_one_are_the_plain_bootstrap() -> None:
    rng = Random(2)
    values = [rng.gauss(0.2, 1.0) for _ in range(400)]
    found = block_bootstrap(values, block=1, resamples=4_000)
    plain = bootstrap(values, method="percentile")
    assert found is not None
    assert plain is not None
    assert found.low == pytest.approx(plain.low, abs=0.015)
    assert found.high == pytest.approx(plain.high, abs=0.015)


def test_block_intervals_cover_the_mean_of_dependent_values_where_plain_ones_do_not() -> None:
    held = {"blocks": 0, "single": 0}
    for seed in range(80):
        values = stream(Random(seed), 300, 0.6)
        for name, block in (("blocks", None), ("single", 1)):
            found = block_bootstrap(values, block=block, resamples=150, seed=seed)
            assert found is not None
            held[name] += found.low <= 0.0 <= found.high
    assert held["blocks"] / 80 > 0.83
    assert held["single"] / 80 < 0.82


def test_the_block_bootstrap_is_seeded_and_moves_with_the_values() -> None:
    values = [math.sin(i / 3.0) for i in range(100)]
    found = block_bootstrap(values, seed=4)
    shifted = block_bootstrap([one + 5.0 for one in values], seed=4)
    assert found is not None
    assert shifted is not None
    assert found == block_bootstrap(values, seed=4)
    assert shifted.low == pytest.approx(found.low + 5.0)


@pytest.mark.parametrize(("values", "block"), [([1.0] * 20, None), ([0.3], None), ([1.0, 2.0, 3.0] * 5, 4)])
def test_too_little_to_redraw_gives_no_interval(values: list[float], block: int | None) -> None:
    assert block_bootstrap(values, block=block) is None


def test_the_block_bootstrap_refuses_impossible_input() -> None:
    for bad in ([], [math.nan]):
        with pytest.raises(ValueError, match=r"at least 1 value|NaN"):
            block_bootstrap(bad)
        with pytest.raises(ValueError, match=r"at least 1 value|NaN"):
            block_length(bad)
    with pytest.raises(ValueError, match="at least 1"):
        block_bootstrap([1.0, 2.0], block=0)
    with pytest.raises(ValueError, match="at least 1"):
        block_bootstrap([1.0, 2.0], resamples=0)
    with pytest.raises(ValueError, match="level"):
        block_bootstrap([1.0, 2.0], level=0.0)


def test_neighbours_are_compared_in_blocks_of_three_block_lengths() -> None:
    values = stream(Random(2), 400, 0.6)
    found = compare_neighbours(values, [0.0] * 400, seed=3)
    count = max(4, min(16, 400 // (3 * block_length(values))))
    assert (found.n, found.groups, found.test) == (
        400,
        count,
        f"block bootstrap, {count} blocks of neighbours",
    )
    interval = block_bootstrap(values, block=400 // count, seed=3)
    assert interval is not None
    assert (found.low, found.high) == (interval.low, interval.high)
    assert found.only_a + found.only_b == 400


@pytest.mark.parametrize("memory", [0.0, 0.6])
def test_neighbours_that_do_not_differ_raise_few_alarms(memory: float) -> None:
    """The share of p <= 0.05 stays near 0.05, and the interval holds 0 as often as it should."""
    alarms = held = 0
    for seed in range(100):
        rng = Random(seed)
        found = compare_neighbours(stream(rng, 200, memory), stream(rng, 200, memory))
        alarms += found.p <= 0.05
        held += found.low is not None and found.high is not None and found.low <= 0.0 <= found.high
    assert alarms <= 12
    assert held >= 88


def test_the_p_of_neighbours_and_their_interval_agree() -> None:
    values = [one + 0.5 for one in stream(Random(5), 300, 0.3)]
    found = compare_neighbours(values, [0.0] * 300)
    assert found.p < 0.001
    assert found.low is not None
    assert found.low > 0.0


def test_a_few_values_are_compared_as_independent_ones() -> None:
    found = compare_neighbours([0.3, 0.2, 0.4], [0.1, 0.1, 0.1])
    assert found.test.startswith("sign-flip permutation (exact)")
    assert found.p == pytest.approx(0.25)


def test_neighbours_that_all_differ_by_the_same_have_no_interval() -> None:
    found = compare_neighbours([0.3] * 40, [0.1] * 40)
    assert (found.low, found.high) == (None, None)
    assert found.p == pytest.approx(2.0**-12)
    assert found.test == "sign flip over 13 blocks of neighbours"
    same = compare_neighbours([0.3] * 40, [0.3] * 40)
    assert (same.difference, same.p, same.low) == (0.0, 1.0, None)


def test_comparing_neighbours_refuses_what_does_not_run_side_by_side() -> None:
    with pytest.raises(ValueError, match="equally long"):
        compare_neighbours([1.0], [1.0, 2.0])
