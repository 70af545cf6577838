"""Stand-ins at the engine's seams: a client that answers from a script, a store that keeps a list."""

import asyncio
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import msgspec

from bakeoff.engine.cache import AnswerCache
from bakeoff.engine.gate import Gate
from bakeoff.engine.send import Lane, Outgoing, Sending
from bakeoff.prompts import PromptRenderer
from bakeoff.providers.openai_chat import OpenAIChat
from bakeoff.records import Call, Case, Event, Exchange, Intent, PromptSpec, Sample, Sampling, Score, Target
from bakeoff.wire import make_route

Reply = Exchange | Exception


def answer(text: str = "4", *, status: int = 200, at: int = 100, **changes: Any) -> Exchange:
    """Return an answer that was not streamed."""
    body = msgspec.json.encode({"choices": [{"message": {"content": text}, "finish_reason": "stop"}]})
    fields: dict[str, Any] = {
        "status": status,
        "headers": {"content-type": "application/json"},
        "pieces": [body],
        "stamps": [at + 3],
        "sent_at": at,
        "first_byte_at": at + 1,
        "done_at": at + 3,
    }
    return Exchange(**(fields | changes))


def refusal(status: int, body: bytes = b"", **headers: str) -> Exchange:
    """Return an answer that is none; header names are written with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return answer(status=status, headers=named, pieces=[body], stamps=[103])


class ScriptClient:
    """Gives the replies in order, the last one for ever; knows how many were in flight at once."""

    stamped_by = "kernel"

    def __init__(self, *replies: Reply, seconds: float = 0.0) -> None:
        self._replies = list(replies)
        self._seconds = seconds
        self.calls: list[Call] = []
        self.in_flight = 0
        self.most = 0
        self.warmed = 0

    async def warm(self, _route: object, count: int) -> None:
        self.warmed = count

    async def exchange(self, _route: object, call: Call) -> Exchange:
        self.calls.append(call)
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)
        try:
            await asyncio.sleep(self._seconds)
        finally:
            self.in_flight -= 1
        reply = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
        if isinstance(reply, Exception):
            raise reply
        return reply


class ListStore:
    """Keeps records in memory; fails when told to."""

    def __init__(self) -> None:
        self.records: list[Sample | Score | Event] = []
        self.groups: list[bool] = []
        self.fail_add: Exception | None = None
        self.fail_flush: Exception | None = None
        self.synced = 0
        self._grouped = False

    @property
    def grouped(self) -> bool:
        return self._grouped

    @grouped.setter
    def grouped(self, on: bool) -> None:
        self._grouped = on
        self.groups.append(on)

    def add(self, record: Sample | Score | Event) -> None:
        if self.fail_add is not None and isinstance(record, Sample):
            raise self.fail_add
        self.records.append(record)

    def flush(self) -> None:
        if self.fail_flush is not None:
            raise self.fail_flush

    def sync(self) -> None:
        self.synced += 1

    def of(self, kind: type[Any]) -> list[Any]:
        """Return the records of a kind."""
        return [record for record in self.records if type(record) is kind]


def lane(client: ScriptClient, **changes: Any) -> Lane:
    """Return a lane that asks a scripted client."""
    fields: dict[str, Any] = {
        "target": Target(name="t", provider="openai_chat", model="m"),
        "renderer": PromptRenderer(PromptSpec(), form="chat", sampling=Sampling()),
        "provider": OpenAIChat(),
        "route": make_route("http://127.0.0.1:1/v1"),
        "client": client,
    }
    return Lane(**(fields | changes))


def outgoing(one: Lane, case: Case | None = None) -> Outgoing:
    """Return one encoded intent."""
    request = one.renderer.render(case or Case(id="c", fields={"input": "2 + 2?"}))
    intent = Intent(benchmark="b", case="c", target="t")
    return Outgoing(intent=intent, request=request, call=one.provider.encode(request, one.target))


def sending(
    *, attempts: int = 1, zero: int = 0, gate: Gate | None = None, cache: AnswerCache | None = None
) -> Sending:
    """Return how samples are taken."""
    return Sending(zero=zero, segment=0, attempts=attempts, gate=gate, rng=Random(0), cache=cache)


def counter(limit: int) -> Callable[[], bool]:
    """Return a question that is answered yes so many times."""
    left: Iterator[None] = iter([None] * limit)
    return lambda: next(left, False) is None
