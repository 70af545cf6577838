"""Whether a server that stands still for a second shows in the times of every request that was due meanwhile.

100 requests a second, each answered within 25 ms, and for one second the server writes nothing. A request
that is due t seconds before the end of the stall cannot have its answer before the end: its e2e is at least
t. A client that waits with sending, or counts from when it sent, shows fewer or shorter ones.
"""

from bakeoff.clock import now_ns
from bakeoff.records import Sample
from bakeoff.testing.truth import TruthProcess, TruthSettings
from bench._child import SERVER_CORE
from bench._perf import Told, perf
from bench._table import Cell, show

RATE, LENGTH_S, STALL_S, STALL_AT_S = 100, 5.0, 1.0, 3.0
_SLACK_NS = 1_000_000
"""The server's own start is known to about this."""


def run(share: float = 1.0) -> None:
    """Print how many requests were due in the stall and how many show it, by load."""
    length = max(STALL_AT_S + 1.5 * STALL_S * share, LENGTH_S * share)
    rows = [_row(kind, length, max(0.2, STALL_S * share)) for kind in ("constant", "poisson")]
    show(
        f"{RATE} requests/s; e2e in s, from the due time",
        (
            "load",
            "n",
            "due in the stall",
            "of these show it",
            "missed",
            "e2e p50 outside",
            "e2e max",
            "stall",
        ),
        rows,
    )


def _row(kind: str, length: float, stall: float) -> tuple[Cell, ...]:
    settings = TruthSettings(ttft=0.01, itl=0.002, tokens=8)
    with TruthProcess(settings, cpu=SERVER_CORE) as server:
        server.configure(TruthSettings(ttft=0.01, itl=0.002, tokens=8, stall=stall, stall_at=STALL_AT_S))
        began = now_ns() + round(STALL_AT_S * 1e9)
        options = ["--load", kind, "--rate", str(RATE), "--requests", str(round(RATE * length))]
        told = perf(server.url, *options, "--output-tokens", "8")
    ended = began + round(stall * 1e9)
    inside = [s for s in told.samples if began <= s.scheduled_at + told.zero < ended - _SLACK_NS]
    shown = [
        s for s in inside if s.ok and s.done_at is not None and s.done_at + told.zero >= ended - _SLACK_NS
    ]
    e2e = sorted(_e2e(s) for s in told.samples)
    outside = sorted(_e2e(s) for s in _outside(told, began, ended))
    return (
        f"{kind} {RATE}/s",
        len(told.samples),
        len(inside),
        len(shown),
        len(inside) - len(shown),
        outside[len(outside) // 2] if outside else None,
        e2e[-1],
        stall,
    )


def _outside(told: Told, began: int, ended: int) -> list[Sample]:
    return [s for s in told.samples if not began - 50_000_000 <= s.scheduled_at + told.zero < ended]


def _e2e(sample: Sample) -> float:
    return ((sample.done_at or sample.scheduled_at) - sample.scheduled_at) / 1e9
