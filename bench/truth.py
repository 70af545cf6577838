"""What bakeoff reports minus what the server knows: ttft 50 ms, itl 10 ms, 64 tokens, closed loop.

Client and server have a core each. TTFT and ITL are compared as distributions, quantile by quantile.
"""

from itertools import accumulate, pairwise

from bakeoff.records import Sample
from bakeoff.stats.quantiles import quantile
from bakeoff.testing.truth import TruthProcess, TruthRecord, TruthSettings
from bench._child import SERVER_CORE
from bench._perf import perf_samples

STREAMS = (1, 64, 256, 512)
REQUESTS_PER_STREAM = 3


def run() -> None:
    """Print told minus true in ms at each number of streams."""
    for streams in STREAMS:
        with TruthProcess(TruthSettings(ttft=0.05, itl=0.01, tokens=64), cpu=SERVER_CORE) as server:
            count = max(streams * REQUESTS_PER_STREAM, 20)
            load = {"kind": "concurrent", "concurrency": streams, "requests": count, "warmup": streams}
            samples, cost = perf_samples(server.url, load=load, tokens=64)
            records = server.truth()[-count:]
        told, true = _ttft(samples), _true_ttft(records)
        told_gaps, true_gaps = _gaps(samples), _true_gaps(records)
        late = quantile(sorted(r.late for r in records), 0.99)
        print(
            f"  c={streams:<4} ttft p50 {_ms(told, true, 0.5)} p99 {_ms(told, true, 0.99)}   "
            f"itl p50 {_ms(told_gaps, true_gaps, 0.5)} p99 {_ms(told_gaps, true_gaps, 0.99)} "
            f"(true p99 {1e3 * quantile(true_gaps, 0.99):.3f})   tpot p50 "
            f"{_ms(_tpot(samples), _true_tpot(records), 0.5)}   n = {len(samples)}, "
            f"client {cost.cpu_s:.1f} CPU s, server late p99 {late / 1e6:.2f} ms"
        )


def _ms(told: list[float], true: list[float], q: float) -> str:
    return f"{1e3 * (quantile(told, q) - quantile(true, q)):+.3f}"


def _ttft(samples: list[Sample]) -> list[float]:
    return sorted((s.first_token_at - s.scheduled_at) / 1e9 for s in samples if s.first_token_at is not None)


def _true_ttft(records: list[TruthRecord]) -> list[float]:
    return sorted((r.first_token - r.arrival) / 1e9 for r in records if r.first_token is not None)


def _gaps(samples: list[Sample]) -> list[float]:
    return sorted(gap / 1e6 for s in samples for gap in s.chunk_us or [])


def _true_gaps(records: list[TruthRecord]) -> list[float]:
    return sorted((b - a) / 1e9 for r in records for a, b in pairwise(r.times))


def _tpot(samples: list[Sample]) -> list[float]:
    return sorted(list(accumulate(s.chunk_us))[-1] / 1e6 / len(s.chunk_us) for s in samples if s.chunk_us)


def _true_tpot(records: list[TruthRecord]) -> list[float]:
    return sorted((r.times[-1] - r.times[0]) / 1e9 / (len(r.times) - 1) for r in records)
