"""Send one intent and return its sample, whatever happens: the fence where errors become data."""

import asyncio
from itertools import pairwise
from random import Random

import msgspec

from bakeoff import clock
from bakeoff.engine.cache import AnswerCache, Question
from bakeoff.engine.gate import Gate
from bakeoff.engine.likelihood import Asking, CallFailed, judged
from bakeoff.errors import WireError
from bakeoff.extend import LikelihoodProvider, Provider
from bakeoff.outcomes import Failure, answer_failure, answer_outcome, status_failure, wire_failure
from bakeoff.prompts import Renderer
from bakeoff.records import Attempt, Call, Exchange, Intent, Request, Response, Sample, Target
from bakeoff.wire import Client, Route
from bakeoff.wire.leaving import LIMIT

_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 30.0
_HELD_BACK = f"{LIMIT}: "


class Lane(msgspec.Struct, frozen=True, kw_only=True):
    """Everything needed to ask one target the cases of one benchmark.

    Attributes:
        judge: asks for likelihoods, where the benchmark wants these.
        server: tells servers and weights apart, for the response cache; empty where that is not known.
    """

    target: Target
    renderer: Renderer
    provider: Provider
    route: Route
    client: Client
    judge: LikelihoodProvider | None = None
    server: str = ""


class Sending(msgspec.Struct, frozen=True, kw_only=True):
    """How the samples of a stage are taken.

    Attributes:
        zero: monotonic ns of the run's time zero.
        gate: None for a measured load, which is sent as asked.
        chunk_times: keep the time of every content event in the sample.
        cache: serves answers of earlier runs.
    """

    zero: int
    segment: int
    attempts: int
    gate: Gate | None
    rng: Random
    chunk_times: bool = True
    cache: AnswerCache | None = None


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """An intent with its request already encoded, and the later turns of its conversation.

    Attributes:
        call: None for a request of likelihoods, for which the provider makes several.
    """

    intent: Intent
    request: Request
    call: Call | None
    rest: tuple[Intent, ...] = ()


Landed = Exchange | WireError
"""What became of a call that was sent once."""


async def fly(lane: Lane, call: Call) -> Landed:
    """Send a call once and return what came back; what it means is told by `landed`."""
    try:
        return await lane.client.exchange(lane.route, call)
    except WireError as error:
        return error


def landed(lane: Lane, out: Outgoing, how: Sending, what: Landed, *, scheduled_at: int) -> Sample:
    """Return the sample of an intent that was sent once: the part of `send` that needs no waiting."""
    exchange, response, failure = _read(lane, what)
    tries = _reconnects(exchange)
    return _sample(out, how, scheduled_at, exchange, response or Response(), failure, tries)


async def send(lane: Lane, out: Outgoing, how: Sending, *, scheduled_at: int) -> Sample:
    """Send until answered or out of attempts, or serve an earlier answer. `scheduled_at` is monotonic ns."""
    if how.cache is None:
        return await _sent(lane, out, how, scheduled_at)
    asked_by = lane.provider if out.call is not None else lane.judge
    question = Question(
        server=lane.server,
        model=lane.target.model,
        asked_by=asked_by,
        intent=out.intent,
        request=out.request,
        call=out.call,
    )
    known = await how.cache.find(question, segment=how.segment, at=scheduled_at - how.zero)
    if known is None:
        known = await _sent(lane, out, how, scheduled_at)
        await how.cache.keep(question, known)
    return known


async def _sent(lane: Lane, out: Outgoing, how: Sending, scheduled_at: int) -> Sample:
    tries: list[Attempt] = []
    while True:
        if how.gate is None:
            answer = await _once(lane, out)
        else:
            async with how.gate:
                answer = await _once(lane, out)
        exchange, response, failure = answer
        tries += _reconnects(exchange)
        last = len([t for t in tries if t.kind != "reconnect"]) + 1 >= how.attempts
        if failure is None or not failure.retry or last:
            break
        wait = _wait(failure, len(tries), how.rng)
        tries.append(_attempt(failure, exchange, how.zero, wait))
        if how.gate is not None and failure.throttled:
            how.gate.throttled(wait)
        await asyncio.sleep(wait)
    if how.gate is not None and failure is None:
        how.gate.answered()
    return _sample(out, how, scheduled_at, exchange, response or Response(), failure, tries)


def held_back(sample: Sample) -> bool:
    """Tell whether a sample's last try never left, as its run may send no more: it is none, then."""
    return sample.error.startswith(_HELD_BACK)


