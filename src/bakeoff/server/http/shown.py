"""Jobs as our own API shows them."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from bakeoff.server.jobs.job import Dialect, Job, JobState
from bakeoff.server.times import iso

State = JobState
Outcome = Literal["ok", "truncated", "empty", "refused", "filtered", "error", "timeout", "cancelled"]
"""How a sample ended, as its record says."""
Label = Annotated[str, Field(max_length=10_000, pattern=":")]


class Shape(BaseModel):
    """A body of our API; an unknown key is a mistake, not a wish that is ignored."""

    model_config = ConfigDict(extra="forbid")


class Limits(Shape):
    """What a run may use; what is left out is unlimited."""

    requests: int | None = Field(
        default=None, ge=1, le=2**53, description="all that leaves for models and judges, tries again too"
    )
    tokens: int | None = Field(
        default=None, ge=1, le=2**53, description="prompt and completion tokens, judges' too"
    )
    usd: float | None = Field(
        default=None, gt=0, le=1e12, description="cost by the prices of the spec, judges' too"
    )
    seconds: float | None = Field(default=None, gt=0, le=1e9, description="wall time")


class Hook(Shape):
    """Who is told of the end, by a signed POST."""

    url: str = Field(max_length=2000, description="its origin must be allowed on the server")
    secret: str | None = Field(
        None, max_length=200, description="`${NAME}` of the secret that signs the body"
    )


class NewRun(Shape):
    """A run to be started."""

    spec: dict[str, Any] = Field(
        description="a `bakeoff.yaml` as JSON; a model may be the name of a registered target, and "
        "`dataset: {type: stored, name: NAME}` is an uploaded data set"
    )
    files: dict[str, str] = Field(
        default_factory=dict, max_length=100, description="data that the spec names, as base64 by path"
    )
    name: str | None = Field(default=None, min_length=1, max_length=200)
    labels: dict[str, str] = Field(default_factory=dict, max_length=50)
    limits: Limits = Field(default_factory=Limits)
    webhook: Hook | None = None


class RunQuery(Shape):
    """Which runs, and which page of them."""

    state: list[State] = Field(default_factory=list[State], max_length=100)
    name: str | None = Field(None, max_length=200)
    dialect: Dialect | None = None
    label: list[Label] = Field(
        default_factory=list[Label], max_length=20, description="`NAME:TEXT`, which they all have"
    )
    limit: int = Field(50, ge=1, le=1000)
    after: str | None = Field(None, max_length=100, description="`next` of the page before")


class SampleQuery(Shape):
    """Which samples, and which page of them."""

    offset: int = Field(0, ge=0, le=2**53)
    limit: int = Field(100, ge=1, le=1000)

    target: str | None = None
    benchmark: str | None = None
    outcome: Outcome | None = None


class ScoreQuery(Shape):
    """Which scores, and which page of them."""

    offset: int = Field(0, ge=0, le=2**53)
    limit: int = Field(100, ge=1, le=1000)

    target: str | None = None
    benchmark: str | None = None
    metric: str | None = None
    passed: bool | None = None


class Progress(BaseModel):
    """How far a run is: samples stored, planned (0 before the plan is made), and failed."""

    done: int
    total: int
    failed: int


class Trouble(BaseModel):
    """Why a run failed."""

    kind: str
    message: str
    where: str = ""
    hint: str = ""


class Verdict(BaseModel):
    """The verdict of a finished run in short."""

    run: str
    verdict: str | None = None
    sentence: str | None = None
    invalid: bool = False


class RunShown(BaseModel):
    """A run as a job: state, progress and where the rest is."""

    id: str
    object: Literal["run"] = "run"
    name: str
    dialect: str
    state: State
    owner: str
    labels: dict[str, str]
    limits: Limits
    attempt: int = Field(description="how many workers began it")
    progress: Progress
    error: Trouble | None
    outcome: Verdict | None
    created_at: str
    updated_at: str
    started_at: str | None
    finished_at: str | None
    links: dict[str, str]


class RunList(BaseModel):
    """A page of runs, newest first."""

    object: Literal["list"] = "list"
    data: list[RunShown]
    total: int
    next: str | None = Field(description="give it as `after` for the next page; null on the last one")


def run_shown(job: Job) -> RunShown:
    """Return a job as our API shows it."""
    here = f"/api/v1/runs/{job.id}"
    names = ["events", "samples", "scores", "spec", "cancel"]
    if job.done or not job.ended:  # else there is nothing that these could tell of
        names += ["results", "verdict", "report"]
    return RunShown(
        id=job.id,
        name=job.name,
        dialect=job.dialect,
        state=job.state,
        owner=job.owner,
        labels=job.labels,
        limits=Limits(
            requests=job.limits.requests,
            tokens=job.limits.tokens,
            usd=job.limits.usd,
            seconds=job.limits.seconds,
        ),
        attempt=job.attempt,
        progress=Progress(done=job.done, total=job.total, failed=job.failed),
        error=None
        if job.error is None
        else Trouble(
            kind=job.error.kind, message=job.error.message, where=job.error.where, hint=job.error.hint
        ),
        outcome=None
        if job.outcome is None
        else Verdict(
            run=job.outcome.run,
            verdict=job.outcome.verdict,
            sentence=job.outcome.sentence,
            invalid=job.outcome.invalid,
        ),
        created_at=iso(job.created_at) or "",
        updated_at=iso(job.updated_at) or "",
        started_at=iso(job.started_at),
        finished_at=iso(job.finished_at),
        links={"self": here, **{name: f"{here}/{name}" for name in names}},
    )
