"""What this machine can measure: the client's own limits, found with a server on loopback that costs little.

Everything goes through the client, the engine and the journal of a real run; only the answers are made up.
"""

import asyncio
import contextlib
import os
import tempfile
import time
from array import array
from collections.abc import Iterator
from pathlib import Path

import msgspec

from bakeoff import clock
from bakeoff.clock import Anchor
from bakeoff.engine.control import Control
from bakeoff.engine.runner import Engine
from bakeoff.engine.stage import Workshop
from bakeoff.engine.tally import steady_rate
from bakeoff.records import Event, Sample, StageCheck
from bakeoff.run.benches import make_benches, make_lanes
from bakeoff.run.execute import prepare_run
from bakeoff.run.perf import PerfAsked, load_perf_spec
from bakeoff.stats.quantiles import quantile
from bakeoff.stores.jsonl import JsonlStore
from bakeoff.testing.truth import TruthProcess, TruthSettings
from bakeoff.wire import Client

_MOST_LAG_S = 0.002
_NAP_S = 0.001
_BUSY = 0.9
_STAGE = "main"


class Effort(msgspec.Struct, frozen=True, kw_only=True):
    """How much is tried.

    Attributes:
        rates: requests per second, upwards; the first that fails twice ends the ladder.
        halvings: further rates between the last that held and the first that did not.
        step_s: how long a rate is held; likewise `flood_s` for a flood, at most.
        naps: short sleeps by which the event loop is judged.
        budget_s: no further rate is tried after so long.
        tokens: length of an answer.
    """

    rates: tuple[float, ...] = (50, 100, 200, 500, 1000, 1500, 2000, 3000, 4000, 6000, 8000)
    halvings: int = 2
    step_s: float = 1.0
    flood_requests: int = 3000
    flood_s: float = 2.0
    streams: int = 64
    naps: int = 200
    budget_s: float = 20.0
    tokens: int = 128

    @classmethod
    def within(cls, seconds: float) -> "Effort":
        """Return an effort of about so many seconds, never more than the usual one."""
        share = min(1.0, seconds / 25)
        usual = cls()
        return cls(
            step_s=share * usual.step_s,
            flood_s=share * usual.flood_s,
            naps=max(20, round(share * usual.naps)),
            budget_s=share * usual.budget_s,
        )


class RateTried(msgspec.Struct, frozen=True, kw_only=True):
    """One rate of an open loop, and whether the client kept it."""

    rate: float
    kept: bool
    requests: int
    failed: int
    sent_rate: float | None
    lag_p99_s: float | None
    loop_delay_p99_s: float


class Flood(msgspec.Struct, frozen=True, kw_only=True):
    """Answers that come as fast as they can be written, to a closed loop.

    Attributes:
        tokens_per_call: how many tokens the server hands to the system at once.
        cpu_share: of one core, of the client; well under 1 means that the server was the limit.
    """

    tokens_per_call: int
    requests: int
    request_rate: float | None
    tokens_per_second: float | None
    cpu_s_per_request: float | None
    cpu_share: float


class Naps(msgspec.Struct, frozen=True, kw_only=True):
    """How late short sleeps of an event loop with nothing else to do end."""

    n: int
    late_p50_s: float
    late_p99_s: float


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of the client on this machine.

    Attributes:
        highest_rate: requests per second that an open loop of one process kept; None where it kept none.
        limit_found: whether a higher rate was tried and not kept.
        clock_step_s: resolution of the monotonic clock.
    """

    cores: int
    tokens: int
    highest_rate: float | None
    limit_found: bool
    rates: list[RateTried]
    floods: list[Flood]
    naps: Naps
    stamped_by: str
    clock_step_s: float
    seconds: float


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One line for people: what was measured, and what follows from it."""

    name: str
    text: str
    meaning: str


async def calibrate(effort: Effort | None = None) -> Calibration:
    """Measure; takes at most half a minute, and most of two cores.

    Raises:
        DeployError: the server on loopback did not start.
    """
    effort = effort or Effort()
    began = clock.now_ns()
    with contextlib.ExitStack() as stack:
        server = await asyncio.to_thread(stack.enter_context, TruthProcess(max_seconds=120))
        async with Client() as client:
            bed = _Bed(server=server, client=client, effort=effort)
            naps = await _naps(effort.naps)
            floods = [await bed.flood(per_call) for per_call in (1, 8)]
            rates = await _climb(bed, began + round(effort.budget_s * 1e9))
            stamped_by = client.stamped_by
    kept = [tried.rate for tried in rates if tried.kept]
    highest = max(kept, default=None)
    return Calibration(
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        tokens=effort.tokens,
        highest_rate=highest,
        limit_found=any(not tried.kept and tried.rate > (highest or 0.0) for tried in rates),
        rates=rates,
        floods=floods,
        naps=naps,
        stamped_by=stamped_by,
        clock_step_s=time.get_clock_info("monotonic").resolution,
        seconds=(clock.now_ns() - began) / 1e9,
    )


