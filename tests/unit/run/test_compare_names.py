"""Names of targets that come from several runs."""

from bakeoff.run.compare import target_names


def test_names_stay_where_they_are_unique() -> None:
    assert target_names({"1-x-aa": ["m"], "2-x-bb": ["n"]}) == {"1-x-aa": {"m": "m"}, "2-x-bb": {"n": "n"}}


def test_a_name_of_two_runs_gets_their_last_word() -> None:
    found = target_names({"1-x-aa": ["m", "n"], "2-x-bb": ["m"]})
    assert found == {"1-x-aa": {"m": "m@aa", "n": "n"}, "2-x-bb": {"m": "m@bb"}}


def test_equal_last_words_give_the_whole_id() -> None:
    found = target_names({"1-x-aa": ["m"], "2-x-aa": ["m"]})
    assert found == {"1-x-aa": {"m": "m@1-x-aa"}, "2-x-aa": {"m": "m@2-x-aa"}}
