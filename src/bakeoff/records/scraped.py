"""What a server's own `/metrics` said around and during a load stage."""

import msgspec


class BucketCounts(msgspec.Struct, frozen=True, kw_only=True):
    """A histogram of a stage: values counted between ascending upper `bounds`, the last of which has no end.

    Attributes:
        counts: one more than there are bounds.
        sum: of all values.
    """

    bounds: list[float]
    counts: list[float]
    sum: float


class Scrape(msgspec.Struct, frozen=True, kw_only=True):
    """What one process saw of a stage, as an event keeps it; names are bakeoff's own.

    Attributes:
        server: whose names the page used, empty where there was no page.
        note: why something is missing.
        at_ns: when the polls during the stage were answered, from its beginning.
        gauges: by name a value for each poll, None where it was missing.
        counters: by name how much was added between the polls before and after.
        histograms: by name what was added.
    """

    benchmark: str
    target: str
    stage: str
    server: str = ""
    note: str = ""
    at_ns: list[int] = []
    gauges: dict[str, list[float | None]] = {}
    counters: dict[str, float] = {}
    histograms: dict[str, BucketCounts] = {}


class GaugeSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A gauge over the `n` polls of a stage."""

    n: int
    mean: float
    peak: float


class BucketSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A server's histogram over a stage; quantiles are read between bounds, None beyond the last one."""

    n: int
    mean: float
    p50: float | None
    p90: float | None
    p99: float | None


class ServerMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """What `/metrics` said of a stage: of all that the server did in that time, for other clients too.

    Attributes:
        server: "vllm" or "llama.cpp"; empty where there was nothing to read, and `note` says why.
        gauges: `running` and `waiting` requests, `kv_cache_usage` as a share.
        counters: sums over the stage: `prompt_tokens`, `cached_tokens`, `output_tokens`, `requests`,
            `preemptions`, `drafted`, `accepted`; seconds in `prefill_seconds` and `decode_seconds`.
        histograms: seconds: `ttft`, `itl`, `tpot`, `e2e`, `queue`, `prefill`, `decode`.
        batch_size: requests in a decoding step, on average, where the server counts its steps.
    """

    server: str = ""
    note: str = ""
    gauges: dict[str, GaugeSummary] = {}
    counters: dict[str, float] = {}
    histograms: dict[str, BucketSummary] = {}
    batch_size: float | None = None
