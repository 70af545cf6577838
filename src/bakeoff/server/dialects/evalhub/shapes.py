"""Bodies and queries of the EvalHub dialect, as clients send them; an unknown key is refused by name."""

from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, field_validator, model_validator

from bakeoff.server.values import check_values

Id = Annotated[str, Field(min_length=1, max_length=200)]
Text = Annotated[str, Field(max_length=10_000)]
Tags = Annotated[list[Annotated[str, Field(min_length=1, max_length=250)]], Field(max_length=100)]
State = Literal["pending", "running", "completed", "failed", "cancelled", "partially_failed"]
Phase = Literal[
    "initializing",
    "loading_data",
    "running_evaluation",
    "post_processing",
    "persisting_artifacts",
    "completed",
]
_Finite = Annotated[float, Field(allow_inf_nan=False, ge=-1e300, le=1e300)]
Values = dict[str, Any]


class Sent(BaseModel):
    """A part of a body."""

    model_config = ConfigDict(extra="forbid")


class Body(BaseModel):
    """A whole body."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _storable(cls, value: Any) -> Any:  # noqa: ANN401  anything that JSON can say
        check_values(value)
        return value


class Primary(Sent):
    """The metric that stands for a benchmark."""

    metric: Id
    lower_is_better: bool = False


class Criteria(Sent):
    """What passes: at least the threshold, or at most where lower is better."""

    threshold: _Finite


class Auth(Sent):
    """How the model is paid for: the name of a secret, never its value."""

    secret_ref: Id


class Model(Sent):
    """What is measured. Without an address the name is that of a registered target."""

    url: Annotated[str, Field(max_length=2000)] = ""
    name: Annotated[str, Field(min_length=1, max_length=500)]
    auth: Auth | None = None
    parameters: Values = {}
    card_url: Annotated[str, Field(max_length=2000)] | None = None


class Chosen(Sent):
    """A benchmark of a job or collection. `test_data_ref` and `hardware_config` are refused by name."""

    id: Id = Field(validation_alias=AliasChoices("id", "benchmark_id"))
    provider_id: Id
    parameters: Values = {}
    primary_score: Primary | None = None
    pass_criteria: Criteria | None = None
    weight: Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)] | None = None
    test_data_ref: Values | None = None
    hardware_config: Values | None = None
    url: Annotated[str, Field(max_length=2000)] | None = None


Choice = Annotated[list[Chosen], Field(min_length=1, max_length=100)]


class CollectionRef(Sent):
    """A collection, or some of its benchmarks."""

    id: Id
    benchmarks: Choice | None = None


class JobBody(Body):
    """A job: one model, and benchmarks or a collection. `experiment`, `exports` and `queue` are refused."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    description: Text | None = None
    tags: Tags = []
    model: Model
    benchmarks: Annotated[list[Chosen], Field(max_length=100)] | None = None
    collection: CollectionRef | None = None
    pass_criteria: Criteria | None = None
    experiment: Values | None = None
    exports: Values | None = None
    queue: Values | None = None


class Benchmark(Sent):
    """A benchmark as a provider tells of it."""

    id: Id
    name: Annotated[str, Field(min_length=1, max_length=500)]
    description: Text | None = None
    category: Annotated[str, Field(max_length=200)] = ""
    metrics: Annotated[list[Id], Field(max_length=200)] = []
    num_few_shot: Annotated[int, Field(ge=0, le=10_000)] = 0
    dataset_size: Annotated[int, Field(ge=0, le=2**53)] = 0
    tags: Tags = []
    url: Annotated[str, Field(max_length=2000)] | None = None
    primary_score: Primary | None = None
    pass_criteria: Criteria | None = None
    agent: Values | None = None


class ProviderBody(Body):
    """A provider of somebody else; it is kept and shown, and not run here."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    title: Annotated[str, Field(max_length=500)] = ""
    description: Text | None = None
    tags: Tags = []
    runtime: Values | None = None
    benchmarks: Annotated[list[Benchmark], Field(max_length=1000)] = []
    agent: Values | None = None


class CollectionBody(Body):
    """A collection: benchmarks with weights and thresholds."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    description: Text = ""
    category: Annotated[str, Field(min_length=1, max_length=200)]
    tags: Tags = []
    custom: Values = {}
    pass_criteria: Criteria | None = None
    benchmarks: Choice


class Change(Sent):
    """One operation of a JSON Patch (RFC 6902)."""

    op: Literal["add", "remove", "replace", "move", "copy", "test"]
    path: Annotated[str, Field(max_length=2000)]
    value: Any = None
    source: Annotated[str, Field(max_length=2000)] | None = Field(None, alias="from")

    @field_validator("value", "path", "source", mode="before")
    @classmethod
    def _storable(cls, value: Any) -> Any:  # noqa: ANN401  anything that JSON can say
        check_values(value)
        return value


Patch = Annotated[list[Change], Field(max_length=100)]


class Trouble(Sent):
    """A message of an adapter."""

    message: Text
    message_code: Id
    message_origin: Literal["server", "adapter", "sdk", "runtime"] | None = None


class StatusEvent(Sent):
    """What an adapter tells of a benchmark that it runs."""

    id: Id
    provider_id: Id
    benchmark_index: Annotated[int, Field(ge=0, le=10_000)] | None = None
    status: Literal["pending", "running", "completed", "failed"]
    phase: Phase | None = None
    error_message: Trouble | None = None
    warning_message: Trouble | None = None
    metrics: Values | None = None
    metrics_schema: list[Values] | None = None
    overall_score: _Finite | None = None
    started_at: Annotated[str, Field(max_length=100)] | None = None
    completed_at: Annotated[str, Field(max_length=100)] | None = None
    mlflow_run_id: Annotated[str, Field(max_length=200)] | None = None
    artifacts: Values | None = None
    logs_path: Annotated[str, Field(max_length=2000)] | None = None
    additional_info: Values | None = None


class EventBody(Body):
    """The body of an adapter's call."""

    benchmark_status_event: StatusEvent


Limit = Annotated[int, Field(ge=1, le=1000)]
Offset = Annotated[int, Field(ge=0, le=2**53)]
Wish = Annotated[str, Field(max_length=250)] | None


class ProviderQuery(Sent):
    """Which page of providers; `benchmarks=false` leaves their benchmarks out."""

    limit: Limit = 50
    offset: Offset = 0
    name: Wish = None
    tags: Wish = None
    owner: Wish = None
    benchmarks: bool = True


class CollectionQuery(Sent):
    """Which page of collections."""

    limit: Limit = 50
    offset: Offset = 0
    name: Wish = None
    tags: Wish = None
    owner: Wish = None
    category: Wish = None


class JobQuery(Sent):
    """Which page of jobs; a state that there is not gives an empty list."""

    limit: Limit = 50
    offset: Offset = 0
    name: Wish = None
    tags: Wish = None
    owner: Wish = None
    status: Wish = None
    experiment_id: Wish = None


class DeleteQuery(Sent):
    """Whether a job is forgotten, not only cancelled."""

    hard_delete: bool = False


class LogQuery(Sent):
    """Which lines of a log."""

    tail_lines: int = Field(1000, ge=1, le=10_000)
    timestamps: bool = False
    since_seconds: int | None = Field(None, ge=1, le=2**31)
