import math
from random import Random

import pytest

from bakeoff.stats.blocks import block_bootstrap, block_length
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
