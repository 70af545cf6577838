import math
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.stats.rank import Pairwise, RankInterval, Standing, TiedSet, rank_intervals, tied_with_best

THREE = [Standing(name="a", value=0.7), Standing(name="b", value=0.9), Standing(name="c", value=0.8)]
PAIRS = [Pairwise(a="a", b="b", p=0.01), Pairwise(a="c", b="b", p=0.3), Pairwise(a="a", b="c", p=0.04)]


def test_the_tied_set_holds_who_cannot_be_told_from_the_best() -> None:
    assert tied_with_best(THREE, PAIRS) == TiedSet(best="b", tied=("c",))


def test_lower_can_be_better() -> None:
    assert tied_with_best(THREE, PAIRS, higher_is_better=False) == TiedSet(best="a", tied=())


def test_untested_and_unknown_pairs_are_tied() -> None:
    assert tied_with_best(THREE, []) == TiedSet(best="b", tied=("c", "a"))
    assert tied_with_best(THREE, [Pairwise(a="a", b="b", p=None)]).tied == ("c", "a")


def test_p_equal_to_alpha_is_tied() -> None:
    assert tied_with_best(THREE, [Pairwise(a="b", b="a", p=0.05)]).tied == ("c", "a")


def test_rank_intervals_count_who_is_told_apart() -> None:
    assert rank_intervals(THREE, PAIRS) == (
        RankInterval(name="b", low=1, high=2),
        RankInterval(name="c", low=1, high=2),
        RankInterval(name="a", low=3, high=3),
    )


def test_equal_values_share_their_ranks_whatever_p_says() -> None:
    twins = [Standing(name="a", value=1.0), Standing(name="b", value=1.0)]
    assert [(r.low, r.high) for r in rank_intervals(twins, [Pairwise(a="a", b="b", p=0.0)])] == [
        (1, 2),
        (1, 2),
    ]


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=6), st.data())
def test_every_plain_rank_lies_in_its_interval(values: list[float], data: st.DataObject) -> None:
    standings = [Standing(name=str(i), value=value) for i, value in enumerate(values)]
    pairs = [
        Pairwise(a=one.name, b=other.name, p=data.draw(st.sampled_from([0.0, 0.2, None])))
        for one, other in combinations(standings, 2)
    ]
    ranks = rank_intervals(standings, pairs)
    for place, rank in enumerate(ranks, start=1):
        assert 1 <= rank.low <= place <= rank.high <= len(values)
    assert tied_with_best(standings, pairs).best == ranks[0].name


@pytest.mark.parametrize(
    ("standings", "pairs", "alpha"),
    [
        ([], [], 0.05),
        ([Standing(name="a", value=math.nan)], [], 0.05),
        ([Standing(name="a", value=1.0)] * 2, [], 0.05),
        (THREE, [Pairwise(a="a", b="b", p=math.nan)], 0.05),
        (THREE, PAIRS, 1.5),
    ],
)
def test_ranking_refuses_impossible_input(standings, pairs, alpha: float) -> None:
    with pytest.raises(ValueError, match=r"at least 1|NaN|twice|p-value|alpha"):
        tied_with_best(standings, pairs, alpha=alpha)
    with pytest.raises(ValueError, match=r"at least 1|NaN|twice|p-value|alpha"):
        rank_intervals(standings, pairs, alpha=alpha)
