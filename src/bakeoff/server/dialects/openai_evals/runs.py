"""Runs of an eval and their output items."""

from collections.abc import Mapping
from typing import Annotated, Literal

from anyio import to_thread
from fastapi import APIRouter, Header, Query
from fastapi import Request as Call
from pydantic import Field

from bakeoff.records import Case
from bakeoff.server.dialects.openai_evals.evals import DIALECT, find
from bakeoff.server.dialects.openai_evals.jobs import BENCHMARK, Wanted, submit
from bakeoff.server.dialects.openai_evals.outcome import Outcome, counts, outcomes
from bakeoff.server.dialects.openai_evals.plain import KEPT, REFUSED, Body, Ident, Metadata, Page, paged
from bakeoff.server.dialects.openai_evals.shown import (
    STATES,
    ItemList,
    ItemShown,
    RunDeleted,
    RunList,
    RunShown,
    Status,
    item_id,
    item_shown,
    job_id,
    run_id,
    run_shown,
)
from bakeoff.server.dialects.openai_evals.sources import DataSource
from bakeoff.server.faults import ConflictError, MissingError, StoppingError, TooManyError, TooSlowError
from bakeoff.server.http.calls import Manager, Reader, Runner, Sent, TheService
from bakeoff.server.jobs.job import Job, JobFilter
from bakeoff.server.service import Service

ROUTER = APIRouter(tags=["openai-evals"], responses=REFUSED)
_CANCEL_S = 5.0
_SLACK = 8


class NewRun(Body):
    """A run to be started."""

    data_source: DataSource
    name: Annotated[str | None, Field(max_length=500)] = None
    metadata: Metadata | None = None


class RunPage(Page):
    """Which runs."""

    status: Status | None = None


class ItemPage(Page):
    """Which rows."""

    status: Literal["pass", "fail", "error"] | None = None


@ROUTER.post("/evals/{eval_id}/runs", status_code=201, summary="Start a run of an eval")
def create(
    eval_id: Ident,
    body: Annotated[NewRun, KEPT],
    service: TheService,
    caller: Runner,
    call: Call,
    sent: Sent,
    idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
) -> RunShown:
    """Check the rows and give the run to the workers; an `Idempotency-Key` gives the run of before."""
    if (known := service.replay(idempotency_key, sent, caller)) is not None:
        return _shown(known, service, call)
    wanted = Wanted(
        evaluation=find(eval_id, service, project=caller.project),
        source=body.data_source,
        name=body.name or "",
        metadata=body.metadata or {},
        idempotency_key=idempotency_key,
        sent=sent,
    )
    return _shown(submit(wanted, service, caller), service, call)


@ROUTER.get("/evals/{eval_id}/runs", summary="List the runs of an eval")
def list_runs(
    eval_id: Ident, page: Annotated[RunPage, Query()], service: TheService, caller: Reader, call: Call
) -> RunList:
    """Return a part of an eval's runs, oldest first by default."""
    find(eval_id, service, project=caller.project)
    states = STATES[page.status] if page.status else ()
    wanted = JobFilter(dialect=DIALECT, subject=eval_id, states=states)
    if page.after:
        _job(eval_id, page.after, service, project=caller.project)
    part = _newest if page.order == "desc" else _oldest
    jobs, more = part(wanted, page, service, caller.project)
    data = [_shown(job, service, call) for job in jobs]
    ends = (data[0].id, data[-1].id) if data else (None, None)
    return RunList(data=data, first_id=ends[0], last_id=ends[1], has_more=more)


@ROUTER.get("/evals/{eval_id}/runs/{run}", summary="One run")
def get(eval_id: Ident, run: Ident, service: TheService, caller: Reader, call: Call) -> RunShown:
    """Return state and counts of a run."""
    return _shown(_job(eval_id, run, service, project=caller.project), service, call)


