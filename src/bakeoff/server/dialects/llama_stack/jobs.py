"""Evaluations: run, follow, cancel, read."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Header, Path, Request, Response

from bakeoff.server.access import Principal
from bakeoff.server.dialects.llama_stack import remote
from bakeoff.server.dialects.llama_stack.benchmarks import PROVIDER, Stored, find_benchmark
from bakeoff.server.dialects.llama_stack.bodies import EvaluateRows, InPath, Run
from bakeoff.server.dialects.llama_stack.configured import (
    configured_job,
    configured_response,
    form_of,
    marked_config,
)
from bakeoff.server.dialects.llama_stack.evaluation import DIALECT, asked_of, new_job, response_of
from bakeoff.server.dialects.llama_stack.shapes import EvaluateResponse, JobShown, Progress
from bakeoff.server.dialects.llama_stack.sources import all_rows
from bakeoff.server.faults import MissingError, RefusedError
from bakeoff.server.http.asking import as_json
from bakeoff.server.http.calls import Reader, Runner, Sent, TheService
from bakeoff.server.jobs.job import Job, JobFilter, JobState
from bakeoff.server.nemo.remote_jobs import submit
from bakeoff.server.service import Service
from bakeoff.server.times import iso

JobId = Annotated[str, Path(min_length=1, max_length=100, pattern=r"^[^\x00]+$")]
Key = Annotated[str | None, Header(max_length=200, description="the same key gives the same job")]
_STATUS: dict[JobState, remote.Status] = {
    "queued": "scheduled",
    "running": "in_progress",
    "cancelling": "in_progress",
    "completed": "completed",
    "failed": "failed",
    "cancelled": "cancelled",
}


def run(
    benchmark_id: InPath,
    body: Run,
    service: TheService,
    caller: Runner,
    sent: Sent,
    idempotency_key: Key = None,
) -> JobShown:
    """Check the benchmark to its last row, and give it to the workers."""
    if (known := service.replay(idempotency_key, sent, caller)) is not None:
        return _shown(service, known)
    stored = _served(service, benchmark_id, caller)
    form = form_of(benchmark_id, stored)
    if form == "nemo" and (config := marked_config(stored)) is not None:
        new = remote.new_job(service, benchmark_id, config, body.benchmark_config, caller)
        new = msgspec.structs.replace(new, idempotency_key=idempotency_key, sent=sent)
        return _shown(service, submit(service, new, caller))
    if form == "rows":
        rows = all_rows(service, stored.dataset_id, caller)
        new = new_job(service, benchmark_id, rows, stored.scoring_functions, body.benchmark_config, caller)
    else:
        new = configured_job(service, benchmark_id, stored, form, body.benchmark_config, caller)
    new = msgspec.structs.replace(new, idempotency_key=idempotency_key, sent=sent)
    job, _ = service.submit(new, caller)
    return _shown(service, job)


async def evaluate_rows(
    benchmark_id: InPath, body: EvaluateRows, service: TheService, caller: Runner, call: Request
) -> Response:
    """Have the rows of the call answered and scored, by a job that the call waits for."""

    def begun() -> Job:
        _served(service, benchmark_id, caller)
        new = new_job(
            service, benchmark_id, body.input_rows, body.scoring_functions, body.benchmark_config, caller
        )
        # It is no run of the benchmark, whose latest result is that of its own rows.
        return service.submit(msgspec.structs.replace(new, subject=f"{benchmark_id}/evaluations"), caller)[0]

    gone = call.is_disconnected
    with service.waiting.place(caller.key):
        job = await service.only_here(await service.waiting.apart(begun, gone=gone), call)
        if job.state != "completed":
            raise RefusedError(f"the evaluation `{job.id}` {job.state}: {_error(job) or 'it was cancelled'}")
        return await service.waiting.apart(lambda: as_json(response_of(service, job)), gone=gone)


def status(benchmark_id: InPath, job_id: JobId, service: TheService, caller: Reader) -> JobShown:
    """Return how far a job is."""
    return _shown(service, _job(service, benchmark_id, job_id, caller))


def cancel(benchmark_id: InPath, job_id: JobId, service: TheService, caller: Runner) -> None:
    """End a job within two seconds, one of a NeMo server as soon as that has; what was answered is kept."""
    _job(service, benchmark_id, job_id, caller)
    service.jobs.cancel(job_id, project=caller.project)


def result(benchmark_id: InPath, job_id: JobId, service: TheService, caller: Reader) -> EvaluateResponse:
    """Return answers and scores of an ended job; of one that did not get to its end, those that it has."""
    job = _job(service, benchmark_id, job_id, caller)
    if not job.ended:
        raise RefusedError(
            f"Job '{job_id}' is {_STATUS[job.state]} and has no result yet", hint="poll its status"
        )
    if job.state == "failed" and not job.done:
        raise RefusedError(f"Job '{job_id}' failed: {_error(job)}")
    if job.started_at is None:
        raise RefusedError(f"Job '{job_id}' was cancelled before it began")
    return _response(service, job)


def latest(benchmark_id: InPath, service: TheService, caller: Reader) -> EvaluateResponse:
    """Return the result of the benchmark's latest job that was finished."""
    wanted = JobFilter(states=("completed",), dialect=DIALECT, subject=benchmark_id)
    page = service.jobs.page(wanted, project=caller.project, limit=1)
    if not page.jobs:
        raise MissingError("result", benchmark_id)
    return _response(service, page.jobs[0])


