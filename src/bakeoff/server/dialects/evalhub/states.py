"""A job of the service as EvalHub's clients see it."""

from typing import Any

import msgspec

from bakeoff.errors import BakeoffError
from bakeoff.server.dialects.evalhub.asked import Part, Wanted
from bakeoff.server.dialects.evalhub.results import Found, found_of, results_of
from bakeoff.server.dialects.evalhub.shapes import JobBody, Phase, State
from bakeoff.server.dialects.evalhub.shown import (
    BenchmarkState,
    JobResults,
    JobShown,
    JobState,
    Message,
    Resource,
)
from bakeoff.server.jobs.job import Job
from bakeoff.server.jobs.job import JobState as OwnState
from bakeoff.server.service import Service
from bakeoff.server.times import iso

STATES: dict[str, tuple[OwnState, ...]] = {
    "pending": ("queued",),
    "running": ("running", "cancelling"),
    "completed": ("completed",),
    "failed": ("failed", "completed"),
    "cancelled": ("cancelled",),
    "partially_failed": ("completed",),
}
"""Our states that may be shown as one of theirs."""
_SAID = {
    "pending": ("Evaluation job created", "evaluation_job_created"),
    "cancelled": ("Evaluation job cancelled", "evaluation_job_cancelled"),
}


def wanted_of(job: Job) -> Wanted:
    """Return what a job was asked for."""
    return msgspec.convert(job.asked, Wanted)


def shown(job: Job, service: Service) -> JobShown:
    """Return a job as clients see it, with its results once it has ended."""
    wanted = wanted_of(job)
    found = _found(job, wanted, service)
    parts = [_part_state(job, at, part, found) for at, part in enumerate(wanted.parts)]
    state = _state(job, parts)
    body = JobBody.model_validate(wanted.request)
    said: dict[str, Any] = {
        name: getattr(body, name)
        for name in ("description", "benchmarks", "collection", "pass_criteria")
        if getattr(body, name) is not None
    }
    return JobShown(
        resource=_resource(job),
        status=JobState(state=state, message=_message(state, parts), benchmarks=parts),
        results=results_of(job, wanted, found) if found else JobResults(),
        name=body.name,
        tags=body.tags,
        model=body.model,
        **said,
    )


def state_of(job: Job, service: Service) -> State:
    """Return the state of a job as clients see it."""
    wanted = wanted_of(job)
    found = _found(job, wanted, service)
    return _state(job, [_part_state(job, at, part, found) for at, part in enumerate(wanted.parts)])


def found_in(job: Job, service: Service) -> list[Found]:
    """Return what is known of a job's benchmarks, nothing before its end."""
    return _found(job, wanted_of(job), service)


def _found(job: Job, wanted: Wanted, service: Service) -> list[Found]:
    if not job.ended:
        return []
    try:
        results = service.results(job)
    except BakeoffError:  # it ended before there was anything to see
        return []
    return [found_of(results, part) for part in wanted.parts]


def _part_state(job: Job, at: int, part: Part, found: list[Found]) -> BenchmarkState:
    known = found[at] if found else None
    status = _status(job, known)
    said: dict[str, Any] = {}
    if (phase := _phase(job, status)) is not None:
        said["phase"] = phase
    if job.started_at is not None:
        said["started_at"] = iso(job.started_at)
    if job.ended and job.finished_at is not None:
        said["completed_at"] = iso(job.finished_at)
    if status == "failed":
        said["error_message"] = Message(
            message=_reason(job, known), message_code="evaluation_failed", message_origin="runtime"
        )
    return BenchmarkState(id=part.id, provider_id=part.provider, benchmark_index=at, status=status, **said)


def _status(job: Job, found: Found | None) -> State:
    if job.state == "queued":
        return "pending"
    if not job.ended:
        return "running"
    if job.state == "cancelled":
        return "cancelled"
    if job.state == "failed" or found is None or (found.asked and not found.answered):
        return "failed"
    return "completed"


def _state(job: Job, parts: list[BenchmarkState]) -> State:
    states: set[State] = {part.status for part in parts}
    if len(states) == 1:
        return states.pop()
    return "partially_failed" if job.ended else "running"


def _phase(job: Job, status: State) -> Phase | None:
    if status == "completed":
        return "completed"
    if status != "running":
        return None
    if not job.total:
        return "initializing"
    return "running_evaluation" if job.done < job.total else "post_processing"


def _reason(job: Job, found: Found | None) -> str:
    if job.error is not None:
        return " ".join(part for part in (job.error.message, job.error.hint) if part)
    outcomes = {} if found is None else found.outcomes
    told = ", ".join(f"{count} {name}" for name, count in outcomes.items()) or "no samples"
    return f"no request was answered: {told}"


def _message(state: State, parts: list[BenchmarkState]) -> Message:
    text, code = _SAID.get(state, (f"Evaluation job is {state}", "evaluation_job_updated"))
    for part in parts:
        if part.error_message is not None:
            text += f". \nBenchmark {part.id} failed with message: {part.error_message.message}"
    return Message(message=text, message_code=code, message_origin="server")


def _resource(job: Job) -> Resource:
    return Resource(
        id=job.id,
        tenant=job.project,
        owner=job.owner,
        created_at=iso(job.created_at) or "",
        updated_at=iso(job.updated_at) or "",
    )
