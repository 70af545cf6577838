"""Messages of failed requests are counted in a bounded memory."""

from tests.unit.decide.parts import sample

from bakeoff.decide.gather.failures import Failures, tried_again
from bakeoff.records import Attempt


def test_the_most_frequent_come_first_and_the_rest_is_counted():
    errors = ["a: one", "b: two", "b: two", "c: three", "d: four", "", "e: five"]
    failures = Failures(sample(outcome="error", error=error) for error in errors)
    assert failures.total == 7
    assert failures.sentence() == "two (2); one (1); three (1); others (3)"


def test_answers_are_no_failures_and_silence_is_no_sentence():
    assert Failures([sample(outcome="truncated", error="x: y")]).total == 0
    assert Failures([sample(outcome="timeout")]).sentence() == ""


def test_long_messages_are_cut_and_take_one_line():
    told = Failures([sample(outcome="error", error="x: a\nb " + "y" * 500)]).sentence()
    assert told.startswith("a b yyy")
    assert len(told) < 180


def test_a_server_that_never_repeats_itself_does_not_fill_the_memory():
    words = ("".join(chr(97 + int(digit)) for digit in str(n)) for n in range(5000))
    failures = Failures(sample(outcome="error", error=word) for word in words)
    assert failures.total == 5000
    assert failures.sentence().endswith("; others (4997)")


def test_what_parts_counted_adds_up():
    first = Failures([sample(outcome="error", error="x: 1 is bad")])
    first.take(
        Failures([sample(outcome="error", error="x: 2 is bad"), sample(outcome="error", error="y: z")])
    )
    assert (first.total, first.sentence()) == (3, "1 is bad (2); z (1)")


def test_tries_are_told_where_they_shift_times():
    slow = [Attempt(kind="http_429", error="HTTP 429: rate limit reached")]
    closed = [Attempt(kind="reconnect", error="closed")]
    told = tried_again([sample(attempts=slow), sample(attempts=slow * 2), *[sample(attempts=closed)] * 8])
    assert told.startswith(
        "2 of 10 answers took several tries: HTTP 429: rate limit reached (3); the waiting"
    )
    assert tried_again([sample(attempts=slow), *[sample()] * 99]) == ""
    assert tried_again([sample(attempts=closed)]) == ""
    assert tried_again([]) == ""
