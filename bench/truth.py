"""What bakeoff reports minus what the server knows: ttft 50 ms, itl 10 ms, 64 tokens, closed loop.

Client and server have a core each. Quantiles are compared with quantiles: ttft from the due time against
the server's own time from arrival to first write, so a client that queues its own requests is told off for
it. The server reads requests one by one, and its books begin when it has read one: in the burst of as many
simultaneous requests as there are streams, what waits in the server's socket counts for the client here.
The second row of each number of streams leaves that first burst out. `late` is how far the server itself
was behind its due times, which is in both columns and says what the machine was able to do.
"""

from itertools import accumulate, pairwise

from bakeoff.records import Sample
from bakeoff.stats.quantiles import quantile
from bakeoff.testing.truth import TruthProcess, TruthRecord, TruthSettings
from bench._child import SERVER_CORE
from bench._perf import perf
from bench._table import Cell, show

STREAMS = (1, 64, 256, 512)
REQUESTS_PER_STREAM, LEAST = 4, 20
SERVER = TruthSettings(ttft=0.05, itl=0.01, tokens=64)
TTFT_TARGET = {1: 0.5, 64: 0.5, 256: 3.0, 512: 3.0}
ITL_TARGET = 0.1


def run(share: float = 1.0) -> None:
    """Print told minus true in ms at each number of streams."""
    rows = [row for streams in STREAMS for row in _rows(max(1, round(streams * share)), streams)]
    show(
        "told minus true, ms",
        (
            "streams",
            "n",
            "ttft p50",
            "ttft p99",
            "target",
            "itl p50",
            "itl p99",
            "target",
            "tpot p50",
            "tpot p99",
            "late",
        ),
        rows,
    )


def _rows(streams: int, named: int) -> list[tuple[Cell, ...]]:
    count = max(streams * REQUESTS_PER_STREAM, LEAST)
    with TruthProcess(SERVER, cpu=SERVER_CORE) as server:
        options = ["--load", "concurrent", "--concurrency", str(streams), "--requests", str(count)]
        told = perf(
            server.url, *options, "--warmup-requests", str(streams), "--output-tokens", str(SERVER.tokens)
        )
        records = server.truth()[-count:]
    later = sorted(told.samples, key=lambda sample: sample.scheduled_at)[streams:]
    limit = TTFT_TARGET[named]
    return [
        _row(f"{streams}", told.samples, records, limit),
        _row(f"{streams}, later", later, records[streams:], limit),
    ]


def _row(name: str, samples: list[Sample], records: list[TruthRecord], limit: float) -> tuple[Cell, ...]:
    ttft, true_ttft = _ttft(samples), _true_ttft(records)
    gaps, true_gaps = _gaps(samples), _true_gaps(records)
    tpot, true_tpot = _tpot(samples), _true_tpot(records)
    late = quantile(sorted(record.late for record in records), 0.99)
    return (
        name,
        len(samples),
        _ms(ttft, true_ttft, 0.5),
        _ms(ttft, true_ttft, 0.99),
        f"+-{limit:g}",
        _ms(gaps, true_gaps, 0.5),
        _ms(gaps, true_gaps, 0.99),
        f"+-{ITL_TARGET:g}",
        _ms(tpot, true_tpot, 0.5),
        _ms(tpot, true_tpot, 0.99),
        late / 1e6,
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
