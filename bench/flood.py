"""How many tokens a second the client takes: 128 tokens, 64 streams, the server as fast as it can.

Client and server have a core each. The yardstick is a bare client that only stamps reads and keeps them;
ours decodes, journals and counts as well. Rates are by the server's own record, from the first request to
the last write, so that both clients are measured alike. The rounds alternate and the median of each is
taken, since the server's speed changes from minute to minute by more than the difference between two
rounds.
"""

import sys
from statistics import median

import msgspec

from bakeoff.testing.truth import TruthProcess, TruthSettings
from bench._child import SERVER_CORE, measured
from bench._perf import perf
from bench._table import show

TOKENS, STREAMS, ROUNDS = 128, 64, 3
REQUESTS = {1: 2000, 8: 6000}
TARGET = {1: 0.6, 8: 0.5}


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """One pass of both clients."""

    bare: float
    ours: float
    cpu_per_10k: float
    stage_cpu_per_10k: float
    peak_mb: float
    first_s: float


def run(share: float = 1.0) -> None:
    """Print tokens per second, CPU, memory and the time to the first request."""
    speed, cost = [], []
    for per_call, full in REQUESTS.items():
        requests = max(STREAMS, round(full * share))
        rounds = [_round(per_call, requests) for _ in range(ROUNDS if share == 1 else 1)]
        bare, ours = median(r.bare for r in rounds), median(r.ours for r in rounds)
        ratio = median(r.ours / r.bare for r in rounds)
        target = f">= {TARGET[per_call]:.0%}"
        name = f"{per_call} token{'s' if per_call > 1 else ''} a call"
        speed.append((name, bare, ours, f"{ratio:.0%}", target, requests, len(rounds)))
        cost.append(
            (
                name,
                median(r.stage_cpu_per_10k for r in rounds),
                median(r.cpu_per_10k for r in rounds),
                median(r.peak_mb for r in rounds),
                median(r.first_s for r in rounds),
            )
        )
    show(
        "tokens/s, median of the rounds",
        ("server sends", "bare client", "bakeoff", "ratio", "target", "n", "rounds"),
        speed,
    )
    show(
        "cost of bakeoff; the process includes start-up, prompts and report",
        ("server sends", "CPU-s per 10k requests", "of the process", "peak MB", "first request after s"),
        [*cost, ("target", "<= 3", None, "< 100", "< 0.5")],
    )


def _round(per_call: int, requests: int) -> Round:
    settings = TruthSettings(tokens=TOKENS, flood=per_call)
    with TruthProcess(settings, cpu=SERVER_CORE) as server:
        words = [str(each) for each in (server.port, requests, STREAMS, TOKENS)]
        measured([sys.executable, "-m", "bench._bare", *words])
        bare = server.summary().token_rate
    with TruthProcess(settings, cpu=SERVER_CORE) as server:
        options = ["--load", "concurrent", "--concurrency", str(STREAMS), "--requests", str(requests)]
        told = perf(server.url, *options, "--output-tokens", str(TOKENS))
        records = server.truth()
    main = records[-requests:]
    seconds = (max(r.done or r.arrival for r in main) - min(r.arrival for r in main)) / 1e9
    per_10k = 10_000 / requests
    return Round(
        bare=bare,
        ours=sum(r.tokens for r in main) / seconds,
        cpu_per_10k=told.cost.cpu_s * per_10k,
        stage_cpu_per_10k=told.stage["client"]["cpu_s"] * per_10k,
        peak_mb=told.cost.peak_mb,
        first_s=(records[0].arrival - told.cost.began) / 1e9,
    )
