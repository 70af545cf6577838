"""Counts of a large run that goes on are not made anew for each who polls."""

from bakeoff import clock
from bakeoff.server.dialects.openai_evals.outcome import Counts, _Recent


def test_what_took_long_to_count_is_kept_for_a_while():
    recent = _Recent()
    recent.keep("slow", Counts(passed=7), clock.now_ns() - 60_000_000_000)
    assert recent.find("slow") == Counts(passed=7)
    assert recent.find("other") is None


def test_what_was_kept_for_long_enough_is_counted_again():
    recent = _Recent()
    # As if it had been kept a second ago, for no time at all.
    recent.keep("old", Counts(passed=7), clock.now_ns() + 1_000_000_000)
    assert recent.find("old") is None


def test_the_oldest_are_forgotten():
    recent = _Recent()
    for number in range(101):
        recent.keep(str(number), Counts(), clock.now_ns() - 60_000_000_000)
    assert (recent.find("0"), recent.find("100")) == (None, Counts())
