"""Watch the client while it measures: loop delay, CPU, lag, sent rate and clocks say if it was the limit."""

import asyncio
from array import array

import msgspec

from bakeoff import clock
from bakeoff.records import StageCheck
from bakeoff.stats.quantiles import quantile

_PERIOD_S = 0.02
_MOST_DELAY_S = 0.02
_MOST_MERGED = 0.01
_MOST_LAG_S = 0.01
_MOST_LAG_SHARE = 0.02
_MOST_CPU = 0.95
_MOST_LATE = 0.01
_MOST_CLOCK_STEP_S = 0.001
_MOST_SLEW = 0.001
"""A time service slews a clock by at most 500 ppm; what moves faster was set."""


class SentRate(msgspec.Struct, frozen=True, kw_only=True):
    """Requests per second of an open loop: what its schedule asked for, and what the client began in time.

    Attributes:
        late: requests that had not begun when the last one of `n` was due.
    """

    asked: float
    achieved: float
    late: int
    n: int


class Monitor:
    """Measure one stage's client; use `watch` as a task, then ask `check`.

    Attributes:
        held: requests that waited for room within the limits of the run.
    """

    def __init__(self) -> None:
        self.held = 0
        self._delays = array("d")
        self._began = clock.now_ns()
        self._cpu_began = clock.cpu_ns()
        self._lags = array("d")
        self._took = array("d")
        self._due = array("q")
        self._late = array("q")
        self._merged = 0
        self._clock = (self._began, clock.realtime_offset_ns())
        self._clock_step = 0.0

    async def watch(self) -> None:
        """Sample the event loop's delay until cancelled."""
        while True:
            before = clock.now_ns()
            await asyncio.sleep(_PERIOD_S)
            self._delays.append(max(0.0, (clock.now_ns() - before) / 1e9 - _PERIOD_S))
            self.look_at_clock(clock.realtime_offset_ns())

    def look_at_clock(self, offset_ns: int) -> None:
        """Note where the wall clock stands beside the monotonic one; kernel stamps are on the former."""
        (then, before), now = self._clock, clock.now_ns()
        slewed = _MOST_SLEW * (now - then)
        self._clock_step = max(self._clock_step, (abs(offset_ns - before) - slewed) / 1e9)
        self._clock = (now, offset_ns)

    def begun(self, due_ns: int, late_ns: int) -> None:
        """Note when a request was due and how late its sending began, before anything a server can delay."""
        self._due.append(due_ns)
        self._late.append(late_ns)

    def sent(self, lag_ns: int, took_ns: int = 0, *, merged: bool = False) -> None:
        """Note how late one request went out, how long it took after that, and how its first token came.

        Args:
            lag_ns: from the due time to the last byte of the request.
            took_ns: from there to the end of the answer.
            merged: the read that held the first token held others too; the stamp is that of the last.
        """
        self._merged += merged
        self._lags.append(lag_ns / 1e9)
        self._took.append(took_ns / 1e9)

    def sent_rate(self) -> SentRate | None:
        """Return the rates between the first and the last due time; None where there is no such span.

        A request that began by the end of the span, or late by no more than the lag that is allowed, was in
        time: one that is late in the middle of a stage changes no rate.
        """
        first, last = min(self._due, default=0), max(self._due, default=0)
        if last <= first:
            return None
        end = last + round(self._most_lag() * 1e9)
        begun = sum(due + late <= end for due, late in zip(self._due, self._late, strict=True))
        n = len(self._due)
        asked = (n - 1) / ((last - first) / 1e9)
        return SentRate(asked=asked, achieved=asked * begun / n, late=n - begun, n=n)

    def check(
        self, *, benchmark: str, target: str, stage: str, open_loop: bool, stamped_by: str
    ) -> StageCheck:
        """Return whether the stage's numbers are the server's, with the reasons where they are not."""
        wall = max(clock.now_ns() - self._began, 1)
        cpu = (clock.cpu_ns() - self._cpu_began) / wall
        delay = quantile(sorted(self._delays), 0.99) if self._delays else 0.0
        reasons = [*(self._open_loop_reasons() if open_loop else []), *self._clock_reasons(stamped_by)]
        reasons += self._delay_reasons(delay, stamped_by)
        if self.held:
            told = f"{self.held} requests waited for room within the run's limits"
            reasons.append(f"{told}; give it higher ones")
        # An open loop polls the clock before each request; whether it was too slow, its lag tells.
        if not open_loop and cpu > _MOST_CPU:
            reasons.append(f"the client used {cpu:.0%} of a core and may have been the limit; lower the load")
        rate = self.sent_rate() if open_loop else None
        return StageCheck(
            benchmark=benchmark,
            target=target,
            stage=stage,
            valid=not reasons,
            reasons=reasons,
            facts={
                "loop_delay_p99_s": delay,
                "lag_p99_s": self._lag(),
                "cpu_share": cpu,
                "cpu_s": cpu * wall / 1e9,
                "seconds": wall / 1e9,
                "asked_rate": rate.asked if rate else None,
                "sent_rate": rate.achieved if rate else None,
                "clock_step_s": self._clock_step,
                "stamped_by": stamped_by,
            },
        )

    def _delay_reasons(self, delay: float, stamped_by: str) -> list[str]:
        """Tell whether the loop was blocked and stamps moved: those of the kernel only where reads merged."""
        if delay <= _MOST_DELAY_S:
            return []
        blocked = f"the client's event loop was blocked: delay p99 {delay * 1e3:.1f} ms"
        if stamped_by != "kernel":
            return [f"{blocked}; stop other work here"]
        if self._merged <= _MOST_MERGED * len(self._lags):
            return []
        share = self._merged / len(self._lags)
        reason = (
            f"{blocked}, and {share:.1%} of the first tokens were read together with later ones, whose time "
            "they carry; lower the load or use more `--processes`"
        )
        return [reason]

    def _lag(self) -> float | None:
        return quantile(sorted(self._lags), 0.99) if self._lags else None

    def _most_lag(self) -> float:
        """Return the lag that is allowed: small beside what is measured, it is not the client's number."""
        typical = quantile(sorted(self._took), 0.5) if self._took else 0.0
        return max(_MOST_LAG_S, _MOST_LAG_SHARE * typical)

    def _open_loop_reasons(self) -> list[str]:
        reasons: list[str] = []
        lag, rate = self._lag(), self.sent_rate()
        if lag is not None and lag > self._most_lag():
            reasons.append(
                f"requests went out late: lag p99 {lag * 1e3:.1f} ms over {len(self._lags)} requests; "
                "lower the rate or move the client to a machine of its own"
            )
        # One late request among a few changes no rate.
        if rate is not None and rate.late > max(1.0, _MOST_LATE * rate.n):
            reasons.append(
                f"the client sent {rate.achieved:,.1f} of {rate.asked:,.1f} requests/s that were asked for "
                f"({rate.achieved / rate.asked:.1%} of {rate.n:,}); lower the rate or use more `--processes`"
            )
        return reasons

    def _clock_reasons(self, stamped_by: str) -> list[str]:
        if stamped_by != "kernel" or self._clock_step <= _MOST_CLOCK_STEP_S:
            return []
        reason = (
            f"the wall clock was set by {self._clock_step * 1e3:.1f} ms during the stage, and the kernel's "
            "stamps are on it; wait until the time service has finished, then measure again"
        )
        return [reason]
