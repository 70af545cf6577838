"""What the server knows of each request, and the figures drawn from it."""

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import pairwise
from math import ceil

import msgspec

from bakeoff.clock import cpu_ns, now_ns
from bakeoff.testing.truth.scheduler import Stream

_KEPT = 200_000


class TruthRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One request as the server saw it. Times are monotonic ns, None where there was no such moment.

    Attributes:
        id: the request's number, told to the client as `x-request-id`.
        arrival: when the whole request had been read.
        times: one entry per token: when the write that completed it had returned.
        kind: `ok`, the fault's kind, or what was wrong with the request.
        late: the longest that a write was behind its due time, in ns.
        slow_writes: writes that the kernel did not take at once, because the client read too slowly.
        concurrency: requests under way at arrival, this one included.
        connection: number of the connection.
    """

    id: int
    arrival: int
    first_byte: int | None
    first_token: int | None
    first_answer: int | None
    last_token: int | None
    done: int | None
    times: list[int]
    tokens: int
    thinking: int
    prompt_tokens: int
    kind: str
    status: int
    model: str
    chat: bool
    stream: bool
    body_hash: str
    concurrency: int
    late: int
    slow_writes: int
    connection: int
    reused: bool
    client_gone: bool


class Quantiles(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds: sample quantiles by the nearest rank, with their number."""

    n: int = 0
    min: float | None = None
    mean: float | None = None
    p50: float | None = None
    p90: float | None = None
    p99: float | None = None
    p999: float | None = None
    max: float | None = None


class TruthSummary(msgspec.Struct, frozen=True, kw_only=True):
    """All requests since start or reset. Rates are per second between first arrival and last write.

    Attributes:
        ttft: first token minus arrival, streamed and complete answers.
        itl: gaps between writes that carry tokens, within such an answer.
        e2e: end of the answer minus arrival, complete answers.
        gaps: between arrivals.
        late: per request, the most that a write was behind its due time.
        peak: most requests under way at once.
        cpu: seconds of processor time that the server's process took.
    """

    requests: int
    kinds: dict[str, int]
    client_gone: int
    tokens: int
    seconds: float
    request_rate: float
    token_rate: float
    ttft: Quantiles
    itl: Quantiles
    e2e: Quantiles
    gaps: Quantiles
    late: Quantiles
    peak: int
    connections: int
    slow_writes: int
    dropped: int
    cpu: float


class Totals:
    """Running sums over finished requests, for `/metrics`; as a server's counters, they only grow.

    Histograms count seconds at most each of `BOUNDS`, the last of which has no end.
    """

    BOUNDS = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 10.0)

    def __init__(self) -> None:
        self.requests = self.prompt_tokens = self.tokens = 0
        self.counts = {name: [0] * (len(self.BOUNDS) + 1) for name in ("ttft", "e2e")}
        self.sums = dict.fromkeys(self.counts, 0.0)

    def add(self, stream: Stream) -> None:
        """Count one finished request."""
        reply = stream.reply
        whole = reply.kind == "ok" and not stream.gone and stream.done is not None
        self.tokens += sum(reply.tokens[: len(stream.stamps)])
        self.prompt_tokens += reply.prompt_tokens
        self.requests += whole
        if not whole or stream.done is None:
            return
        first = next((at for at, count in zip(stream.stamps, reply.tokens, strict=False) if count), None)
        for name, end in (("ttft", first), ("e2e", stream.done)):
            if end is not None:
                seconds = (end - stream.arrival) / 1e9
                self.counts[name][bisect_left(self.BOUNDS, seconds)] += 1
                self.sums[name] += seconds