@ROUTER.post("/evals/{eval_id}/runs/{run}", summary="Cancel a run, as older clients do")
@ROUTER.post("/evals/{eval_id}/runs/{run}/cancel", summary="Cancel a run")
async def cancel(eval_id: Ident, run: Ident, service: TheService, caller: Runner, call: Call) -> RunShown:
    """End a run; what was answered is kept. An ended run stays as it is."""

    def begun() -> Job:
        job = _job(eval_id, run, service, project=caller.project)
        return service.jobs.cancel(job.id, project=caller.project)

    job = await service.waiting.shortly(begun)
    try:
        with service.waiting.place(caller.key):
            job = await service.wait(job, call, seconds=_CANCEL_S)
    except (TooSlowError, TooManyError, StoppingError):
        # It is told to end, and this is how far it is.
        job = await service.waiting.shortly(lambda: service.jobs.get(job.id, project=caller.project))
    return await to_thread.run_sync(_shown, job, service, call)


@ROUTER.delete("/evals/{eval_id}/runs/{run}", summary="Delete an ended run")
def delete(eval_id: Ident, run: Ident, service: TheService, caller: Manager) -> RunDeleted:
    """Forget a run with all its rows."""
    job = _job(eval_id, run, service, project=caller.project)
    service.jobs.delete(job.id, project=caller.project)
    return RunDeleted(run_id=run)


@ROUTER.get("/evals/{eval_id}/runs/{run}/output_items", summary="The rows of a run, while it goes on too")
def list_items(
    eval_id: Ident, run: Ident, page: Annotated[ItemPage, Query()], service: TheService, caller: Reader
) -> ItemList:
    """Return a part of the rows that are done, in the order of the data source."""
    job = _job(eval_id, run, service, project=caller.project)
    found = [row for row in outcomes(job, service) if page.status in {None, row.status}]
    if page.order == "desc":
        found.reverse()
    kept, more = paged(found, page, ident=lambda row: item_id(job.id, row.row))
    cases = _cases(job, service)
    data = [item_shown(job, row, cases.get(str(row.row))) for row in kept]
    ends = (data[0].id, data[-1].id) if data else (None, None)
    return ItemList(data=data, first_id=ends[0], last_id=ends[1], has_more=more)


@ROUTER.get("/evals/{eval_id}/runs/{run}/output_items/{item}", summary="One row of a run")
def get_item(eval_id: Ident, run: Ident, item: Ident, service: TheService, caller: Reader) -> ItemShown:
    """Return a row with its answer and grades."""
    job = _job(eval_id, run, service, project=caller.project)
    row = next((row for row in outcomes(job, service) if item_id(job.id, row.row) == item), None)
    if row is None:
        raise MissingError("output item", item)
    return item_shown(job, row, _case(job, row, service))


def _case(job: Job, row: Outcome, service: Service) -> Case | None:
    return _cases(job, service).get(str(row.row))


def _cases(job: Job, service: Service) -> Mapping[str, Case]:
    try:
        return service.cases(job).get(BENCHMARK, {})
    except ConflictError:
        return {}  # the run has not begun: all its rows are such that could not be asked


def _job(eval_id: str, run: str, service: Service, *, project: str) -> Job:
    try:
        job = service.jobs.get(job_id(run), project=project)
    except MissingError:
        raise MissingError("run", run) from None
    if job.dialect != DIALECT or job.subject != eval_id or run_id(job.id) != run:
        raise MissingError("run", run)
    return job


def _shown(job: Job, service: Service, call: Call) -> RunShown:
    return run_shown(job, counts(job, service), str(call.base_url).rstrip("/"))


def _newest(wanted: JobFilter, page: Page, service: Service, project: str) -> tuple[list[Job], bool]:
    after = job_id(page.after) if page.after else None
    found = service.jobs.page(wanted, project=project, limit=page.limit, after=after)
    return found.jobs, found.next is not None


def _oldest(wanted: JobFilter, page: Page, service: Service, project: str) -> tuple[list[Job], bool]:
    """Return a part of the list from its other end: jobs are listed newest first."""
    last: Job | None = None
    if page.after:
        last = service.jobs.get(job_id(page.after), project=project)
        wanted = JobFilter(
            dialect=wanted.dialect, subject=wanted.subject, states=wanted.states, since=last.created_at
        )
    total = service.jobs.page(wanted, project=project, limit=1).total
    # Some more than asked for: the last one itself, and those of its moment that came before it.
    most = page.limit + 1 + _SLACK
    found = service.jobs.page(wanted, project=project, limit=most, offset=max(0, total - most)).jobs[::-1]
    if last is not None:
        found = [job for job in found if (job.created_at, job.id) > (last.created_at, last.id)]
    return found[: page.limit], len(found) > page.limit
