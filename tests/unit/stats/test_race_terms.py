"""What a race may drop: only who is worse than an accepted loss, or cannot take a reference's place."""

import math
from collections.abc import Callable, Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.stats.grouped import GroupedRace, look_p
from bakeoff.stats.paired import PairedTable, tango, tango_z
from bakeoff.stats.race import Loss, Race, Terms, new_losses

STEP, STEPS = 40, 15
Make = Callable[[Sequence[str], Terms], Race | GroupedRace]
METHODS: list[Make] = [
    lambda names, terms: Race(names, terms=terms),
    lambda names, terms: GroupedRace(names, [STEP * 3 * at for at in range(1, 6)], terms=terms),
]
both_methods = pytest.mark.parametrize("make", METHODS, ids=["anytime", "planned looks"])


ONE, NONE = [1.0] * 60, [0.0] * 60


@both_methods
def test_a_reference_stays_until_all_that_are_left_are_better(make: Make) -> None:
    size = 1 if make is METHODS[0] else 2
    clear = make(["now", "x", "y"], Terms(reference="now"))
    state = clear.add({"now": NONE * size, "x": ONE * size, "y": ONE * size})
    assert state.remaining == ("x", "y")
    assert [loss.name for loss in state.losses] == ["now"]


def loss(winner: str, name: str, p: float = 0.01) -> Loss:
    return Loss(name=name, winner=winner, n=20, p=p)


def test_who_may_be_dropped_by_whom_with_a_reference() -> None:
    terms = Terms(reference="now")
    # `x` beats `y` but was not shown to be better than what runs, so `y` may still be the one that is.
    assert new_losses([loss("x", "y")], ["now", "x", "y"], terms) == []
    ahead = [loss("x", "y"), loss("x", "now", 0.02)]
    assert [each.name for each in new_losses(ahead, ["now", "x", "y"], terms)] == ["y", "now"]
    assert [each.name for each in new_losses([loss("now", "y")], ["now", "x", "y"], terms)] == ["y"]
    # `y` may yet be shown to be better than what runs, so that is asked on.
    assert new_losses([loss("x", "now")], ["now", "x", "y"], terms) == []
    gone = [loss("now", "x"), loss("now", "y")]
    assert [each.name for each in new_losses(gone, ["now", "x", "y"], terms)] == ["x", "y"]
    assert new_losses(gone, ["now"], terms) == []


def test_nobody_is_dropped_where_nobody_may_be() -> None:
    assert new_losses([loss("x", "y")], ["x", "y"], Terms(drops=False)) == []
    for race in (Race("ab", terms=Terms(drops=False)), GroupedRace("ab", [60], terms=Terms(drops=False))):
        assert race.add({"a": ONE, "b": NONE}).state == "open"
        assert race.tests()[0].p < 0.001


def test_a_lead_holds_where_less_is_better() -> None:
    terms = Terms(lead=2.0)
    race = Race(["slow", "quick"], high=10.0, higher_is_better=False, terms=terms)
    assert race.add({"slow": [8.0, 4.0] * 30, "quick": [6.0, 2.0] * 30}).losses == ()
    assert race.add({"slow": [9.0] * 60, "quick": [2.0] * 60}).remaining == ("quick",)


def test_a_second_name_can_be_the_one_ahead_at_a_look() -> None:
    for terms in (Terms(), Terms(lead=0.1)):
        assert GroupedRace("ab", [60], terms=terms).add({"a": NONE, "b": ONE}).remaining == ("b",)


def test_the_p_value_of_a_lead_is_one_up_to_it_and_falls_beyond() -> None:
    assert look_p([1.0, -1.0, 0.0, 0.0], lead=0.1) == 1.0
    assert look_p([0.25] * 12, lead=0.1) == pytest.approx(2 * 0.5**12)
    assert look_p([0.1] * 12, lead=0.1) == 1.0
    values = [1.0] * 30 + [0.0] * 70
    few, many = look_p(values, lead=0.2), look_p(values, lead=0.1)
    assert many < few < 1.0
    assert many > look_p(values)
    score = (
        2 * 0.5 * math.erfc(tango_z(PairedTable(both=0, only_a=30, only_b=0, neither=70), 0.1) / math.sqrt(2))
    )
    assert many >= score
    rng = Random(1)
    assert 0.0 < look_p([rng.uniform(0.2, 0.6) for _ in range(40)], lead=0.1) < 0.001
    assert look_p([rng.uniform(-0.5, 0.8) for _ in range(40)], lead=0.3) > 0.1


@given(st.tuples(*[st.integers(0, 40)] * 4).filter(any), st.sampled_from((0.8, 0.95, 0.99)))
def test_tangos_score_is_z_at_the_ends_of_his_interval(counts: tuple[int, ...], level: float) -> None:
    both, only_a, only_b, neither = counts
    table = PairedTable(both=both, only_a=only_a, only_b=only_b, neither=neither)
    interval, seen = tango(table, level=level), (only_a - only_b) / table.n
    for end, sign in ((interval.low, 1.0), (interval.high, -1.0)):
        inner, outer = end + 0.01 * (seen - end), end - 0.01 * sign
        bar = tango_z(table, max(-1.0, min(1.0, end)))
        if abs(end) < 1.0 - 1e-6 and abs(end - seen) > 1e-6:
            assert tango_z(table, inner) * sign <= bar * sign + 1e-6
            if -1.0 < outer < 1.0:
                assert tango_z(table, outer) * sign >= bar * sign - 1e-6


def test_tangos_score_at_the_ends() -> None:
    sure = PairedTable(both=0, only_a=5, only_b=0, neither=0)
    assert tango_z(sure, 1.0) == 0.0
    assert tango_z(sure, -1.0) == math.inf
    assert tango_z(PairedTable(both=0, only_a=0, only_b=5, neither=0), 1.0) == -math.inf
    assert tango_z(PairedTable(both=0, only_a=0, only_b=0, neither=0), 0.5) == 0.0
    with pytest.raises(ValueError, match="between -1 and 1"):
        tango_z(sure, 1.5)


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        (Terms(lead=1.0), "a lead is at least 0 and below 1"),
        (Terms(lead=-0.1), "a lead is at least 0"),
        (Terms(reference="c"), "the reference `c` is not in the race"),
    ],
)
def test_impossible_terms_are_refused(terms: Terms, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Race("ab", terms=terms)
    with pytest.raises(ValueError, match=message):
        GroupedRace("ab", [10], terms=terms)
