"""Runs and output items in the form that clients expect; what is unknown is null, never 0."""

from typing import Any, Literal

from pydantic import BaseModel

from bakeoff.records import Case, Message, Sample
from bakeoff.server.dialects.openai_evals.jobs import Asked, asked_of
from bakeoff.server.dialects.openai_evals.outcome import Counts, Outcome, Tokens
from bakeoff.server.jobs.job import Job, JobState

Status = Literal["queued", "in_progress", "completed", "failed", "canceled"]
STATES: dict[Status, tuple[JobState, ...]] = {
    "queued": ("queued",),
    "in_progress": ("running", "cancelling"),
    "completed": ("completed",),
    "failed": ("failed",),
    "canceled": ("cancelled",),
}
_STATUS: dict[JobState, Status] = {state: status for status, states in STATES.items() for state in states}


class ResultCounts(BaseModel):
    """Rows by what became of them; while a run goes on they add up to less than `total`."""

    total: int
    passed: int
    failed: int
    errored: int


class ModelUsage(BaseModel):
    """What a model was asked, to answer or to grade; tokens are those that its server told."""

    model_name: str
    invocation_count: int
    prompt_tokens: int | None
    completion_tokens: int | None
    cached_tokens: int | None
    total_tokens: int | None


class CriterionCounts(BaseModel):
    """Rows by what one criterion said."""

    testing_criteria: str
    passed: int
    failed: int


class Trouble(BaseModel):
    """Why something failed."""

    code: str
    message: str


class RunShown(BaseModel):
    """A run of an eval."""

    id: str
    object: Literal["eval.run"] = "eval.run"
    created_at: int
    eval_id: str
    name: str
    model: str
    status: Status
    data_source: dict[str, Any]
    metadata: dict[str, str]
    error: Trouble | None
    report_url: str
    result_counts: ResultCounts
    per_model_usage: list[ModelUsage]
    per_testing_criteria_results: list[CriterionCounts]


class RunList(BaseModel):
    """Some runs."""

    object: Literal["list"] = "list"
    data: list[RunShown]
    first_id: str | None
    last_id: str | None
    has_more: bool


class RunDeleted(BaseModel):
    """A run that is gone."""

    run_id: str
    object: Literal["eval.run.deleted"] = "eval.run.deleted"
    deleted: Literal[True] = True


class Usage(BaseModel):
    """Tokens of one answer."""

    prompt_tokens: int | None
    completion_tokens: int | None
    cached_tokens: int | None
    total_tokens: int | None


class Said(BaseModel):
    """A message, sent or received."""

    role: str
    content: str | list[dict[str, Any]]


class SampleShown(BaseModel):
    """What a model was sent and what it answered."""

    input: list[Said]
    output: list[Said]
    model: str | None
    finish_reason: str | None
    usage: Usage
    error: Trouble | None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    max_completion_tokens: int | None = None


class ResultShown(BaseModel):
    """What one criterion said of an answer; `score` is null where it could not say."""

    name: str
    type: str
    score: float | None
    passed: bool
    reason: str
    sample: None = None


class ItemShown(BaseModel):
    """One row of a run."""

    id: str
    object: Literal["eval.run.output_item"] = "eval.run.output_item"
    created_at: int
    eval_id: str
    run_id: str
    status: Literal["pass", "fail", "error"]
    datasource_item_id: int
    datasource_item: dict[str, Any]
    results: list[ResultShown]
    sample: SampleShown


class ItemList(BaseModel):
    """Some rows of a run."""

    object: Literal["list"] = "list"
    data: list[ItemShown]
    first_id: str | None
    last_id: str | None
    has_more: bool


def run_id(job: str) -> str:
    """Return a job's id as this dialect shows it."""
    return "evalrun_" + job.removeprefix("job-")


def job_id(run: str) -> str:
    """Return the id of the job that a run is."""
    return "job-" + run.removeprefix("evalrun_")


def item_id(job: str, row: int) -> str:
    """Return the id of a row of a run."""
    return f"outputitem_{job.removeprefix('job-')}_{row}"


def run_shown(job: Job, counted: Counts, server: str) -> RunShown:
    """Return a job as a run of an eval."""
    asked = asked_of(job)
    error = None if job.error is None else Trouble(code=job.error.kind, message=job.error.message)
    return RunShown(
        id=run_id(job.id),
        created_at=job.created_at // 1_000_000,
        eval_id=job.subject,
        name=asked.run_name,
        model=asked.model,
        status=_STATUS[job.state],
        data_source=asked.data_source,
        metadata=asked.metadata,
        error=error,
        report_url=f"{server}/api/v1/runs/{job.id}/report",
        result_counts=ResultCounts(
            total=asked.rows, passed=counted.passed, failed=counted.failed, errored=counted.errored
        ),
        per_model_usage=[_usage(name, tokens) for name, tokens in counted.models.items()],
        per_testing_criteria_results=[
            CriterionCounts(testing_criteria=name, passed=passed, failed=failed)
            for name, (passed, failed) in counted.criteria.items()
        ],
    )


def item_shown(job: Job, outcome: Outcome, case: Case | None) -> ItemShown:
    """Return a row of a run."""
    asked = asked_of(job)
    item: dict[str, Any] = case.fields["item"] if case is not None else asked.items.get(str(outcome.row), {})
    return ItemShown(
        id=item_id(job.id, outcome.row),
        created_at=(job.finished_at or job.updated_at) // 1_000_000,
        eval_id=job.subject,
        run_id=run_id(job.id),
        status=outcome.status,
        datasource_item_id=outcome.row,
        datasource_item=item,
        results=[
            ResultShown(
                name=each.name, type=each.kind, score=each.score, passed=bool(each.passed), reason=each.reason
            )
            for each in outcome.verdicts
        ],
        sample=_sample(outcome, case, asked),
    )


def _usage(model: str, tokens: Tokens) -> ModelUsage:
    return ModelUsage(
        model_name=model,
        invocation_count=tokens.calls,
        prompt_tokens=tokens.prompt,
        completion_tokens=tokens.completion,
        cached_tokens=tokens.cached,
        total_tokens=_total(tokens.prompt, tokens.completion),
    )


def _sample(outcome: Outcome, case: Case | None, asked: Asked) -> SampleShown:
    sample = outcome.sample or Sample(benchmark="", case="", target="", outcome="error")
    usage = sample.usage
    sent = [_said(message) for message in case.messages] if case is not None else []
    answered = bool(sample.text) or sample.ok
    return SampleShown(
        input=sent,
        output=[Said(role="assistant", content=sample.text)] if answered else [],
        model=sample.model,
        finish_reason=sample.finish_reason,
        usage=Usage(
            prompt_tokens=usage.prompt,
            completion_tokens=usage.completion,
            cached_tokens=usage.cached,
            total_tokens=_total(usage.prompt, usage.completion),
        ),
        error=Trouble(code=sample.outcome, message=outcome.error) if outcome.error else None,
        **{name: asked.sampling.get(name) for name in _SAMPLING},
    )


_SAMPLING = ("temperature", "top_p", "seed", "max_completion_tokens")


def _said(message: Message) -> Said:
    return Said(role=message.role, content=message.content)


def _total(prompt: int | None, completion: int | None) -> int | None:
    return None if prompt is None or completion is None else prompt + completion
