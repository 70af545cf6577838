"""Jobs of the EvalHub dialect: submit, look, list, cancel, delete, logs; adapters are told no."""

from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Any

import msgspec
from anyio import to_thread
from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.responses import PlainTextResponse

from bakeoff.server.access import Principal
from bakeoff.server.dialects.evalhub.asked import DIALECT, new_job
from bakeoff.server.dialects.evalhub.calls import HERE, REFUSALS, Ident, links, shelf_of
from bakeoff.server.dialects.evalhub.errors import HubError
from bakeoff.server.dialects.evalhub.logs import log_of
from bakeoff.server.dialects.evalhub.shapes import DeleteQuery, EventBody, JobBody, JobQuery, LogQuery
from bakeoff.server.dialects.evalhub.shown import JobPage, JobShown
from bakeoff.server.dialects.evalhub.states import STATES, shown, state_of, wanted_of
from bakeoff.server.faults import MissingError
from bakeoff.server.http.calls import Reader, Runner, Sent, TheService
from bakeoff.server.jobs.job import ENDED, Job, JobFilter
from bakeoff.server.service import Service

ROUTER = APIRouter(prefix=f"{HERE}/jobs", tags=["evalhub: jobs"], responses=REFUSALS)
Index = Annotated[int, Path(ge=0, le=10_000)]
_TEXT: dict[int | str, dict[str, Any]] = {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}
_PAGE = 1000
_END_S = 30.0
_DERIVED = frozenset({"completed", "failed", "partially_failed"})


@ROUTER.post("", status_code=202, summary="Submit a job", response_model_exclude_unset=True)
def submit(
    body: JobBody,
    request: Request,
    service: TheService,
    caller: Runner,
    sent: Sent,
    idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
) -> JobShown:
    """Check a job to the last row, and give it to the workers as one run."""
    if (known := service.replay(idempotency_key, sent, caller)) is not None:
        return shown(known, service)
    new = new_job(body, shelf_of(request, service, caller), idempotency_key)
    return shown(service.submit(msgspec.structs.replace(new, sent=sent), caller)[0], service)


@ROUTER.get("", summary="List jobs, newest first", response_model_exclude_unset=True)
def list_jobs(service: TheService, caller: Reader, query: Annotated[JobQuery, Query()]) -> JobPage:
    """Return a page of the project's jobs of this dialect."""
    jobs, total = _page(service, caller, query)
    return JobPage(
        limit=query.limit,
        total_count=total,
        items=[shown(job, service) for job in jobs],
        **links("jobs", query, total),
    )


@ROUTER.get("/{job}", summary="One job", response_model_exclude_unset=True)
def get(job: Ident, service: TheService, caller: Reader) -> JobShown:
    """Return state, progress and results of a job."""
    return shown(_job(service, job, caller), service)


@ROUTER.delete("/{job}", status_code=204, summary="Cancel a job, or forget it")
async def cancel(
    job: Ident, service: TheService, caller: Runner, call: Request, query: Annotated[DeleteQuery, Query()]
) -> Response:
    """Cancel a job that has not ended; with `hard_delete`, which needs the right to manage, forget it."""
    if query.hard_delete:
        caller.need("manage")
    ended = await service.waiting.shortly(lambda: _cancelled(job, service, caller, hard=query.hard_delete))
    if query.hard_delete:
        with service.waiting.place(caller.key):
            ended = await service.wait(ended, call, seconds=_END_S)
        await to_thread.run_sync(lambda: service.jobs.delete(ended.id, project=caller.project))
    return Response(status_code=204)


def _cancelled(job: str, service: Service, caller: Principal, *, hard: bool) -> Job:
    found = _job(service, job, caller)
    if not hard and found.state in ENDED and found.state != "cancelled":
        state = state_of(found, service)
        raise HubError(
            "job_can_not_be_updated",
            f"The job {job} can not be cancelled because it is '{state}'.",
            status=409,
        )
    return service.jobs.cancel(job, project=caller.project)


@ROUTER.get("/{job}/logs", summary="The log of a job", response_class=Response, responses=_TEXT)
def logs(job: Ident, service: TheService, caller: Reader, query: Annotated[LogQuery, Query()]) -> Response:
    """Return what happened, a section for each benchmark."""
    return PlainTextResponse(log_of(_job(service, job, caller), service, query))


@ROUTER.get(
    "/{job}/benchmarks/{index}/logs",
    summary="The log of one benchmark",
    response_class=Response,
    responses=_TEXT,
)
def benchmark_logs(
    job: Ident, index: Index, service: TheService, caller: Reader, query: Annotated[LogQuery, Query()]
) -> Response:
    """Return what happened to one benchmark of a job, by its place in the job."""
    found = _job(service, job, caller)
    if index >= len(wanted_of(found).parts):
        raise MissingError("benchmark", f"{job}/{index}")
    return PlainTextResponse(log_of(found, service, query, index))


@ROUTER.post("/{job}/events", status_code=204, summary="What an adapter tells of a benchmark")
def event(job: Ident, body: EventBody, service: TheService, caller: Runner) -> Response:
    """Refuse it by name: all benchmarks of this service are run by its own workers."""
    found = _job(service, job, caller)
    told = body.benchmark_status_event
    known = [(part.id, part.provider) for part in wanted_of(found).parts]
    if (told.id, told.provider_id) not in known:
        raise HubError(
            "resource_does_not_exist", f"The benchmark with id '{told.id}' does not exist in the job."
        )
    raise HubError(
        "not_supported",
        f"The benchmark '{told.id}' of the provider '{told.provider_id}' is run by this service itself, "
        "which takes no status of it from an adapter.",
    )


def _job(service: Service, job: str, caller: Principal) -> Job:
    found = service.jobs.get(job, project=caller.project)
    if found.dialect != DIALECT:
        raise MissingError("job", job)
    return found


def _page(service: Service, caller: Principal, query: JobQuery) -> tuple[list[Job], int]:
    """Return a page of jobs and the number of all; what the database does not know of is looked at here."""
    states = () if query.status is None else STATES.get(query.status)
    # No job of ours is tracked in MLflow.
    if states is None or query.experiment_id is not None:
        return [], 0
    wanted = JobFilter(states=states, name=query.name, dialect=DIALECT)
    if query.status not in _DERIVED and query.tags is None and query.owner is None:
        page = service.jobs.page(wanted, project=caller.project, limit=query.limit, offset=query.offset)
        return page.jobs, page.total
    kept = [job for job in _all(service, caller, wanted) if _fits(job, query, service)]
    return list(islice(kept, query.offset, query.offset + query.limit)), len(kept)


def _all(service: Service, caller: Principal, wanted: JobFilter) -> Iterator[Job]:
    after: str | None = None
    while True:
        page = service.jobs.page(wanted, project=caller.project, limit=_PAGE, after=after)
        yield from page.jobs
        after = page.next
        if after is None:
            return


def _fits(job: Job, query: JobQuery, service: Service) -> bool:
    if query.owner is not None and job.owner != query.owner:
        return False
    if query.tags is not None:
        known = wanted_of(job).request.get("tags", ())
        if any(tag not in known for tag in query.tags.split(",")):
            return False
    if query.status not in _DERIVED:
        return True
    # Without a failed sample there is no failed benchmark, and nothing has to be read.
    if job.state == "completed" and not job.failed:
        return query.status == "completed"
    return state_of(job, service) == query.status
