"""Evaluation jobs of the first version: create, list, follow, cancel, delete, results and logs."""

from typing import Any

from fastapi import APIRouter, Response
from starlette.requests import Request

from bakeoff.server.dialects.nemo import archives, board, lists
from bakeoff.server.dialects.nemo.asking import Ident, JsonBody, Key, Told, deleted
from bakeoff.server.dialects.nemo.errors import refusals
from bakeoff.server.faults import MissingError
from bakeoff.server.http.calls import Manager, Reader, Runner, Sent, TheService
from bakeoff.server.jobs.job import JOB_STATES, JobFilter, JobState
from bakeoff.server.nemo.graded import THING, Once
from bakeoff.server.nemo.native import DIALECT
from bakeoff.server.nemo.remote_jobs import STATES
from bakeoff.server.service import Service
from bakeoff.server.times import iso

ROUTER = APIRouter(prefix="/v1/evaluation/jobs", tags=["NeMo Evaluator"], responses=refusals())
FILTERS = (
    "config", "created_at", "custom_fields", "name", "namespace", "project", "status", "target", "updated_at",
)  # fmt: skip
_ZIP: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/zip": {}}, "description": "a ZIP archive"}
}


@ROUTER.post("", summary="Start an evaluation", responses=refusals(404, 409, 504))
async def create(
    body: JsonBody, service: TheService, caller: Runner, call: Request, sent: Sent, key: Key = None
) -> Told:
    """Check an evaluation to its last row and start it; given answers are graded at once."""
    once = Once(key=key, sent=sent)
    return await service.apart(lambda: told(board.start(service, body, caller, once)), call, caller)


@ROUTER.get("", summary="List evaluations", openapi_extra={"parameters": lists.PARAMETERS})
def list_jobs(request: Request, service: TheService, caller: Reader) -> Told:
    """Return a page of evaluations, filtered and sorted."""
    asked = lists.wanted(request, FILTERS)
    states = board.MAY_BE.get(asked.only("status") or "", ())
    return listed(service, caller.project, asked) or lists.page(
        map(told, board.entries(service, caller, states=states)), asked
    )


@ROUTER.get("/{job}", summary="One evaluation", responses=refusals(404))
def get(job: Ident, service: TheService, caller: Reader) -> Told:
    """Return an evaluation with its configuration and target."""
    return told(board.get(service, job, caller))


@ROUTER.delete("/{job}", summary="Delete an ended evaluation", responses=refusals(404, 409))
def delete(job: Ident, service: TheService, caller: Manager) -> Told:
    """Forget an evaluation with its rows."""
    board.delete(service, job, caller)
    return deleted(job)


@ROUTER.post("/{job}/cancel", summary="Cancel an evaluation", responses=refusals(404))
def cancel(job: Ident, service: TheService, caller: Runner) -> Told:
    """End an evaluation within two seconds, or as soon as the server has that does it; answers are kept."""
    return told(board.cancel(service, job, caller))


@ROUTER.get("/{job}/status", summary="How far an evaluation is", responses=refusals(404))
def status(job: Ident, service: TheService, caller: Reader) -> Told:
    """Return message, progress in per cent, rows processed and the status of each task."""
    return board.get(service, job, caller).details


@ROUTER.get("/{job}/results", summary="Scores of an evaluation", responses=refusals(404))
def results(job: Ident, service: TheService, caller: Reader) -> Told:
    """Return all scores; of an evaluation that runs, of the rows so far."""
    return board.result_of(service, board.get(service, job, caller))


@ROUTER.get(
    "/{job}/logs",
    summary="What happened, as ZIP",
    response_class=Response,
    responses={**refusals(404), **_ZIP},
)
def logs(job: Ident, service: TheService, caller: Reader) -> Response:
    """Return a ZIP archive with the log."""
    found = board.get(service, job, caller)
    text = archives.log_text(archives.log_lines(service, found, caller))
    return _zip({"logs.txt": text}, f"{found.id}-logs.zip")


@ROUTER.get(
    "/{job}/download-results",
    summary="Results, samples and scores, as ZIP",
    response_class=Response,
    responses={**refusals(404), **_ZIP},
)
def download_results(job: Ident, service: TheService, caller: Reader) -> Response:
    """Return a ZIP archive with the result, and of a run every sample and score."""
    found = board.get(service, job, caller)
    files = archives.result_files(service, found, board.result_of(service, found))
    return _zip(files, f"{found.id}-results.zip")


def told(entry: board.Entry) -> Told:
    """Return a job as clients of the first version see it."""
    return {
        **entry.about,
        "id": entry.id,
        "config": entry.config,
        "target": entry.target,
        "status": entry.status,
        "status_details": entry.details,
        "result": board.result_id(entry.id) if entry.status == "completed" else None,
        "output_files_url": None,
        "created_at": iso(entry.created_at),
        "updated_at": iso(entry.updated_at),
    }


def listed(service: Service, project: str, asked: lists.Wanted) -> Told | None:
    """Return a page that the database can make by itself; None where all jobs have to be looked at."""
    status = asked.only("status")
    states: tuple[JobState, ...] = tuple(each for each in JOB_STATES if STATES[each] == status)
    if asked.conditions and (not states or status in board.MAY_BE):
        return None
    if asked.sort.lstrip("-") != "created_at" or service.objects.all(THING, project=project, limit=1):
        return None
    wanted = JobFilter(states=states, dialect=DIALECT)
    offset = (asked.page - 1) * asked.size
    if asked.newest_first:
        found = service.jobs.page(wanted, project=project, limit=asked.size, offset=min(offset, 2**53))
        return lists.shown([told(board.entry_of(service, job)) for job in found.jobs], found.total, asked)
    total = service.jobs.page(wanted, project=project, limit=1).total
    start = max(0, total - offset - asked.size)
    count = min(asked.size, max(0, total - offset))
    jobs = (
        service.jobs.page(wanted, project=project, limit=count, offset=start).jobs[::-1] if count > 0 else []
    )
    return lists.shown([told(board.entry_of(service, job)) for job in jobs], total, asked)


def _zip(files: dict[str, bytes], name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(archives.zipped(files), media_type="application/zip", headers=headers)


def entry_of_result(service: Service, result: str, caller: Reader) -> board.Entry:
    """Return the job whose result has an id.

    Raises:
        MissingError: there is no such job.
    """
    prefix = board.result_id("")
    if not result.startswith(prefix):
        raise MissingError("evaluation result", result)
    try:
        return board.get(service, result.removeprefix(prefix), caller)
    except MissingError as error:
        raise MissingError("evaluation result", result) from error
