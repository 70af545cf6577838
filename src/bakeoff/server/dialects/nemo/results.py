"""Results of evaluations, and those that clients store beside them; health; evaluations while one waits."""

from typing import Any

import msgspec
from fastapi import APIRouter
from starlette.requests import Request

from bakeoff.server.dialects.nemo import board, lists
from bakeoff.server.dialects.nemo.asking import Ident, JsonBody, Told, deleted
from bakeoff.server.dialects.nemo.errors import refusals
from bakeoff.server.dialects.nemo.jobs import entry_of_result
from bakeoff.server.dialects.nemo.live import evaluate
from bakeoff.server.faults import MissingError
from bakeoff.server.http.calls import Manager, Reader, Runner, TheService
from bakeoff.server.nemo.shapes import Text, invalid, read
from bakeoff.server.store.objects import Thing
from bakeoff.server.times import iso
from bakeoff.server.values import check_values

ROUTER = APIRouter(tags=["NeMo Evaluator"], responses=refusals())
KIND = "nemo.result"
_PREFIX = "evaluation_result-"


class Stored(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A result that a client brings along."""

    job: Text
    namespace: Text | None = None
    tasks: dict[str, Any] | None = None
    groups: dict[str, Any] | None = None
    files_url: Text | None = None
    description: str | None = None
    project: Text | None = None
    ownership: dict[str, Any] | None = None
    custom_fields: dict[str, Any] | None = None


@ROUTER.get("/health", summary="Tell that the service lives")
async def health() -> dict[str, str]:
    """Answer without a look at anything."""
    return {"status": "healthy"}


@ROUTER.post(
    "/v1/evaluation/live", summary="Evaluate a few rows while the caller waits", responses=refusals(404, 504)
)
async def live(body: JsonBody, service: TheService, caller: Runner, call: Request) -> Told:
    """Return the scores of at most 100 rows; nothing is stored."""
    return await evaluate(service, body, caller, call)


@ROUTER.post("/v1/evaluation/results", summary="Store a result", responses=refusals(404))
def create(body: JsonBody, service: TheService, caller: Runner) -> Told:
    """Store a result that was computed elsewhere, beside those of a job."""
    check_values(body)
    given = read(body, Stored, "result")
    board.get(service, given.job, caller)
    kept = {name: each for name, each in msgspec.to_builtins(given).items() if each is not None}
    name = f"{given.job}-{len(service.objects.all(KIND, project=caller.project))}"
    thing = service.objects.put(KIND, name, kept, project=caller.project, owner=caller.name)
    return _told(thing)


@ROUTER.get("/v1/evaluation/results", summary="List results", openapi_extra={"parameters": lists.PARAMETERS})
def list_results(request: Request, service: TheService, caller: Reader) -> Told:
    """Return a page of the results of ended evaluations, and of those that were stored."""
    asked = lists.wanted(request, ("job", "job_id", "created_at", "namespace", "project"))
    jobs = [each.value for each in asked.conditions if each.path in {("job_id",), ("job",)}]
    rows = [_told(thing) for thing in service.objects.all(KIND, project=caller.project)]
    ended = [
        each for each in board.entries(service, caller, states=("completed",)) if each.status == "completed"
    ]
    # Scores are read from files: of the rows that the page shows, not of all.
    known = {board.result_id(each.id): each for each in ended if not jobs or each.id in jobs}
    rows += [_place(each) for each in known.values()]
    told = lists.page(({**row, "job_id": row["job"]} for row in rows), asked)
    told["data"] = [
        board.result_of(service, known[row["id"]]) if row["id"] in known else _without_alias(row)
        for row in told["data"]
    ]
    return told


@ROUTER.get("/v1/evaluation/results/{result}", summary="One result", responses=refusals(404))
def get(result: Ident, service: TheService, caller: Reader) -> Told:
    """Return a result by its id."""
    check_values(result)
    thing = _stored(service, result, caller)
    if thing is not None:
        return _told(thing)
    return board.result_of(service, entry_of_result(service, result, caller))


@ROUTER.patch("/v1/evaluation/results/{result}", summary="Change a stored result", responses=refusals(404))
def change(result: Ident, body: JsonBody, service: TheService, caller: Runner) -> Told:
    """Change a result that a client stored; what our own engine measured cannot be changed."""
    check_values(body)
    check_values(result)
    thing = _stored(service, result, caller)
    if thing is None:
        entry_of_result(service, result, caller)
        raise invalid("result", "a result that was measured here cannot be changed")
    whole = {name: each for name, each in {**thing.body, **body}.items() if each is not None}
    read(whole, Stored, "result")
    return _told(service.objects.update(KIND, thing.name, whole, project=caller.project))


@ROUTER.delete("/v1/evaluation/results/{result}", summary="Delete a stored result", responses=refusals(404))
def delete(result: Ident, service: TheService, caller: Manager) -> Told:
    """Forget a result that a client stored; a measured one goes with its job."""
    check_values(result)
    thing = _stored(service, result, caller)
    if thing is None:
        entry_of_result(service, result, caller)
        raise invalid("result", "a result that was measured here goes with its job: delete that")
    service.objects.delete(KIND, thing.name, project=caller.project)
    return deleted(result)


def _stored(service: TheService, result: str, caller: Reader) -> Thing | None:
    ident = f"{KIND}-{result.removeprefix(_PREFIX)}"
    try:
        return service.objects.by_id(KIND, ident, project=caller.project)
    except MissingError:
        return None


def _told(thing: Thing) -> Told:
    return {
        "tasks": {},
        "groups": {},
        "namespace": "default",
        **thing.body,
        "id": _PREFIX + thing.id.removeprefix(f"{KIND}-"),
        "created_at": iso(thing.created_at),
        "updated_at": iso(thing.updated_at),
    }


def _place(entry: board.Entry) -> Told:
    return {
        **entry.about,
        "id": board.result_id(entry.id),
        "job": entry.id,
        "created_at": iso(entry.created_at),
        "updated_at": iso(entry.updated_at),
    }


def _without_alias(row: Told) -> Told:
    return {name: each for name, each in row.items() if name != "job_id"}
