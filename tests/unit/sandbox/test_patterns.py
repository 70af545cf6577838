"""Regular expressions come to an end, in the main thread and in others."""

import re
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from bakeoff.sandbox import Found, TooSlowError, find
from bakeoff.sandbox.patterns import slow_at_worst

ENDLESS = re.compile(r"(a|aa)+(b|bb)+$")
HOSTILE = "a" * 60 + "c"


def in_a_thread(work):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


def test_an_endless_search_is_given_up():
    with pytest.raises(TooSlowError):
        find(ENDLESS, HOSTILE, seconds=0.2)
    assert signal.getitimer(signal.ITIMER_VIRTUAL)[0] == 0


def test_an_endless_search_is_given_up_in_a_thread_too():
    with pytest.raises(TooSlowError):
        in_a_thread(lambda: find(ENDLESS, HOSTILE, seconds=0.1))


def test_a_handler_that_was_there_is_there_again():
    before = signal.signal(signal.SIGVTALRM, signal.SIG_IGN)
    find(re.compile("a+b+"), "aab")
    assert signal.signal(signal.SIGVTALRM, before) == signal.SIG_IGN


@pytest.mark.parametrize("wrap", [lambda work: work(), in_a_thread])
@pytest.mark.parametrize("pattern", [r"(?P<l>[a-z])(\d)?", r"(?P<l>[a-z])(\d)?(?:x+y+)?"])
def test_searches_are_the_same_everywhere(wrap, pattern):
    compiled = re.compile(pattern)
    first = wrap(lambda: find(compiled, "a b2 c"))
    last = wrap(lambda: find(compiled, "a b2 c", how="last", group=2))
    assert (first.text, first.group("l"), first.group(2)) == ("a", "a", None)
    assert (last.group(0), last.group(1), last.group(2)) == ("b2", "b", "2")
    assert wrap(lambda: find(compiled, "b2", how="full")) == Found(
        text="b2", groups=["b", "2"], names={"l": "b"}
    )
    assert wrap(lambda: find(compiled, "22")) is None
    assert wrap(lambda: find(compiled, "b", how="last", group=2)) is None


@pytest.mark.parametrize(
    ("pattern", "slow"),
    [
        (r"\w+", False),
        (r"[a+*]+", False),
        (r"\+x*", False),
        (r"a+b+", True),
        (r"(a)\1", True),
        (r"a{2,}.*", True),
        (r"^(a|aa)+$", True),
        (r"(ab)?", False),
    ],
)
def test_only_patterns_that_could_be_slow_are_timed(pattern, slow):
    assert slow_at_worst(pattern) is slow


def test_the_main_thread_is_where_tests_run():
    assert threading.current_thread() is threading.main_thread()