_Answer = tuple[Exchange | None, Response | None, Failure | None]


async def _once(lane: Lane, out: Outgoing) -> _Answer:
    if out.call is None:
        return await _judge(lane, out)
    return _read(lane, await fly(lane, out.call))


def _read(lane: Lane, what: Landed) -> _Answer:
    if isinstance(what, WireError):
        return None, None, wire_failure(what)
    exchange = what
    if exchange.status != 200:
        return exchange, None, status_failure(exchange)
    try:
        response = lane.provider.decode(exchange)
    except Exception as error:  # noqa: BLE001  whatever a server or a provider does wrong belongs to this sample
        response = Response(error=f"the answer cannot be decoded: {type(error).__name__}: {error}")
    return exchange, response, answer_failure(exchange, response)


async def _judge(lane: Lane, out: Outgoing) -> _Answer:
    """Ask for likelihoods: all calls together are one try, which one failed call fails."""
    assert lane.judge is not None, "a benchmark that asks for likelihoods has who can tell them"
    asking = Asking(lane.client, lane.route)
    try:
        response = await lane.judge.likelihood(out.request, lane.target, asking.ask)
    except CallFailed as failed:
        return asking.exchange, None, failed.failure
    except Exception as error:  # noqa: BLE001  as for a single call
        response = Response(error=f"the answer cannot be decoded: {type(error).__name__}: {error}")
    return asking.exchange, response, judged(asking.exchange, response, out.request)


def _reconnects(exchange: Exchange | None) -> list[Attempt]:
    if exchange is None or not exchange.reconnects:
        return []
    return [Attempt(kind="reconnect", error="the kept connection had been closed by the server")]


def _wait(failure: Failure, tries: int, rng: Random) -> float:
    """Return seconds to wait: what the server asked for, else full-jitter exponential back-off."""
    if failure.wait_s is not None:
        return failure.wait_s * (1 + 0.1 * rng.random())
    return rng.random() * min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2.0**tries)


def _attempt(failure: Failure, exchange: Exchange | None, zero: int, wait: float) -> Attempt:
    return Attempt(
        kind=failure.kind,
        status=failure.status,
        error=failure.message,
        sent_at=_since(exchange.sent_at if exchange else failure.sent_at, zero),
        done_at=(exchange.done_at if exchange else clock.now_ns()) - zero,
        waited_ns=round(wait * 1e9),
    )


def _sample(
    out: Outgoing,
    how: Sending,
    scheduled_at: int,
    exchange: Exchange | None,
    response: Response,
    failure: Failure | None,
    tries: list[Attempt],
) -> Sample:
    intent, zero = out.intent, how.zero
    times = response.chunk_times
    return Sample(
        benchmark=intent.benchmark,
        case=intent.case,
        target=intent.target,
        repeat=intent.repeat,
        stage=intent.stage,
        segment=how.segment,
        outcome=failure.outcome if failure else answer_outcome(response, out.request),
        scheduled_at=scheduled_at - zero,
        sent_at=exchange.sent_at - zero if exchange else _since(failure.sent_at if failure else None, zero),
        first_byte_at=exchange.first_byte_at - zero if exchange else None,
        first_token_at=_since(response.first_token_at, zero),
        first_answer_at=_since(response.first_answer_at, zero),
        last_token_at=_since(response.last_token_at, zero),
        done_at=(exchange.done_at if exchange else clock.now_ns()) - zero,
        usage=response.usage,
        finish_reason=response.finish_reason,
        model=response.model,
        text=response.text,
        thinking=response.thinking,
        tool_calls=response.tool_calls,
        status=exchange.status if exchange else None,
        error=f"{failure.kind}: {failure.message}" if failure else "",
        attempts=tries,
        chunks=len(times),
        arrivals=len(set(times)),
        first_chunks=times.count(times[0]) if times else 1,
        chunk_us=_gaps_us(times) if how.chunk_times and times else None,
        connect_ns=exchange.connect_ns if exchange else 0,
        stamped_by=exchange.stamped_by if exchange else "read",
        extra=response.extra,
        server=response.server,
        likelihoods=response.likelihoods,
        top_logprobs=response.top_logprobs,
    )


def _since(moment: int | None, zero: int) -> int | None:
    return None if moment is None else moment - zero


def _gaps_us(times: list[int]) -> list[int]:
    """Return gaps in whole microseconds whose running sum never drifts from the true times."""
    first = times[0]
    marks = [(time - first + 500) // 1000 for time in times]
    return [after - before for before, after in pairwise(marks)]
