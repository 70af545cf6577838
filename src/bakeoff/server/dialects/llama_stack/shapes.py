"""What clients of Llama Stack are sent."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

Fields = dict[str, Any]


class StackShape(BaseModel):
    """An answer; clients keep fields that they do not know."""

    model_config = ConfigDict(protected_namespaces=())


class Trouble(StackShape):
    """What went wrong."""

    message: str
    detail: Any
    type: str


class ErrorBody(StackShape):
    """The body of an error."""

    error: Trouble


class Benchmark(StackShape):
    """A registered benchmark."""

    identifier: str
    provider_id: str
    provider_resource_id: str
    type: Literal["benchmark"] = "benchmark"
    dataset_id: str
    scoring_functions: list[str]
    metadata: Fields


class BenchmarkList(StackShape):
    """All benchmarks."""

    data: list[Benchmark]


class Progress(StackShape):
    """Rows answered, planned (0 before the plan is made), and failed."""

    done: int
    total: int
    failed: int


class JobShown(StackShape):
    """A job: the two fields that Llama Stack has, and what else is known."""

    job_id: str
    status: Literal["scheduled", "in_progress", "completed", "failed", "cancelled"]
    created_at: str
    started_at: str | None
    finished_at: str | None
    progress: Progress
    error: str | None
    links: dict[str, str]


class ScoringResult(StackShape):
    """What a scoring function says of each row and of all of them."""

    score_rows: list[Fields]
    aggregated_results: Fields


class EvaluateResponse(StackShape):
    """The answers, one for each row in their order, and the scores by function."""

    generations: list[Fields]
    scores: dict[str, ScoringResult]


class ScoreResponse(StackShape):
    """The scores by function."""

    results: dict[str, ScoringResult]


class ScoreBatchResponse(StackShape):
    """The scores by function; `dataset_id` is the data set of the results, where one was asked for."""

    results: dict[str, ScoringResult]
    dataset_id: str | None = None


class ScoringFunction(StackShape):
    """A scoring function."""

    identifier: str
    provider_id: str
    provider_resource_id: str
    type: Literal["scoring_function"] = "scoring_function"
    description: str
    metadata: Fields
    return_type: Fields
    params: Fields | None


class ScoringFunctionList(StackShape):
    """All scoring functions."""

    data: list[ScoringFunction]


class DatasetShown(StackShape):
    """A registered data set."""

    identifier: str
    provider_id: str
    provider_resource_id: str
    type: Literal["dataset"] = "dataset"
    purpose: str
    source: Fields
    metadata: Fields


class DatasetList(StackShape):
    """All data sets."""

    data: list[DatasetShown]


class RowPage(StackShape):
    """Some rows of a data set."""

    data: list[Fields]
    has_more: bool
    url: str | None = None


class ModelShown(StackShape):
    """A model, with the fields of Llama Stack and those of OpenAI."""

    identifier: str
    provider_id: str
    provider_resource_id: str
    type: Literal["model"] = "model"
    model_type: str
    metadata: Fields
    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str
    custom_metadata: Fields


class ModelList(StackShape):
    """All models."""

    data: list[ModelShown]
    object: Literal["list"] = "list"


class Provider(StackShape):
    """A part of the service under the name that clients know it by."""

    api: str
    provider_id: str
    provider_type: str
    config: Fields
    health: dict[str, str]


class ProviderList(StackShape):
    """All providers."""

    data: list[Provider]


class RouteShown(StackShape):
    """A route."""

    route: str
    method: str
    provider_types: list[str]


class RouteList(StackShape):
    """All routes."""

    data: list[RouteShown]


class Health(StackShape):
    """Whether the service lives."""

    status: str = "OK"


class Version(StackShape):
    """The version of bakeoff."""

    version: str


ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorBody, "description": "the call is wrong, or asks for what is not offered"},
    401: {"model": ErrorBody, "description": "the API key is missing or wrong"},
    403: {"model": ErrorBody, "description": "the key's role may not do this"},
    404: {"model": ErrorBody, "description": "there is no such thing"},
    409: {"model": ErrorBody, "description": "another call was faster"},
    413: {"model": ErrorBody, "description": "more than is taken"},
    429: {"model": ErrorBody, "description": "too many calls"},
}
