"""Who is compared with whom, and what is adjusted together."""

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.decide.parts import row

from bakeoff.decide.compare.pairs import adjusted, families

NAMES = st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=8)


def test_without_an_incumbent_all_pairs_are_one_family():
    assert families(["a", "b", "c"], None) == [[("a", "b"), ("a", "c"), ("b", "c")]]
    assert families(["a", "b"], "elsewhere") == [[("a", "b")]]
    assert families(["a"], None) == []


def test_challengers_against_the_incumbent_are_a_family_of_their_own():
    assert families(["a", "b", "c"], "b") == [[("a", "b"), ("c", "b")], [("a", "c")]]
    assert families(["a", "b", "c"], "b", only_incumbent=True) == [[("a", "b"), ("c", "b")]]
    assert families(["a", "b"], "b") == [[("a", "b")]]


@given(names=NAMES, incumbent=st.sampled_from("abcz"))
def test_every_pair_is_compared_once(names, incumbent):
    found = [frozenset(pair) for family in families(names, incumbent) for pair in family]
    assert len(found) == len(set(found)) == len(names) * (len(names) - 1) // 2


def test_rows_without_a_p_do_not_count_as_tests():
    rows = [row("a", "b", 0.1, clear=True, p=0.01), row("a", "c", None, clear=False, p=None)]
    assert [one.p_adjusted for one in adjusted(rows)] == [0.01, None]
