"""What clients of Llama Stack send. What is not listed here is refused by its name, never ignored."""

from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, model_validator

from bakeoff.server.values import check_values

NAME = r"^[^\x00]+$"
Ident = Annotated[str, Field(min_length=1, max_length=300, pattern=NAME)]
InPath = Annotated[str, Path(min_length=1, max_length=300, pattern=NAME)]
Text = Annotated[str, Field(max_length=200_000)]
Row = dict[str, Any]
Aggregation = Literal["average", "weighted_average", "median", "categorical_count", "accuracy"]
Fields = dict[str, Any]


class StackPart(BaseModel):
    """A part of a body."""

    model_config = ConfigDict(extra="forbid")


class StackBody(BaseModel):
    """A body: its values are looked at before anything is made of them."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _checked(cls, value: object) -> object:
        check_values(value)
        return value


class NewBenchmark(StackBody):
    """A benchmark to be registered; `metadata` may hold a configuration of NeMo Evaluator."""

    provider_id: Ident | None = None
    metadata: Fields | None = None
    benchmark_id: Ident = Field(validation_alias=AliasChoices("benchmark_id", "eval_task_id"))
    dataset_id: str = Field(max_length=300)
    scoring_functions: list[Ident] = Field(max_length=100)
    provider_benchmark_id: Ident | None = Field(
        None, validation_alias=AliasChoices("provider_benchmark_id", "provider_eval_task_id")
    )


class Params(StackPart):
    """Parameters of a scoring function, of all kinds; `type` says which of them it has."""

    type: Literal["llm_as_judge", "regex_parser", "basic"] | None = None
    judge_model: Ident | None = None
    prompt_template: Text | None = None
    judge_score_regexes: list[Text] | None = Field(None, max_length=100)
    parsing_regexes: list[Text] | None = Field(None, max_length=200)
    aggregation_functions: list[Aggregation] | None = Field(None, max_length=10)


class Candidate(BaseModel):
    """What is evaluated. Its keys are looked at one by one, to be refused by name."""

    model_config = ConfigDict(extra="allow")
    type: str = Field("model", max_length=100)


class BenchmarkConfig(StackPart):
    """How a benchmark is run; `num_examples` left out means all rows."""

    eval_candidate: Candidate
    scoring_params: dict[str, Params] | Annotated[list[Params], Field(max_length=0)] | None = None
    num_examples: int | None = Field(None, ge=1, le=2**31)
    type: Literal["benchmark", "app"] | None = None

    @property
    def scoring(self) -> dict[str, Params]:
        """Return the parameters by scoring function; an older page writes an empty list for none."""
        return self.scoring_params if isinstance(self.scoring_params, dict) else {}


class Run(StackBody):
    """A run of a benchmark; `benchmark_id` in the body is that of the path once more."""

    benchmark_config: BenchmarkConfig = Field(
        validation_alias=AliasChoices("benchmark_config", "task_config")
    )
    benchmark_id: Ident | None = Field(None, validation_alias=AliasChoices("benchmark_id", "task_id"))


class EvaluateRows(StackBody):
    """Rows to be answered and scored within the call."""

    benchmark_config: BenchmarkConfig = Field(
        validation_alias=AliasChoices("benchmark_config", "task_config")
    )
    benchmark_id: Ident | None = Field(None, validation_alias=AliasChoices("benchmark_id", "task_id"))
    input_rows: list[Row] = Field(min_length=1)
    scoring_functions: list[Ident] = Field(min_length=1, max_length=100)


class Score(StackBody):
    """Answers that are there, to be scored."""

    input_rows: list[Row] = Field(min_length=1)
    scoring_functions: dict[Ident, Params | None] = Field(min_length=1, max_length=100)


class ScoreBatch(StackBody):
    """A data set with answers, to be scored; with `save_results_dataset` the scores become a data set."""

    dataset_id: Ident
    scoring_functions: dict[Ident, Params | None] = Field(min_length=1, max_length=100)
    save_results_dataset: bool = False


class NewFunction(StackBody):
    """A scoring function to be registered."""

    provider_id: Ident | None = None
    metadata: Fields | None = None
    scoring_fn_id: Ident
    description: str = Field("", max_length=10_000)
    return_type: Fields
    params: Params | None = None
    provider_scoring_fn_id: Ident | None = None


class NewDataset(StackBody):
    """A data set to be registered; `url`, `dataset_schema` and `provider_dataset_id` are of releases 0.1."""

    provider_id: Ident | None = None
    metadata: Fields | None = None
    purpose: Literal["post-training/messages", "eval/question-answer", "eval/messages-answer"] = (
        "eval/messages-answer"
    )
    source: Fields | None = None
    dataset_id: Ident | None = None
    url: Fields | None = None
    dataset_schema: Fields | None = None
    provider_dataset_id: Ident | None = None


class NewRows(StackBody):
    """Rows that come to a data set."""

    rows: list[Row] = Field(min_length=1)
    dataset_id: Ident | None = None


class NewModel(StackBody):
    """A model to be registered: another name for one that is there, or one at an endpoint in `metadata`."""

    provider_id: Ident | None = None
    metadata: Fields | None = None
    model_id: Ident
    provider_model_id: Ident | None = None
    model_type: Literal["llm", "embedding"] | None = None
