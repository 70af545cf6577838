"""Answers of the EvalHub dialect. What is not set is left out: their clients take no null for a list."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from bakeoff.server.dialects.evalhub.shapes import (
    Benchmark,
    Chosen,
    CollectionRef,
    Criteria,
    Model,
    Phase,
    Primary,
    State,
)


class Resource(BaseModel):
    """Who made a thing, and when."""

    id: str
    tenant: str | None = None
    owner: str | None = None
    created_at: str
    updated_at: str | None = None
    read_only: bool | None = None


class ProviderShown(BaseModel):
    """A provider."""

    resource: Resource
    name: str
    title: str = ""
    description: str | None = None
    tags: list[str] | None = None
    runtime: dict[str, Any] | None = None
    benchmarks: list[Benchmark] = []
    agent: dict[str, Any] | None = None


class Part(BaseModel):
    """A benchmark of a collection."""

    id: str
    provider_id: str
    weight: float = 1.0
    parameters: dict[str, Any] | None = None
    primary_score: Primary | None = None
    pass_criteria: Criteria | None = None
    url: str | None = None


class CollectionShown(BaseModel):
    """A collection."""

    resource: Resource
    name: str
    description: str = ""
    category: str
    tags: list[str] | None = None
    custom: dict[str, Any] | None = None
    pass_criteria: Criteria | None = None
    benchmarks: list[Part]
    derived_from: str | None = None


class Message(BaseModel):
    """A message for people with a code for programs."""

    message: str
    message_code: str
    message_origin: Literal["server", "adapter", "sdk", "runtime"] = "server"


class BenchmarkState(BaseModel):
    """How far one benchmark of a job is."""

    id: str
    provider_id: str
    benchmark_index: int
    status: State
    phase: Phase | None = None
    error_message: Message | None = None
    started_at: str | None = None
    completed_at: str | None = None


class JobState(BaseModel):
    """How far a job is."""

    state: State
    message: Message
    benchmarks: list[BenchmarkState]


class MetricKind(BaseModel):
    """What kind of value a metric has."""

    name: str
    type: Literal["numeric"] = "numeric"


class Test(BaseModel):
    """How one benchmark stands to its threshold; `reason` says why there is no score."""

    primary_score: float | None
    primary_score_metric: str
    threshold: float | None = None
    passed: bool | None = Field(None, serialization_alias="pass")
    reason: str | None = None


class BenchmarkResult(BaseModel):
    """What came of one benchmark. `artifacts` has the intervals of its metrics, and where the rows are."""

    id: str
    provider_id: str
    benchmark_index: int
    metrics: dict[str, float]
    metrics_schema: list[MetricKind]
    artifacts: dict[str, Any]
    logs_path: str
    test: Test | None = None


class JobTest(BaseModel):
    """How a job stands. `score` is null where the primary scores are not all shares; `reason` says why."""

    score: float | None
    threshold: float | None = None
    passed: bool | None = Field(None, serialization_alias="pass")
    reason: str | None = None


class JobResults(BaseModel):
    """What came of a job."""

    test: JobTest | None = None
    benchmarks: list[BenchmarkResult] = []


class JobShown(BaseModel):
    """A job."""

    resource: Resource
    status: JobState
    results: JobResults
    name: str
    description: str | None = None
    tags: list[str]
    model: Model
    benchmarks: list[Chosen] | None = None
    collection: CollectionRef | None = None
    pass_criteria: Criteria | None = None


class Link(BaseModel):
    """Where a page of a list is."""

    href: str


class Page(BaseModel):
    """A page of a list, newest first; `next` is there when there is more."""

    first: Link
    next: Link | None = None
    limit: int
    total_count: int


class JobPage(Page):
    """A page of jobs."""

    items: list[JobShown]


class ProviderPage(Page):
    """A page of providers."""

    items: list[ProviderShown]


class CollectionPage(Page):
    """A page of collections."""

    items: list[CollectionShown]


class Health(BaseModel):
    """That the service lives."""

    status: Literal["healthy"] = "healthy"
    timestamp: str
