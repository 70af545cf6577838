"""Ask one target a list of cases, as a run would, and find in the store what was asked before."""

import contextlib
from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any, Literal

import msgspec

from bakeoff import clock
from bakeoff.engine.cache import AnswerCache, Question, opened
from bakeoff.engine.gate import Gate
from bakeoff.engine.loops import closed_loop
from bakeoff.engine.send import Lane, Outgoing, Sending, send
from bakeoff.engine.turns import Writer
from bakeoff.errors import EndpointError
from bakeoff.lm.settings import Settings, Subject
from bakeoff.lm.totals import Counts, Totals
from bakeoff.records import BenchmarkSpec, Case, Choice, Intent, PromptSpec, Sample
from bakeoff.run.benches import make_lanes, target_route
from bakeoff.run.remembering import notebook, remembered_probe
from bakeoff.stores.redact import Redactor
from bakeoff.wire import Client

FAILED = frozenset({"error", "timeout", "cancelled"})
_ANSWERED = frozenset({"ok", "truncated", "empty", "refused", "filtered"})
_BENCHMARK = "lm_eval"
_POINTS = {"prompt_logprobs": "prompt_logprobs", "grammar": "token_grammar"}
_MOST_FAILED = 20
"""With a store the answers after a failure are not lost, but an endpoint that is gone is given up."""

Form = Literal["chat", "completion"]


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A case, and the how-manieth time it is asked."""

    case: Case
    repeat: int = 0


class Asker:
    """Asks the target of an evaluation and counts.

    Args:
        settings: of the evaluation.
        subject: who is asked.
    """

    def __init__(self, settings: Settings, subject: Subject) -> None:
        self._settings = settings
        self._subject = subject
        self._redact = Redactor(subject.secrets)
        self._counts = Counts(subject.candidate.target.price)
        self._mode: str | None = None

    @property
    def name(self) -> str:
        """Return the target's name."""
        return self._subject.candidate.target.name

    def totals(self) -> Totals:
        """Return what was asked so far."""
        target = self._subject.candidate.target
        return Totals(
            target=target.name,
            model=target.model,
            endpoint=target_route(self._subject.candidate, self._subject.deployment).label,
            likelihoods=self._mode,
            sent=self._counts.sent.share(),
            stored=self._counts.stored.share(),
        )

    def told(self, text: str) -> str:
        """Return what a server said, without the key that it may repeat."""
        return self._redact(text.encode()).decode()

    async def answers(
        self, asked: Sequence[Asked], form: Form, progress: Callable[[], Any]
    ) -> list[Sample | None]:
        """Return the answer to each case; None for one that was not asked any more, after failures."""
        async with self._open() as (client, cache):
            return await self._send(asked, self._lane(client, form=form), cache, progress)

    async def likelihoods(self, asked: Sequence[Asked], progress: Callable[[], Any]) -> list[Sample | None]:
        """Return the likelihoods of each case's continuations, as `answers`.

        Raises:
            EndpointError: the endpoint cannot tell them.
        """
        async with self._open() as (client, cache):
            if self._mode is None:
                self._mode = await self._find_mode(client, cache, asked[0])
            return await self._send(asked, self._lane(client, mode=self._mode), cache, progress)

    @contextlib.asynccontextmanager
    async def _open(self) -> AsyncGenerator[tuple[Client, AnswerCache | None]]:
        store = self._settings.store
        with opened(None if store is None else Path(store), self._redact, outcomes=_ANSWERED) as cache:
            async with Client(timeouts=self._subject.spec.timeout) as client:
                yield client, cache

    def _lane(self, client: Client, *, form: Form = "completion", mode: Any = None) -> Lane:  # noqa: ANN401  one of a spec's modes
        benchmark = BenchmarkSpec(
            name=_BENCHMARK,
            dataset=Choice(type="lm_eval"),
            prompt=PromptSpec(form=form),
            multiple_choice=mode,
        )
        spec = msgspec.structs.replace(self._subject.spec, benchmarks=[benchmark])
        candidate = self._subject.candidate
        started = {candidate.model.name: self._subject.deployment}
        lanes = make_lanes(spec, [candidate], started, {_BENCHMARK: form}, client)
        return lanes[_BENCHMARK, self.name]

    async def _find_mode(self, client: Client, cache: AnswerCache | None, first: Asked) -> str:
        """Return how likelihoods are asked for: as those in the store were, else as the endpoint can."""
        asked = self._settings.likelihoods
        ways = list(_POINTS) if asked == "auto" else [asked]
        for way in ways if cache is not None else ():
            lane = self._lane(client, mode=way)
            out = self._outgoing(lane, first)
            if cache is not None and await cache.find(_question(lane, out), segment=0, at=0) is not None:
                return way
        lane = self._lane(client)
        points = frozenset(_POINTS[way] for way in ways)
        seen = await remembered_probe(client, lane.route, lane.target, points, book=notebook())
        for way in ways:
            if getattr(seen, _POINTS[way]) is True:
                return way
        lacking = "; ".join(f"no `{way}` ({seen.notes.get(_POINTS[way], 'not seen')})" for way in ways)
        raise EndpointError(
            self.told(f"it cannot tell how likely a text is: {lacking}"),
            where=f"`{self.name}` ({lane.route.label})",
            hint="ask tasks that generate (`output_type: generate_until`), or a server that can: vLLM's "
            "completions, or llama.cpp's",
        )

    async def _send(
        self, asked: Sequence[Asked], lane: Lane, cache: AnswerCache | None, progress: Callable[[], Any]
    ) -> list[Sample | None]:
        found: list[Sample | None] = [None] * len(asked)
        rng = Random(self._subject.spec.seed)
        how = Sending(
            zero=clock.now_ns(),
            segment=0,
            attempts=self._settings.attempts,
            gate=Gate(None, rng),
            rng=rng,
            chunk_times=False,
            cache=cache,
        )
        failed = 0
        most = 1 if cache is None else _MOST_FAILED

        async def work(number: int, at: int) -> None:
            nonlocal failed
            out, own = self._outgoing(lane, asked[number]), lane
            if asked[number].repeat:
                # The store is this evaluation's memory: a repeat is found again, and only as itself.
                own = msgspec.structs.replace(lane, server=f"{lane.server} repeat {out.intent.repeat}")
                out = msgspec.structs.replace(out, intent=msgspec.structs.replace(out.intent, repeat=0))
            sample = found[number] = await send(own, out, how, scheduled_at=at)
            self._counts.add(sample)
            failed += sample.outcome in FAILED
            progress()

        try:
            await closed_loop(
                iter(range(len(asked))), self._settings.concurrency, work, lambda: failed < most
            )
        except BaseExceptionGroup as errors:
            # The first of the workers that fell, most likely over the store.
            raise errors.exceptions[0] from errors
        return found

    def _outgoing(self, lane: Lane, asked: Asked) -> Outgoing:
        intent = Intent(benchmark=_BENCHMARK, case=asked.case.id, target=self.name, repeat=asked.repeat)
        return Writer({asked.case.id: asked.case}, lane).opened([intent])


def _question(lane: Lane, out: Outgoing) -> Question:
    return Question(
        server=lane.server,
        model=lane.target.model,
        asked_by=lane.judge,
        intent=out.intent,
        request=out.request,
        call=out.call,
    )
