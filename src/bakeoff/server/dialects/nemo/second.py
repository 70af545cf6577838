"""Evaluation jobs of the second version: the same jobs, with specs inline and logs in pages."""

from typing import Annotated, Any, cast

from fastapi import APIRouter, Query, Response
from starlette.requests import Request

from bakeoff.server.dialects.nemo import archives, board, lists
from bakeoff.server.dialects.nemo.asking import Ident, JsonBody, Key, Told, deleted
from bakeoff.server.dialects.nemo.errors import refusals
from bakeoff.server.faults import MissingError
from bakeoff.server.http.calls import Manager, Reader, Runner, Sent, TheService
from bakeoff.server.nemo.graded import Once
from bakeoff.server.nemo.shapes import invalid
from bakeoff.server.times import iso

ROUTER = APIRouter(prefix="/v2/evaluation/jobs", tags=["NeMo Evaluator v2"], responses=refusals())
_STATES = {"running": "active", "failed": "error"}
_FILTERS = ("name", "namespace", "project", "status", "created_at", "updated_at", "custom_fields")
_KEYS = ("spec", "name", "namespace", "description", "project", "ownership", "custom_fields")
RESULTS, ARTIFACTS = "evaluation-results", "artifacts"
_MOST_LINES = 1000
_BYTES: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/octet-stream": {}}, "description": "a file"}
}


@ROUTER.post("", summary="Start an evaluation", responses=refusals(404, 409, 504))
async def create(
    body: JsonBody, service: TheService, caller: Runner, call: Request, sent: Sent, key: Key = None
) -> Told:
    """Check an evaluation to its last row and start it; configuration and target stand in `spec`."""
    for name in body:
        if name not in _KEYS:
            raise invalid(name, f"`{name}` is no part of a job")
    spec: Any = body.get("spec")
    if not isinstance(spec, dict) or set(spec) - {"config", "target"}:  # pyright: ignore[reportUnknownArgumentType]  JSON
        raise invalid("spec", "`spec` is `{config, target}`")
    for name in ("config", "target"):
        if not isinstance(spec.get(name), dict):  # pyright: ignore[reportUnknownMemberType]  JSON
            raise invalid(f"spec.{name}", f"`{name}` stands here as a whole, not by its name")
    rest = {name: each for name, each in body.items() if name != "spec"}
    whole: Told = {**rest, **cast("Told", spec)}
    once = Once(key=key, sent=sent)
    return await service.apart(lambda: told(board.start(service, whole, caller, once)), call, caller)


@ROUTER.get("", summary="List evaluations", openapi_extra={"parameters": lists.PARAMETERS})
def list_jobs(request: Request, service: TheService, caller: Reader) -> Told:
    """Return a page of evaluations, filtered and sorted."""
    return lists.page(map(told, board.entries(service, caller)), lists.wanted(request, _FILTERS))


@ROUTER.get("/{job}", summary="One evaluation", responses=refusals(404))
def get(job: Ident, service: TheService, caller: Reader) -> Told:
    """Return an evaluation with its spec."""
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
    """Return status, details and the tasks of an evaluation."""
    entry = board.get(service, job, caller)
    states: dict[str, str] = entry.details.get("task_status") or {}
    tasks: list[Told] = [
        {"id": name, "status": _state(state), "status_details": {}, "error_details": {}, "error_stack": ""}
        for name, state in states.items()
    ]
    step = {"name": "evaluation", "status": _state(entry.status), "status_details": entry.details}
    return {
        "job_id": entry.id,
        "status": _state(entry.status),
        "status_details": entry.details,
        "error_details": _error(entry),
        "steps": [{**step, "error_details": _error(entry), "tasks": tasks}],
    }


@ROUTER.get("/{job}/logs", summary="What happened, in pages", responses=refusals(404))
def logs(
    job: Ident,
    service: TheService,
    caller: Reader,
    limit: Annotated[int, Query(ge=1, le=_MOST_LINES)] = 100,
    page_cursor: Annotated[str, Query(max_length=10, pattern="^[0-9]*$")] = "",
) -> Told:
    """Return some lines of the log; `next_page` is the cursor of those after them."""
    entry = board.get(service, job, caller)
    lines = list(archives.log_lines(service, entry, caller))
    start = int(page_cursor or 0)
    end = start + limit
    return {
        "data": [
            {
                "job_id": entry.id,
                "job_step": "evaluation",
                "job_task": each["task"],
                "message": each["message"],
                "timestamp": each["timestamp"],
            }
            for each in lines[start:end]
        ],
        "next_page": str(end) if end < len(lines) else "",
        "prev_page": str(max(0, start - limit)) if start else "",
        "total": len(lines),
    }


@ROUTER.get("/{job}/results", summary="Which results there are", responses=refusals(404))
def results(job: Ident, service: TheService, caller: Reader) -> Told:
    """Return the results that can be downloaded."""
    entry = board.get(service, job, caller)
    try:
        board.result_of(service, entry)
    except MissingError:
        return {"object": "list", "data": []}
    return {"object": "list", "data": [_result(entry, RESULTS), _result(entry, ARTIFACTS)]}


@ROUTER.get("/{job}/results/{name}", summary="One result", responses=refusals(404))
def result(job: Ident, name: Ident, service: TheService, caller: Reader) -> Told:
    """Return where a result is."""
    entry = board.get(service, job, caller)
    board.result_of(service, entry)
    if name not in {RESULTS, ARTIFACTS}:
        raise MissingError("result", name)
    return _result(entry, name)


@ROUTER.get(f"/{{job}}/results/{RESULTS}/download", summary="The scores", responses=refusals(404))
def download_scores(job: Ident, service: TheService, caller: Reader) -> Told:
    """Return all scores as JSON."""
    return board.result_of(service, board.get(service, job, caller))


@ROUTER.get(
    "/{job}/results/{name}/download",
    summary="A result as a file",
    response_class=Response,
    responses={**refusals(404), **_BYTES},
)
def download(job: Ident, name: Ident, service: TheService, caller: Reader) -> Response:
    """Return a result as a file; `artifacts` is a gzip-packed tar archive with samples and scores."""
    entry = board.get(service, job, caller)
    found = board.result_of(service, entry)
    if name != ARTIFACTS:
        raise MissingError("result", name)
    content = archives.tarred(archives.result_files(service, entry, found))
    headers = {"Content-Disposition": f'attachment; filename="{entry.id}-artifacts.tar.gz"'}
    return Response(content, media_type="application/octet-stream", headers=headers)


def told(entry: board.Entry) -> Told:
    """Return a job as clients of the second version see it."""
    return {
        **entry.about,
        "name": entry.about.get("name") or entry.id,
        "id": entry.id,
        "spec": {"config": entry.config, "target": entry.target},
        "status": _state(entry.status),
        "status_details": entry.details,
        "error_details": _error(entry),
        "created_at": iso(entry.created_at),
        "updated_at": iso(entry.updated_at),
    }


def _state(state: str) -> str:
    return _STATES.get(state, state)


def _error(entry: board.Entry) -> Told:
    return {"message": entry.details.get("message") or ""} if entry.status == "failed" else {}


def _result(entry: board.Entry, name: str) -> Told:
    return {
        "result_name": name,
        "job_id": entry.id,
        "namespace": entry.about["namespace"],
        "artifact_url": f"/v2/evaluation/jobs/{entry.id}/results/{name}/download",
        "artifact_storage_type": "nds",
        "created_at": iso(entry.updated_at),
    }
