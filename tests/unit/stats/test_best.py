import math
from random import Random

import pytest
import scipy.stats
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bakeoff.stats.best import Scores, chances


def systems(*columns: list[float]) -> list[Scores]:
    return [Scores(name="abcdefghij"[at], values=values) for at, values in enumerate(columns)]


@pytest.mark.parametrize("n", [300, 3_000])
def test_the_chance_of_two_is_the_normal_tail_of_their_difference(n: int) -> None:
    rng = Random(n)
    a = [rng.gauss(0.5, 1.0) for _ in range(n)]
    b = [one + rng.gauss(0.03, 0.5) for one in a]
    found = {one.name: one for one in chances(systems(a, b), resamples=4_000)}
    differences = [y - x for x, y in zip(a, b, strict=True)]
    mean = sum(differences) / n
    se = math.sqrt(sum((d - mean) ** 2 for d in differences)) / n
    assert found["b"].best == pytest.approx(scipy.stats.norm.cdf(mean / se), abs=0.03)
    assert found["a"].best == pytest.approx(1.0 - found["b"].best)


@pytest.mark.parametrize("n", [200, 1_500])
def test_twins_share_every_place(n: int) -> None:
    values = [float(i % 3 == 0) for i in range(n)]
    found = chances(systems(values, values, [0.0] * n), resamples=300)
    assert [one.best for one in found] == pytest.approx([0.5, 0.5, 0.0])
    assert [(one.low, one.high) for one in found] == [(1, 2), (1, 2), (3, 3)]
    assert found[0].places == pytest.approx((0.5, 0.5, 0.0))


def test_lower_can_be_better() -> None:
    found = chances(systems([1.0] * 30, [2.0] * 30), higher_is_better=False, resamples=50)
    assert [one.name for one in found] == ["a", "b"]
    assert found[0].best == 1.0


def test_a_clear_order_has_sharp_ranks() -> None:
    rng = Random(5)
    found = chances(systems(*([rng.gauss(mean, 0.1) for _ in range(400)] for mean in (0.1, 0.3, 0.2))))
    assert [(one.name, one.low, one.high) for one in found] == [("b", 1, 1), ("c", 2, 2), ("a", 3, 3)]


def test_clusters_make_the_chance_less_sure() -> None:
    rng = Random(6)
    effects = [rng.gauss(0.06, 0.5) for _ in range(60)]
    zeros, values = [0.0] * 300, [effects[i // 5] for i in range(300)]
    alone = chances(systems(zeros, values))[0]
    together = chances(systems(zeros, values), clusters=[i // 5 for i in range(300)])[0]
    uneven = chances(systems(zeros[:-2], values[:-2]), clusters=[i // 5 for i in range(298)])[0]
    assert alone.best - together.best > 0.03
    assert uneven.best == pytest.approx(together.best, abs=0.05)


def test_many_uneven_clusters_agree_with_few_redraws() -> None:
    rng = Random(7)
    clusters = [i for i in range(1_200) for _ in range(1 + i % 3)]
    effects = [rng.gauss(0.0, 1.0) for _ in range(1_200)]
    a = [effects[i] for i in clusters]
    b = [0.5 * effects[i] + 0.01 for i in clusters]
    se = math.sqrt(sum((0.5 * effects[i] * (1 + i % 3)) ** 2 for i in range(1_200))) / len(clusters)
    gap = sum(x - y for x, y in zip(a, b, strict=True)) / len(a)
    found = {one.name: one.best for one in chances(systems(a, b), clusters=clusters, resamples=4_000)}
    assert found["a"] == pytest.approx(scipy.stats.norm.cdf(gap / se), abs=0.04)


@settings(max_examples=40)
@example([[1e-300, 0.0, 0.0, 0.0]], False)
@example([[0.0, 0.0, 0.0, 5e-324]], True)
@given(
    st.lists(st.lists(st.floats(-5.0, 5.0), min_size=4, max_size=4), min_size=1, max_size=5),
    st.booleans(),
)
def test_places_are_a_distribution(columns: list[list[float]], higher: bool) -> None:
    found = chances(systems(*columns), higher_is_better=higher, resamples=40)
    assert sum(one.best for one in found) == pytest.approx(1.0)
    for one in found:
        assert sum(one.places) == pytest.approx(1.0)
        assert 1 <= one.low <= one.high <= len(columns)
    means = [one.mean for one in found]
    assert means == sorted(means, reverse=higher)


@pytest.mark.parametrize(
    "given_systems",
    [[], systems([]), systems([math.nan]), systems([1.0], [1.0, 2.0]), systems([1.0]) * 2],
)
def test_chances_refuse_impossible_systems(given_systems: list[Scores]) -> None:
    with pytest.raises(ValueError, match=r"no systems|at least 1|NaN|equally long|twice"):
        chances(given_systems)


def test_chances_refuse_impossible_options() -> None:
    with pytest.raises(ValueError, match="resamples"):
        chances(systems([1.0]), resamples=0)
    with pytest.raises(ValueError, match="level"):
        chances(systems([1.0]), level=1.0)
    with pytest.raises(ValueError, match="equally long"):
        chances(systems([1.0, 2.0]), clusters=["x"])