class Recorder:
    """Keeps the finished streams, oldest dropped first, and the ones under way."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget what has finished; what is under way stays."""
        self.started = now_ns()
        self.number = 0
        self.peak = 0
        self._cpu = cpu_ns()
        self._done: deque[Stream] = deque(maxlen=_KEPT)
        self._finished = 0
        self._live: dict[int, Stream] = getattr(self, "_live", {})
        self.totals = Totals()

    @property
    def live(self) -> int:
        """Return how many requests are under way."""
        return len(self._live)

    def begin(self, stream: Stream) -> None:
        """Note a request."""
        self._live[id(stream)] = stream
        stream.concurrency = len(self._live)
        self.peak = max(self.peak, stream.concurrency)

    def finish(self, stream: Stream) -> None:
        """Note the end of a request."""
        if self._live.pop(id(stream), None) is None:
            return
        stream.done = stream.stamps[-1] if stream.stamps and not stream.gone else now_ns()
        stream.wire = None
        stream.offsets = ()
        stream.reply = msgspec.structs.replace(stream.reply, writes=(), offsets=())
        if stream.arrival >= self.started:
            self.totals.add(stream)
            self._done.append(stream)
            self._finished += 1

    def records(self) -> list[TruthRecord]:
        """Return all requests, the ones under way included, in order of arrival."""
        live = [stream for stream in self._live.values() if stream.arrival >= self.started]
        streams = sorted([*self._done, *live], key=lambda stream: stream.number)
        return [_record(stream) for stream in streams]

    def summary(self) -> TruthSummary:
        """Return the figures over all requests."""
        records = self.records()
        kinds: dict[str, int] = {}
        for one in records:
            kinds[one.kind] = kinds.get(one.kind, 0) + 1
        arrivals = sorted(one.arrival for one in records)
        whole = [one for one in records if one.kind == "ok" and not one.client_gone and one.done is not None]
        streamed = [one for one in whole if one.stream]
        last = max((one.done or one.arrival for one in records), default=0)
        seconds = max(1, last - arrivals[0]) / 1e9 if arrivals else 0.0
        tokens = sum(len(one.times) for one in records)
        return TruthSummary(
            requests=len(records),
            kinds=kinds,
            client_gone=sum(one.client_gone for one in records),
            tokens=tokens,
            seconds=seconds,
            request_rate=len(records) / seconds if seconds else 0.0,
            token_rate=tokens / seconds if seconds else 0.0,
            ttft=quantiles(one.first_token - one.arrival for one in streamed if one.first_token is not None),
            itl=quantiles(_gaps(streamed)),
            e2e=quantiles(one.done - one.arrival for one in whole if one.done is not None),
            gaps=quantiles(after - before for before, after in pairwise(arrivals)),
            late=quantiles(one.late for one in records),
            peak=self.peak,
            connections=len({one.connection for one in records}),
            slow_writes=sum(one.slow_writes for one in records),
            dropped=self._finished - len(self._done),
            cpu=(cpu_ns() - self._cpu) / 1e9,
        )


def quantiles(values: Iterable[int]) -> Quantiles:
    """Return the quantiles, in seconds, of values in ns."""
    ordered = sorted(values)
    n = len(ordered)
    if not n:
        return Quantiles()

    def at(share: float) -> float:
        return ordered[ceil(share * n) - 1] / 1e9

    return Quantiles(
        n=n,
        min=ordered[0] / 1e9,
        mean=sum(ordered) / n / 1e9,
        p50=at(0.5),
        p90=at(0.9),
        p99=at(0.99),
        p999=at(0.999),
        max=ordered[-1] / 1e9,
    )


def _gaps(records: list[TruthRecord]) -> Iterator[int]:
    for one in records:
        for before, after in pairwise(one.times):
            if after != before:
                yield after - before


def _record(stream: Stream) -> TruthRecord:
    reply = stream.reply
    times: list[int] = []
    for stamp, tokens in zip(stream.stamps, reply.tokens, strict=False):
        if tokens:
            times += [stamp] * tokens
    return TruthRecord(
        id=stream.number,
        arrival=stream.arrival,
        first_byte=stream.stamps[0] if stream.stamps else None,
        first_token=times[0] if times else None,
        first_answer=times[reply.thinking] if len(times) > reply.thinking else None,
        last_token=times[-1] if times else None,
        done=stream.done,
        times=times,
        tokens=len(times),
        thinking=min(reply.thinking, len(times)),
        prompt_tokens=reply.prompt_tokens,
        kind=reply.kind,
        status=reply.status,
        model=stream.model,
        chat=stream.chat,
        stream=stream.streamed,
        body_hash=stream.body_hash,
        concurrency=stream.concurrency,
        late=stream.late,
        slow_writes=stream.slow_writes,
        connection=stream.connection,
        reused=stream.reused,
        client_gone=stream.gone,
    )
