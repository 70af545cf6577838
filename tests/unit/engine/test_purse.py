"""A run that may spend only so much, in the engine: what is not sent is no sample."""

import msgspec
import pytest
from tests.unit.engine.parts import answer, refusal
from tests.unit.engine.test_conversations import Talk, chat

from bakeoff.engine.control import Control
from bakeoff.engine.send import Outgoing
from bakeoff.errors import WireError
from bakeoff.records import Event, Sample, Score

_LIMIT = WireError("limit", "the job reached its limit of 3 requests")


class Few:
    """A purse with room for a few answers; `slow` ones have to wait for it."""

    def __init__(self, control: Control, most: int, *, slow: int = 0) -> None:
        self.held = 0
        self.settled = 0
        self.heard: list[Score] = []
        self._control = control
        self._left = most
        self._slow = slow

    async def set_aside(self, _out: Outgoing) -> bool:
        if self._slow:
            self._slow -= 1
            self.held += 1
        self._left -= 1
        if self._left < 0:
            self._control.drain()
        return self._left >= 0

    def settle(self, _out: Outgoing) -> None:
        self.settled += 1

    def judged(self, score: Score) -> None:
        self.heard.append(score)


def with_purse(talk: Talk, most: int, *, slow: int = 0) -> Few:
    purse = Few(talk.control, most, slow=slow)
    talk.control.purse = purse
    return purse


@pytest.mark.parametrize("turns", [1, 2])
def test_nothing_is_sent_for_which_there_is_no_room(turns: int):
    cases = [case for name in "abcdef" for case in chat(name, turns)]
    talk = Talk(cases, options={"concurrency": 3})
    purse = with_purse(talk, 3)
    samples: list[Sample] = talk.go()
    assert (len(samples), len(talk.client.calls), purse.settled) == (3, 3, 3)
    assert all(sample.ok for sample in samples)


def test_a_request_that_was_held_back_is_no_sample_and_no_end_of_its_conversation():
    talk = Talk(chat("a", 3), answer("one"), _LIMIT)
    purse = with_purse(talk, 99)
    assert [sample.case for sample in talk.go()] == ["a.1"]
    assert purse.settled == 2


def test_a_try_again_that_was_held_back_leaves_no_sample():
    talk = Talk(chat("a", 1), refusal(500, retry_after="0"), _LIMIT)
    again = [msgspec.structs.replace(stage, attempts=3) for stage in talk.plan.stages]
    talk.plan = msgspec.structs.replace(talk.plan, stages=again)
    with_purse(talk, 99)
    assert talk.go() == []
    assert len(talk.client.calls) == 2


@pytest.mark.parametrize(("slow", "valid"), [(0, True), (2, False)])
def test_numbers_of_a_load_that_was_held_back_are_not_the_server_s(slow: int, valid: bool):
    talk = Talk([case for name in "abcd" for case in chat(name, 1)])
    with_purse(talk, 99, slow=slow)
    talk.go()
    (ended,) = [event for event in talk.store.of(Event) if event.kind == "stage_ended"]
    reasons = [reason for reason in ended.facts["check"]["reasons"] if "room within" in reason]
    assert (not reasons) is valid
    assert valid or reasons == ["2 requests waited for room within the run's limits; give it higher ones"]


def test_scores_are_kept_and_heard():
    control, kept = Control(), list[Score]()
    score = Score(
        benchmark="b",
        case="c",
        target="t",
        repeat=0,
        stage="s",
        scorer="j",
        metric="j",
        value=1.0,
        passed=True,
        outcome="ok",
    )
    control.keeping(kept.append)(score)
    control.purse = purse = Few(control, 1)
    control.keeping(kept.append)(score)
    assert (kept, purse.heard) == ([score, score], [score])
