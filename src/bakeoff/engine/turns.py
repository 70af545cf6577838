"""Turns of conversations: which intents belong together, and how a turn becomes a request.

A case that nothing follows is a conversation of one turn, so everything that is sent goes through here.
"""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from bakeoff.engine.memory import Key
from bakeoff.engine.send import Lane, Outgoing
from bakeoff.records import Case, Intent, Request
from bakeoff.words import LengthFeedback, fitted


def followed(cases: Mapping[str, Case]) -> dict[str, str]:
    """Return which case each later turn follows."""
    return {name: case.follows for name, case in cases.items() if case.follows is not None}


def goes_on(before: Intent, intent: Intent, follows: Mapping[str, str]) -> bool:
    """Tell whether an intent is the next turn of the conversation of the one before it."""
    return follows.get(intent.case) == before.case and intent.repeat == before.repeat


def lines(intents: Iterable[Intent], follows: Mapping[str, str]) -> Iterator[list[Intent]]:
    """Yield what is sent one after another: the turns of each conversation that are still to be sent."""
    line: list[Intent] = []
    for intent in intents:
        if line and not goes_on(line[-1], intent, follows):
            yield line
            line = []
        line.append(intent)
    if line:
        yield line


class Writer:
    """Writes the requests of one stage.

    Args:
        cases: of the benchmark, by id.
        lane: the target and how it is asked.
        lengths: what its prompts cost, None where nothing was learnt.
        said: answers of turns that an earlier process sent; None for one that was not whole.
    """

    def __init__(
        self,
        cases: Mapping[str, Case],
        lane: Lane,
        *,
        lengths: LengthFeedback | None = None,
        said: Mapping[Key, str | None] | None = None,
    ) -> None:
        self._cases = cases
        self._lane = lane
        self._lengths = lengths
        self._said = said or {}

    def case(self, name: str) -> Case:
        """Return a case as it is sent, its prompt of the asked length as far as is known."""
        case = self._cases[name]
        return case if self._lengths is None else fitted(case, self._lengths)

    def broken(self, intent: Intent) -> bool:
        """Tell whether an earlier process left a conversation whose last answer was not whole."""
        before = self._before(intent)
        return before is not None and self._said.get(before.key) is None

    def opened(self, line: list[Intent]) -> Outgoing:
        """Return the first turn of a line with the others behind it."""
        first = line[0]
        return self._outgoing(first, self._asked(first), tuple(line[1:]))

    def next(self, out: Outgoing, answer: str) -> Outgoing:
        """Return the turn after `out`, which was answered so."""
        intent, *rest = out.rest
        request = self._lane.renderer.continued(self.case(intent.case), out.request, answer)
        return self._outgoing(intent, request, tuple(rest))

    def think_ns(self, intent: Intent) -> int:
        """Return the pause before a turn."""
        return round(self._cases[intent.case].think_s * 1e9)

    def _outgoing(self, intent: Intent, request: Request, rest: tuple[Intent, ...]) -> Outgoing:
        if request.continuations:  # the calls for likelihoods are made one by one
            return Outgoing(intent=intent, request=request, call=None, rest=rest)
        call = self._lane.provider.encode(of_repeat(request, intent.repeat), self._lane.target)
        return Outgoing(intent=intent, request=request, call=call, rest=rest)

    def _asked(self, intent: Intent) -> Request:
        """Return a turn's request with the stored answers of the turns before it."""
        case, before = self.case(intent.case), self._before(intent)
        if before is None:
            return self._lane.renderer.render(case)
        answer = self._said.get(before.key)
        return self._lane.renderer.continued(case, self._asked(before), answer or "")

    def _before(self, intent: Intent) -> Intent | None:
        name = self._cases[intent.case].follows
        return None if name is None else msgspec.structs.replace(intent, case=name)


def of_repeat(request: Request, repeat: int) -> Request:
    """Return the request with the seed of a repeat: the same seed would draw the same answer again."""
    seed = request.sampling.seed
    if seed is None or repeat == 0:
        return request
    return msgspec.structs.replace(
        request, sampling=msgspec.structs.replace(request.sampling, seed=seed + repeat)
    )
