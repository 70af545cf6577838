"""Watch the client while it measures: event-loop delay, CPU share and lag say whether it was the limit."""

import asyncio
from array import array

from bakeoff import clock
from bakeoff.records import StageCheck
from bakeoff.stats.quantiles import quantile

_PERIOD_S = 0.02
_MOST_DELAY_S = 0.02
_MOST_LAG_S = 0.01
_MOST_LAG_SHARE = 0.02
_MOST_CPU = 0.95


class Monitor:
    """Measure one stage's client; use `watch` as a task, then ask `check`."""

    def __init__(self) -> None:
        self._delays = array("d")
        self._began = clock.now_ns()
        self._cpu_began = clock.cpu_ns()
        self._lags = array("d")
        self._took = array("d")

    async def watch(self) -> None:
        """Sample the event loop's delay until cancelled."""
        while True:
            before = clock.now_ns()
            await asyncio.sleep(_PERIOD_S)
            self._delays.append(max(0.0, (clock.now_ns() - before) / 1e9 - _PERIOD_S))

    def sent(self, lag_ns: int, took_ns: int = 0) -> None:
        """Note how late one request went out, and how long it took after that."""
        self._lags.append(lag_ns / 1e9)
        self._took.append(took_ns / 1e9)

    def check(
        self, *, benchmark: str, target: str, stage: str, open_loop: bool, stamped_by: str
    ) -> StageCheck:
        """Return whether the stage's numbers are the server's, with the reasons where they are not."""
        wall = max(clock.now_ns() - self._began, 1)
        cpu = (clock.cpu_ns() - self._cpu_began) / wall
        delay = quantile(sorted(self._delays), 0.99) if self._delays else 0.0
        lag = quantile(sorted(self._lags), 0.99) if self._lags else None
        reasons: list[str] = []
        # A lag that is small beside what is measured does not make it the client's number.
        most_lag = (
            max(_MOST_LAG_S, _MOST_LAG_SHARE * quantile(sorted(self._took), 0.5)) if self._took else 0.0
        )
        if open_loop and lag is not None and lag > most_lag:
            reasons.append(
                f"requests went out late: lag p99 {lag * 1e3:.1f} ms over {len(self._lags)} requests; "
                "lower the rate or move the client to a machine of its own"
            )
        if delay > _MOST_DELAY_S and stamped_by != "kernel":
            reasons.append(
                f"the client's event loop was blocked: delay p99 {delay * 1e3:.1f} ms; stop other work here"
            )
        # An open loop polls the clock before each request; whether it was too slow, its lag tells.
        if not open_loop and cpu > _MOST_CPU:
            reasons.append(f"the client used {cpu:.0%} of a core and may have been the limit; lower the load")
        return StageCheck(
            benchmark=benchmark,
            target=target,
            stage=stage,
            valid=not reasons,
            reasons=reasons,
            facts={
                "loop_delay_p99_s": delay,
                "lag_p99_s": lag,
                "cpu_share": cpu,
                "cpu_s": cpu * wall / 1e9,
                "seconds": wall / 1e9,
                "stamped_by": stamped_by,
            },
        )
