"""The spec: `bakeoff.yaml` with all defaults filled in.

Field names are the file's keys. A mapping that chooses an implementation (`type` or `kind` plus its
options) is a `Choice`; its options are the fields of the chosen implementation.
"""

from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from bakeoff.records.target import Price, Sampling

Seconds = Annotated[float, Meta(extra_json_schema={"x-bakeoff": "duration"})]
Rate = Annotated[float, Meta(extra_json_schema={"x-bakeoff": "rate"})]
Share = Annotated[float, Meta(ge=0, le=1)]
Count = Annotated[int, Meta(ge=1)]


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """An implementation by name, with its options."""

    type: str
    options: dict[str, Any] = {}


class ModelSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of `models`. Exactly one of `endpoint` and `source` says where it is."""

    name: str
    source: str | None = None
    model_id: str | None = None
    accelerators: str | None = None
    deploy: Choice | None = None
    endpoint: str | None = None
    model: str | None = None
    provider: Choice | None = None
    api_key: str | None = None
    headers: dict[str, str] = {}
    price: Price | None = None
    params: dict[str, Any] = {}
    stream: bool = True
    engine: str | None = None
    precision: str | None = None


class PromptSpec(msgspec.Struct, frozen=True, kw_only=True):
    """How a case becomes a request.

    Attributes:
        template: Jinja text of the user turn; None sends the case's own messages or its `input` or `prompt`.
        system: Jinja text of a system message.
        few_shot: example cases shown before the question, as {input: …, answer: …} mappings of fields.
        example: Jinja text of one example in the completion form; sees the example's fields and `answer`.
        form: auto uses chat where every target has a chat template, else the completion form for all.
    """

    template: str | None = None
    system: str | None = None
    few_shot: list[dict[str, Any]] = []
    example: str | None = None
    form: Literal["auto", "chat", "completion"] = "auto"


class FieldsSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Which columns of a row hold what; None takes the usual names (`id`, `reference`, `answer`, …)."""

    id: str | None = None
    reference: str | None = None
    accepted: str | None = None
    messages: str | None = None
    cluster: str | None = None
    slices: tuple[str, ...] = ("category", "difficulty")


class LoadSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Arrival pattern and limits of a benchmark's requests; `options` belong to the chosen load."""

    kind: str = "concurrent"
    requests: Count | None = None
    seconds: Seconds | None = None
    errors: Count | None = None
    warmup: Annotated[int, Meta(ge=0)] = 0
    options: dict[str, Any] = {}


class SloSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Latency targets, each in seconds, and the share of requests that must meet all of them."""

    ttft: Seconds | None = None
    ttfa: Seconds | None = None
    tpot: Seconds | None = None
    e2e: Seconds | None = None
    attainment: Share = 0.95
    at_rate: Rate | None = None


class TimeoutSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds to wait: for a connection, for the first byte, between two reads, for the whole answer."""

    connect: Seconds = 10.0
    first_byte: Seconds = 300.0
    stream: Seconds = 120.0
    total: Seconds = 600.0


class BenchmarkSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of `benchmarks`: cases under a load, with scorers and metrics."""

    name: str
    version: str = "1"
    dataset: Choice
    prompt: PromptSpec = PromptSpec()
    fields: FieldsSpec = FieldsSpec()
    where: dict[str, str] = {}
    limit: Count | None = None
    sample: Literal["first", "random"] = "first"
    repeats: Count = 1
    scorers: list[Choice] = []
    metrics: list[str] = []
    load: LoadSpec = LoadSpec()
    measured: bool = False
    params: dict[str, Any] = {}
    slo: SloSpec | None = None
    attempts: Count | None = None
    errors_count: bool = True


class QualityRule(msgspec.Struct, frozen=True, kw_only=True):
    """The metric that decides, and the largest loss against the incumbent that is accepted."""

    metric: str | None = None
    margin: Share = 0.0


class BudgetRule(msgspec.Struct, frozen=True, kw_only=True):
    """Ceilings in USD."""

    usd_per_1k_requests: Decimal | None = None


class DecideSpec(msgspec.Struct, frozen=True, kw_only=True):
    """The decision rule."""

    incumbent: str | None = None
    quality: QualityRule = QualityRule()
    slo: SloSpec | None = None
    budget: BudgetRule | None = None
    level: Annotated[float, Meta(gt=0.5, lt=1)] = 0.95


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    """A whole bake-off."""

    name: str = "bakeoff"
    version: int = 1
    models: list[ModelSpec]
    benchmarks: list[BenchmarkSpec] = []
    decide: DecideSpec = DecideSpec()
    timeout: TimeoutSpec = TimeoutSpec()
    sampling: Sampling = Sampling()
    seed: int = 0
    error_tolerance: Share = 0.05
    cleanup_on_complete: bool = True