def add_routes(router: APIRouter) -> None:
    """Add the routes, in all their spellings."""
    for base in ("/eval/benchmarks/{benchmark_id:path}", "/eval/tasks/{benchmark_id:path}"):
        one = base + "/jobs/{job_id}"
        router.post(base + "/jobs", summary="Run a benchmark")(run)
        router.post(base + "/evaluations", summary="Evaluate rows at once", response_model=EvaluateResponse)(
            evaluate_rows
        )
        router.get(one + "/result", summary="The result of a job")(result)
        router.get(one + "/results", summary="The result of a job")(result)
        router.post(one + "/cancel", summary="Cancel a job")(cancel)
        router.get(one, summary="The status of a job")(status)
        router.delete(one, summary="Cancel a job")(cancel)
        router.get(base + "/results", summary="The latest result")(latest)
        router.get(base + "/result", summary="The latest result")(latest)


def _served(service: Service, name: str, caller: Principal) -> Stored:
    stored = find_benchmark(service, name, caller)
    if stored is None:
        raise RefusedError(
            f"Benchmark `{name}` not served by provider: `{PROVIDER}`. "
            "Make sure there is an Eval provider serving this benchmark."
        )
    return stored


def _job(service: Service, benchmark: str, job_id: str, caller: Principal) -> Job:
    job = service.jobs.get(job_id, project=caller.project)
    if job.dialect != DIALECT or asked_of(job).benchmark != benchmark:
        raise MissingError("job", job_id)
    return job


def _response(service: Service, job: Job) -> EvaluateResponse:
    if job.away:
        return remote.response(service, job)
    return response_of(service, job) if asked_of(job).form == "rows" else configured_response(service, job)


def _error(job: Job) -> str | None:
    return None if job.error is None else job.error.message


def _shown(service: Service, job: Job) -> JobShown:
    here = f"/v1/eval/benchmarks/{asked_of(job).benchmark}/jobs/{job.id}"
    return JobShown(
        job_id=job.id,
        status=remote.status(service, job) if job.away else _STATUS[job.state],
        created_at=iso(job.created_at) or "",
        started_at=iso(job.started_at),
        finished_at=iso(job.finished_at),
        progress=Progress(done=job.done, total=job.total, failed=job.failed),
        error=_error(job),
        links={"self": here, "result": f"{here}/result", "run": f"/api/v1/runs/{job.id}"},
    )
