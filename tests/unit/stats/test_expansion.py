import math
from itertools import product
from random import Random

import pytest

from bakeoff.stats.expansion import bca_mean, signed_sum_p
from bakeoff.stats.resampling import bootstrap, sign_flip, sign_test


@pytest.mark.parametrize("wins", [300, 330, 345, 380, 420])
def test_the_saddlepoint_of_equal_sizes_is_the_sign_test(wins: int) -> None:
    found = signed_sum_p([0.5] * 600, 0.5 * (2 * wins - 600))
    assert found == pytest.approx(sign_test(wins, 600 - wins), rel=0.006)


def test_the_saddlepoint_of_two_sizes_agrees_with_the_convolution() -> None:
    # sum = (2 A - 400) + 2 (2 B - 300) with binomial A and B.
    bar = 120
    exact = sum(
        math.comb(400, a) * math.comb(300, b)
        for a, b in product(range(401), range(301))
        if abs(2 * a - 400 + 2 * (2 * b - 300)) >= bar
    )
    assert signed_sum_p([1.0] * 400 + [2.0] * 300, bar) == pytest.approx(exact / 2**700, rel=0.01)


def test_the_saddlepoint_agrees_with_draws() -> None:
    rng = Random(3)
    differences = [rng.gauss(0.08, 1.0) + 0.3 * rng.random() for _ in range(900)]
    computed, drawn = sign_flip(differences), sign_flip(differences, draws=20_000)
    assert computed.approximate
    assert computed.draws is None
    assert drawn.draws == 20_000
    assert computed.p == pytest.approx(drawn.p, abs=3.5 * math.sqrt(drawn.p / 20_000) + 1e-4)


def test_a_sum_of_nothing_gives_p_1() -> None:
    assert signed_sum_p([1.0, 2.0] * 400, 0.0) == 1.0


@pytest.mark.parametrize(
    ("sizes", "observed"),
    [([1.0, 2.0] * 100, 3.0), ([1.0] * 600 + [100.0], 3.0), ([1.0, 2.0] * 300, 900.0)],
)
def test_too_few_or_lopsided_sizes_have_to_be_drawn(sizes: list[float], observed: float) -> None:
    assert signed_sum_p(sizes, observed) is None


def test_p_never_becomes_zero() -> None:
    assert 0.0 < signed_sum_p([1.0 + i % 7 for i in range(20_000)], 60_000.0) < 1e-300


@pytest.mark.parametrize("kind", ["normal", "skewed", "three values", "clusters"])
def test_the_computed_bca_interval_is_the_drawn_one(kind: str) -> None:
    rng = Random(6)
    draw = {
        "normal": lambda: rng.gauss(0.3, 1.0),
        "skewed": lambda: rng.lognormvariate(0.0, 0.6),
        "three values": lambda: rng.choice((0.0, 0.0, 0.0, 1.0, -0.5)),
        "clusters": lambda: rng.gauss(0.3, 1.0),
    }[kind]
    values = [draw() for _ in range(800)]
    clusters = None
    if kind == "clusters":
        clusters = [i for i in range(800) for _ in range(1 + i % 4)]
        values = [values[i] * (1.0 + 0.2 * (i % 4)) for i in clusters]
    found, drawn = bootstrap(values, clusters=clusters), bootstrap(values, clusters=clusters, resamples=4_000)
    assert found is not None
    assert drawn is not None
    width = drawn.high - drawn.low
    assert found.low == pytest.approx(drawn.low, abs=0.04 * width)
    assert found.high == pytest.approx(drawn.high, abs=0.04 * width)


def test_heavy_tails_and_few_groups_are_drawn() -> None:
    assert bca_mean(0.0, [0.0] * 600 + [1.0], level=0.95) is None
    assert bca_mean(0.0, [-1.0, 1.0] * 100, level=0.95) is None
    assert bootstrap([0.0] * 600 + [1.0]) is not None
