"""A job: a run with an owner, a state and a lease."""

from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta

JobState = Literal["queued", "running", "cancelling", "completed", "failed", "cancelled"]
JOB_STATES: tuple[JobState, ...] = get_args(JobState)
Dialect = Literal["bakeoff", "evalhub", "llama_stack", "nemo", "nemo-live", "openai_evals"]
OWN: Dialect = "bakeoff"
"""The dialect of our own API, in which a spec is what was sent."""
ENDED: tuple[JobState, ...] = ("completed", "failed", "cancelled")
AWAY = "remote"
"""The part of what a job was asked that says which other server does it."""


class JobLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a job may use; None is no limit. A job that reaches one ends as failed and keeps what it has.

    Attributes:
        requests: what leaves for models and judges: first questions, warm-up and every try again included.
        tokens: prompt and completion tokens that servers counted, judges' too.
        usd: cost by the prices of the spec, judges' too.
        seconds: wall time of all its attempts together.
    """

    requests: Annotated[int, Meta(ge=1)] | None = None
    tokens: Annotated[int, Meta(ge=1)] | None = None
    usd: Annotated[float, Meta(gt=0)] | None = None
    seconds: Annotated[float, Meta(gt=0)] | None = None


class Webhook(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is told of a job's end.

    Attributes:
        url: gets a POST with the job as JSON; its origin must be allowed.
        secret: `${NAME}` of the secret that signs the body.
    """

    url: str
    secret: str | None = None


class JobError(msgspec.Struct, frozen=True, kw_only=True):
    """Why a job failed: `kind` for programs, the rest for people."""

    kind: str
    message: str
    where: str = ""
    hint: str = ""


class JobOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a list shows of a finished job."""

    run: str
    verdict: str | None = None
    sentence: str | None = None
    invalid: bool = False


class NewJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job as a dialect submits it.

    Attributes:
        document: the spec of the run as plain values; `datasets/NAME` in it are files of the job.
        files: content of the job's own files by relative name, such as `datasets/rows.jsonl`.
        asked: the dialect's own request, kept for its answers.
        subject: what the dialect lists jobs by, such as a benchmark's or an eval's id.
        sent: digest of what the client sent, by which the same request with the same key is known again;
            empty for one of the job itself.
    """

    name: str
    document: dict[str, Any]
    dialect: str = OWN
    files: dict[str, bytes] = {}
    asked: dict[str, Any] = {}
    labels: dict[str, str] = {}
    limits: JobLimits = JobLimits()
    webhook: Webhook | None = None
    subject: str = ""
    idempotency_key: str | None = None
    sent: str = ""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A stored job. Times are microseconds since 1970, UTC.

    Attributes:
        attempt: how many workers began it.
        done: samples stored.
        total: samples planned, 0 until the plan is made.
        failed: samples stored that are no answer.
    """

    id: str
    project: str
    name: str
    dialect: str
    state: JobState
    document: dict[str, Any]
    asked: dict[str, Any]
    labels: dict[str, str]
    limits: JobLimits
    owner: str
    created_at: int
    updated_at: int
    subject: str = ""
    webhook: Webhook | None = None
    started_at: int | None = None
    finished_at: int | None = None
    worker: str | None = None
    attempt: int = 0
    lease_until: int | None = None
    done: int = 0
    total: int = 0
    failed: int = 0
    error: JobError | None = None
    outcome: JobOutcome | None = None

    @property
    def ended(self) -> bool:
        """Tell whether it will never change again."""
        return self.state in ENDED

    @property
    def away(self) -> bool:
        """Tell whether another server does it, where it goes on whatever ends here."""
        return AWAY in self.asked


class JobEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to a job."""

    id: int
    job: str
    at: int
    kind: str
    facts: dict[str, Any] = {}


class JobPage(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a list, newest first; `total` counts the whole list."""

    jobs: list[Job]
    total: int
    next: str | None = None


class JobFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which jobs a list holds; None is any.

    Attributes:
        labels: `NAME:TEXT`, which they all have.
    """

    states: tuple[JobState, ...] = ()
    name: str | None = None
    dialect: str | None = None
    subject: str | None = None
    labels: tuple[str, ...] = ()
    since: int | None = None
    until: int | None = None
