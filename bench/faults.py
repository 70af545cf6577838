"""Whether every request is accounted for when one in ten goes wrong, in each of the ways a server can.

The server says how many it spoilt. None of these may count as a success, none may be missing, and no run
may hang. `reset` breaks kept connections before the first byte: such a request goes out again on a fresh
connection, so it is answered in the end, and its sample says so. `no_done` leaves out the end mark of a
stream that is whole and says why it ended: that is a success.
"""

from collections import Counter
from typing import get_args

from bakeoff.records import Sample
from bakeoff.testing.truth import Fault, TruthProcess, TruthSettings
from bakeoff.testing.truth.settings import FaultKind
from bench._child import SERVER_CORE
from bench._perf import perf
from bench._table import Cell, show

KINDS: tuple[FaultKind, ...] = get_args(FaultKind)
REQUESTS, STREAMS, SHARE = 400, 16, 0.1
_HARMLESS = frozenset({"no_done"})


def run(share: float = 1.0) -> None:
    """Print what became of the requests of each kind of fault."""
    count = max(20, round(REQUESTS * share))
    rows = [_row(kind, count) for kind in KINDS]
    show(
        f"{count} requests, {SHARE:.0%} spoilt",
        (
            "fault",
            "spoilt",
            "samples",
            "missing",
            "ok",
            "not ok",
            "wrongly ok",
            "sent again",
            "seconds",
            "kinds",
        ),
        [*rows, ("target", None, None, "0", None, None, "0", None, None, None)],
    )


def _row(kind: FaultKind, count: int) -> tuple[Cell, ...]:
    settings = TruthSettings(ttft=0.002, itl=0.001, tokens=8, faults=(Fault(kind=kind, share=SHARE),))
    with TruthProcess(settings, cpu=SERVER_CORE) as server:
        options = ["--load", "concurrent", "--concurrency", str(STREAMS), "--requests", str(count)]
        told = perf(server.url, *options, "--output-tokens", "8", "--timeout", "2s")
        kinds = Counter(record.kind for record in server.truth()[-_sent(told.samples) :])
    spoilt = kinds[kind]
    outcomes = Counter(sample.outcome for sample in told.samples)
    again = sum(bool(sample.attempts) for sample in told.samples)
    bad = sum(outcomes.values()) - outcomes["ok"]
    recovered = again if kind == "reset" else spoilt if kind in _HARMLESS else 0
    return (
        kind,
        spoilt,
        len(told.samples),
        count - len(told.samples),
        outcomes["ok"],
        bad,
        max(0, spoilt - recovered - bad),
        again,
        told.cost.wall_s,
        ", ".join(sorted(name for name in outcomes if name != "ok")) or "-",
    )


def _sent(samples: list[Sample]) -> int:
    return sum(1 + len(sample.attempts) for sample in samples)
