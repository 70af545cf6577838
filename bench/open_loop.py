"""Whether an open loop keeps its rate: constant and Poisson, by the server's own record of arrivals.

`of the plan` compares the time from the first to the last arrival with the time that the plan has for it;
the plan of a Poisson load itself differs from the asked rate by chance, about 1 / sqrt(n), and `plan` says
by how much. The Kolmogorov-Smirnov test holds the gaps between arrivals against exponential ones of the
asked rate: a small p (under 0.01) means that they are not. Lag counts from the due time until the request
was sent.
"""

from itertools import pairwise

from scipy import stats

from bakeoff.testing.truth import TruthProcess, TruthSettings
from bench._child import SERVER_CORE
from bench._perf import perf
from bench._table import Cell, show

KINDS, RATES, SECONDS = ("constant", "poisson"), (50, 200, 500, 1000), 4


def run(share: float = 1.0) -> None:
    """Print rates, the test and the lag of each load."""
    rows: list[tuple[Cell, ...]] = []
    for kind in KINDS:
        for rate in RATES:
            count = max(20, round(rate * SECONDS * share))
            rows.append(_row(kind, rate, count))
    show(
        "arrivals at the server, lag in ms",
        ("load", "n", "of the plan", "plan", "KS", "p", "lag p50", "p99", "max", "valid"),
        [*rows, ("target", None, "+-0.5 %", None, None, ">= 0.01", None, "< 2", None, None)],
    )


def _row(kind: str, rate: int, count: int) -> tuple[Cell, ...]:
    settings = TruthSettings(ttft=0.02, itl=0.005, tokens=8)
    with TruthProcess(settings, cpu=SERVER_CORE) as server:
        options = ["--load", kind, "--rate", str(rate), "--requests", str(count)]
        options += ["--warmup-requests", "16", "--seed", str(rate)]
        told = perf(server.url, *options, "--output-tokens", "8")
        records = server.truth()[-count:]
    arrivals = sorted(record.arrival for record in records)
    due = sorted(sample.scheduled_at for sample in told.samples)
    planned = due[-1] - due[0]
    kept = planned / (arrivals[-1] - arrivals[0]) - 1
    asked = (len(due) - 1) / rate / (planned / 1e9) - 1
    statistic, p = _ks(arrivals, rate) if kind == "poisson" else (None, None)
    lag = told.stage["lag"]
    return (
        f"{kind} {rate}/s",
        count,
        f"{kept:+.2%}",
        f"{asked:+.2%}",
        statistic,
        p,
        *(1e3 * lag[mark] for mark in ("p50", "p99", "max")),
        "yes" if told.stage["client"]["valid"] else "no",
    )


def _ks(arrivals: list[int], rate: int) -> tuple[float, float]:
    gaps = [(after - before) / 1e9 for before, after in pairwise(arrivals)]
    found = stats.kstest(gaps, "expon", args=(0, 1 / rate))
    return float(found.statistic), float(found.pvalue)
