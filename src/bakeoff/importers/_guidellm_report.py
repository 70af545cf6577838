"""The parts of a GuideLLM report that are read, old and new names side by side."""

from typing import Any

import msgspec

from bakeoff.importers._files import Count


class Spread(msgspec.Struct, frozen=True):
    """A distribution; which percentiles it has differs by version."""

    mean: float | None = None
    median: float | None = None
    min: float | None = None
    max: float | None = None
    count: int = 0
    percentiles: dict[str, float | None] = {}


class ByStatus(msgspec.Struct, frozen=True):
    """A metric by how the requests came out."""

    successful: Spread | None = None


class Totals(msgspec.Struct, frozen=True):
    """How many requests came out how."""

    successful: int = 0
    errored: int = 0
    incomplete: int = 0


class Strategy(msgspec.Struct, frozen=True):
    """The arrival pattern."""

    type_: str = "unknown"
    rate: float | None = None
    streams: int | None = None


class Backend(msgspec.Struct, frozen=True):
    """Whom it asked, in versions since 0.4."""

    model: str | None = None
    target: str | None = None


class Config(msgspec.Struct, frozen=True):
    """The setting of a benchmark: `config` today, `args` before."""

    strategy: Strategy = Strategy()
    backend: Backend = Backend()
    strategy_index: int = 0


class Worker(msgspec.Struct, frozen=True):
    """Whom it asked, in versions up to 0.3."""

    backend_model: str | None = None
    backend_target: str | None = None


class Timings(msgspec.Struct, frozen=True):
    """Moments of a request in seconds of the wall clock; `first_iteration`, `last_iteration` are of 0.4."""

    targeted_start: float | None = None
    request_start: float | None = None
    first_token_iteration: float | None = None
    first_output_token_iteration: float | None = None
    last_token_iteration: float | None = None
    token_iterations: int = 0
    first_iteration: float | None = None
    last_iteration: float | None = None
    request_end: float | None = None


class Info(msgspec.Struct, frozen=True):
    """What the scheduler says of a request."""

    timings: Timings = Timings()
    error: str | None = None


class Planned(msgspec.Struct, frozen=True):
    """When a request was due, in versions up to 0.3."""

    targeted_start_time: float | None = None


class Tokens(msgspec.Struct, frozen=True):
    """Token counts of one side."""

    cached_tokens: Count | None = None


class Row(msgspec.Struct, frozen=True):
    """One request; the second half are the names of versions up to 0.3."""

    request_args: Any = None
    output: str | None = None
    reasoning_output: str | None = None
    tool_calls: list[Any] | None = None
    info: Info = Info()
    input_metrics: Tokens | None = None
    prompt_tokens: Count | None = None
    output_tokens: Count | None = None
    prompt: str | None = None
    scheduler_info: Planned | None = None
    start_time: float | None = None
    end_time: float | None = None
    first_token_time: float | None = None
    last_token_time: float | None = None
    error: str | None = None


class Rows(msgspec.Struct, frozen=True):
    """The requests by how they came out."""

    successful: list[Row] | None = None
    errored: list[Row] | None = None
    incomplete: list[Row] | None = None


class Warned(msgspec.Struct, frozen=True):
    """What GuideLLM warns of."""

    message: str = ""
    note: str | None = None


class Benchmark(msgspec.Struct, frozen=True):
    """One strategy."""

    config: Config | None = None
    args: Config | None = None
    worker: Worker = Worker()
    metrics: dict[str, Any] = {}
    request_totals: Totals | None = None
    requests: Rows = Rows()
    duration: float | None = None
    warnings: list[Warned] | None = None

    @property
    def setting(self) -> Config:
        """Return the setting, wherever this version keeps it."""
        return self.config or self.args or Config()


class Metadata(msgspec.Struct, frozen=True):
    """Who wrote the report."""

    guidellm_version: str | None = None


class Report(msgspec.Struct, frozen=True):
    """A whole report."""

    benchmarks: list[Benchmark]
    metadata: Metadata = Metadata()