async def _climb(bed: "_Bed", until: int) -> list[RateTried]:
    """Try the rates upwards, then between the last that was kept and the first that was not."""
    tried: list[RateTried] = []
    good, bad = 0.0, None
    for rate in bed.effort.rates:
        if clock.now_ns() > until:
            return tried
        tried.append(await bed.rate(rate, again=True))
        if not tried[-1].kept:
            bad = rate
            break
        good = rate
    if bad is None or not good:
        return tried
    for _ in range(bed.effort.halvings):
        if clock.now_ns() > until:
            break
        between = round((good + bad) / 2, -1)
        tried.append(await bed.rate(between, again=False))
        good, bad = (between, bad) if tried[-1].kept else (good, between)
    return tried


class _Bed(msgspec.Struct, frozen=True, kw_only=True):
    """The server and the client under test."""

    server: TruthProcess
    client: Client
    effort: Effort

    async def rate(self, rate: float, *, again: bool) -> RateTried:
        """Hold one rate; a first failure may be another program's, so it is tried again where asked."""
        tried = await self._rate(rate)
        return await self._rate(rate) if again and not tried.kept else tried

    async def _rate(self, rate: float) -> RateTried:
        effort = self.effort
        requests = max(20, round(rate * effort.step_s))
        load = PerfAsked(
            endpoint=self.server.url,
            model="truth",
            load="constant",
            rate=str(rate),
            requests=requests,
            seconds=f"{1.5 * requests / rate:.3f}s",
            prompt_tokens="16",
            output_tokens=str(effort.tokens),
        )
        sent = await self._send(load, per_call=8)
        facts = sent.check.facts
        lag, delay = facts["lag_p99_s"], facts["loop_delay_p99_s"]
        whole = sent.requests == requests and not sent.failed
        rate_sent = facts["sent_rate"]
        return RateTried(
            rate=rate,
            kept=whole and isinstance(lag, float) and lag < _MOST_LAG_S and sent.check.valid,
            requests=sent.requests,
            failed=sent.failed,
            sent_rate=rate_sent if isinstance(rate_sent, float) else None,
            lag_p99_s=lag if isinstance(lag, float) else None,
            loop_delay_p99_s=delay if isinstance(delay, float) else 0.0,
        )

    async def flood(self, per_call: int) -> Flood:
        """Take answers as fast as they come."""
        effort = self.effort
        load = PerfAsked(
            endpoint=self.server.url,
            model="truth",
            load="concurrent",
            concurrency=effort.streams,
            requests=effort.flood_requests,
            seconds=f"{effort.flood_s:g}s",
            prompt_tokens="16",
            output_tokens=str(effort.tokens),
        )
        sent = await self._send(load, per_call=per_call)
        cpu, share = sent.check.facts["cpu_s"], sent.check.facts["cpu_share"]
        assert isinstance(cpu, float)
        assert isinstance(share, float)
        return Flood(
            tokens_per_call=per_call,
            requests=sent.requests,
            request_rate=sent.rate,
            tokens_per_second=None if sent.rate is None else sent.rate * effort.tokens,
            cpu_s_per_request=cpu / sent.requests if sent.requests else None,
            cpu_share=share,
        )

    async def _send(self, load: PerfAsked, *, per_call: int) -> "_Sent":
        settings = TruthSettings(tokens=self.effort.tokens, flood=per_call)
        await asyncio.to_thread(self.server.configure, settings)
        with tempfile.TemporaryDirectory(prefix="bakeoff-calibrate-") as folder:
            prepared = await prepare_run(load_perf_spec(load, {}, Path(folder)), lambda _: None)
            candidate = prepared.candidates[0]
            spec = prepared.loaded.spec
            deployment = await candidate.deployer.start(candidate.model, candidate.weights)
            lanes = make_lanes(
                spec, prepared.candidates, {candidate.model.name: deployment}, prepared.forms, self.client
            )
            with contextlib.closing(JsonlStore(Path(folder) / "run")) as store:
                shop = Workshop(
                    benches=make_benches(spec, prepared.cases),
                    lanes=lanes,
                    store=store,
                    zero=Anchor.take().mono_ns,
                    segment=0,
                    control=Control(),
                )
                await self.client.warm(next(iter(lanes.values())).route, self.effort.streams)
                await Engine(prepared.plan, shop).run()
                return _sent(store)


class _Sent(msgspec.Struct, frozen=True, kw_only=True):
    """What one load came to."""

    check: StageCheck
    requests: int
    failed: int
    rate: float | None


def _sent(store: JsonlStore) -> _Sent:
    samples = [sample for sample in store.read(Sample) if sample.stage == _STAGE]
    ends_of = [event.facts for event in store.read(Event) if event.kind == "stage_ended"]
    (ended,) = [facts for facts in ends_of if facts["stage"] == _STAGE]
    good = [sample for sample in samples if sample.ok]
    sends = array("q", (sample.scheduled_at for sample in samples))
    ends = array("q", (sample.done_at for sample in good if sample.done_at is not None))
    return _Sent(
        check=msgspec.convert(ended["check"], StageCheck),
        requests=len(samples),
        failed=len(samples) - len(good),
        rate=steady_rate(sends, ends, ends),
    )


async def _naps(count: int) -> Naps:
    late: list[float] = []
    for _ in range(count):
        before = clock.now_ns()
        await asyncio.sleep(_NAP_S)
        late.append(max(0.0, (clock.now_ns() - before) / 1e9 - _NAP_S))
    late.sort()
    return Naps(n=count, late_p50_s=quantile(late, 0.5), late_p99_s=quantile(late, 0.99))


def figures(found: Calibration) -> Iterator[Figure]:
    """Yield what was measured, with what follows from it."""
    yield _rate_figure(found)
    for flood in found.floods:
        yield _flood_figure(flood, found.tokens)
    delay = max((tried.loop_delay_p99_s for tried in found.rates if tried.kept), default=None)
    loaded = "" if delay is None else f"; {1e3 * delay:.2f} ms (99 %) at the rates that were kept"
    yield Figure(
        name="event loop",
        text=f"idle, sleeps of 1 ms end late by {1e3 * found.naps.late_p50_s:.2f} ms (median), "
        f"{1e3 * found.naps.late_p99_s:.2f} ms (99 %, n = {found.naps.n}){loaded}",
        meaning="the last 1.5 ms before a request is due are polled, so this does not delay sends; it does "
        "shift receive stamps that are not the kernel's",
    )
    kernel = found.stamped_by == "kernel"
    yield Figure(
        name="receive stamps",
        text="taken by the kernel" if kernel else "taken when the data is read",
        meaning="a busy client does not shift what is measured" if kernel else "a busy client shifts them",
    )
    yield Figure(
        name="timer",
        text=f"the monotonic clock has steps of {1e9 * found.clock_step_s:.0f} ns",
        meaning=f"differences under {_written(10 * found.clock_step_s)} mean nothing",
    )


def _rate_figure(found: Calibration) -> Figure:
    tried = {each.rate: each for each in found.rates}
    if found.highest_rate is None:
        return Figure(
            name="open loop",
            text=f"no rate was kept with lag p99 under {1e3 * _MOST_LAG_S:.0f} ms",
            meaning="other programs keep the processors busy; stop them and calibrate again",
        )
    best = tried[found.highest_rate]
    above = [each for each in found.rates if not each.kept and each.rate > best.rate]
    first = min(above, key=lambda each: each.rate, default=None)
    lag = f"lag p99 {1e3 * (best.lag_p99_s or 0.0):.2f} ms, n = {best.requests:,}"
    over = f"; at {first.rate:,.0f} {_why(first)}" if first else ""
    more = f"loads above {best.rate:,.0f} requests/s need --processes"
    return Figure(
        name="open loop",
        text=f"{'' if first else 'at least '}{best.rate:,.0f} requests/s with {lag}{over}",
        meaning=more if first else f"{more}, or a longer calibration",
    )


def _why(tried: RateTried) -> str:
    if tried.failed:
        return f"{tried.failed} of {tried.requests} requests failed"
    return "nothing was sent" if tried.lag_p99_s is None else f"it is {1e3 * tried.lag_p99_s:.2f} ms"


def _flood_figure(flood: Flood, tokens: int) -> Figure:
    name = f"{flood.tokens_per_call} token{'s' if flood.tokens_per_call > 1 else ''} a call"
    if flood.tokens_per_second is None or flood.cpu_s_per_request is None:
        return Figure(name=name, text="unknown: too few answers came", meaning="calibrate again")
    busy = flood.cpu_share >= _BUSY
    cpu_ms = 1e3 * flood.cpu_s_per_request
    return Figure(
        name=name,
        text=f"{'' if busy else 'at least '}{flood.tokens_per_second:,.0f} tokens/s, {cpu_ms:.3f} ms of CPU "
        f"a request of {tokens} tokens (n = {flood.requests:,}, client at {flood.cpu_share:.0%} of a core)",
        meaning="all streams together may not bring more to one process"
        if busy
        else "the server was the limit here, not the client",
    )


def _written(seconds: float) -> str:
    return f"{1e9 * seconds:.0f} ns" if seconds < 1e-6 else f"{1e6 * seconds:.0f} µs"
