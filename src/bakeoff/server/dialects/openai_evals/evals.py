"""Evals: what is asked about, and by which criteria answers are graded."""

import secrets
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from bakeoff.errors import PluginError
from bakeoff.records import Case, Sample
from bakeoff.scorers.json_text import IsJson
from bakeoff.server.dialects.openai_evals.graders import Grader, check_graders, scorers_of
from bakeoff.server.dialects.openai_evals.plain import (
    KEPT,
    REFUSED,
    Body,
    Ident,
    Metadata,
    Page,
    listed,
    one_of,
    paged,
)
from bakeoff.server.faults import ConflictError, MissingError, RefusedError
from bakeoff.server.http.calls import Manager, Reader, Runner, TheService
from bakeoff.server.jobs.job import Job, JobFilter
from bakeoff.server.service import Service
from bakeoff.server.specs.scoring import make_scorers
from bakeoff.server.store.objects import Thing

ROUTER = APIRouter(tags=["openai-evals"], responses=REFUSED)
KIND = "openai_evals.eval"
DIALECT = "openai_evals"
_SAMPLE = {
    "type": "object",
    "properties": {
        "model": {"type": "string"},
        "output_text": {"type": "string"},
        "output_json": {"type": "object"},
        "output_tools": {"type": "array", "items": {"type": "object"}},
    },
    "required": ["model", "output_text"],
}
_MOST_RUNS = 1000
_NOBODY = Sample(benchmark="", case="", target="", outcome="ok")


class Custom(Body):
    """The form of the rows: a JSON schema of `item`.

    `logs` and `stored_completions` are refused by name: no answers of other calls lie here.
    """

    type: Annotated[str, one_of("custom"), listed("custom")]
    item_schema: dict[str, Any]
    include_sample_schema: bool = False


class NewEval(Body):
    """An eval to be kept."""

    data_source_config: Custom
    testing_criteria: Annotated[list[Grader], Field(min_length=1, max_length=100)]
    name: Annotated[str | None, Field(max_length=500)] = None
    metadata: Metadata | None = None


class EvalChange(Body):
    """What may change of an eval."""

    name: Annotated[str | None, Field(max_length=500)] = None
    metadata: Metadata | None = None


class EvalShown(BaseModel):
    """An eval."""

    id: str
    object: Literal["eval"] = "eval"
    created_at: int
    name: str
    metadata: dict[str, str]
    data_source_config: dict[str, Any]
    testing_criteria: list[dict[str, Any]]


class EvalList(BaseModel):
    """Some evals."""

    object: Literal["list"] = "list"
    data: list[EvalShown]
    first_id: str | None
    last_id: str | None
    has_more: bool


class EvalDeleted(BaseModel):
    """An eval that is gone."""

    eval_id: str
    object: Literal["eval.deleted"] = "eval.deleted"
    deleted: Literal[True] = True


class EvalPage(Page):
    """Which evals, and by which time they are ordered."""

    order_by: Literal["created_at", "updated_at"] = "created_at"


@ROUTER.post("/evals", status_code=201, summary="Create an eval")
def create(body: Annotated[NewEval, KEPT], service: TheService, caller: Runner) -> EvalShown:
    """Keep an eval whose criteria this server can apply."""
    check_graders(body.testing_criteria, service.settings)
    _check_schema(body.data_source_config.item_schema)
    criteria = [grader.model_dump(exclude_none=True) for grader in body.testing_criteria]
    ident = "eval_" + secrets.token_hex(12)
    kept = {
        "name": body.name or "",
        "metadata": body.metadata or {},
        "item_schema": body.data_source_config.item_schema,
        "include_sample_schema": body.data_source_config.include_sample_schema,
        "testing_criteria": criteria,
    }
    make_scorers(scorers_of(criteria, service.objects, project=caller.project), service.settings)
    thing = service.objects.put(KIND, ident, kept, project=caller.project, owner=caller.name, new=True)
    return _shown(thing)


@ROUTER.get("/evals", summary="List evals")
def list_evals(page: Annotated[EvalPage, Query()], service: TheService, caller: Reader) -> EvalList:
    """Return a part of the project's evals, oldest first by default."""
    found = service.objects.all(KIND, project=caller.project)
    if page.order_by == "updated_at":
        found.sort(key=lambda thing: (thing.updated_at, thing.id))
    if page.order == "desc":
        found.reverse()
    kept, more = paged(found, page, ident=lambda thing: thing.name)
    data = [_shown(thing) for thing in kept]
    ends = (data[0].id, data[-1].id) if data else (None, None)
    return EvalList(data=data, first_id=ends[0], last_id=ends[1], has_more=more)


@ROUTER.get("/evals/{eval_id}", summary="One eval")
def get(eval_id: Ident, service: TheService, caller: Reader) -> EvalShown:
    """Return an eval."""
    return _shown(find(eval_id, service, project=caller.project))


@ROUTER.post("/evals/{eval_id}", summary="Change name or metadata of an eval")
def update(
    eval_id: Ident, body: Annotated[EvalChange, KEPT], service: TheService, caller: Runner
) -> EvalShown:
    """Change what is given; what is left out stays."""
    thing = find(eval_id, service, project=caller.project)
    changes = {name: value for name in body.model_fields_set if (value := getattr(body, name)) is not None}
    return _shown(service.objects.update(KIND, eval_id, thing.body | changes, project=caller.project))


@ROUTER.delete("/evals/{eval_id}", summary="Delete an eval with its runs")
def delete(eval_id: Ident, service: TheService, caller: Manager) -> EvalDeleted:
    """Forget an eval and its runs, which must have ended."""
    find(eval_id, service, project=caller.project)
    runs = _runs(eval_id, service, project=caller.project)
    if going := [run for run in runs if not run.ended]:
        raise ConflictError(f"{len(going)} runs of the eval `{eval_id}` go on", hint="cancel them first")
    for run in runs:
        service.jobs.delete(run.id, project=caller.project)
    service.objects.delete(KIND, eval_id, project=caller.project)
    return EvalDeleted(eval_id=eval_id)


def find(eval_id: str, service: Service, *, project: str) -> Thing:
    """Return an eval.

    Raises:
        MissingError: the project has none of that id.
    """
    found = service.objects.find(KIND, eval_id, project=project)
    if found is None:
        raise MissingError("eval", eval_id)
    return found


def _runs(eval_id: str, service: Service, *, project: str) -> list[Job]:
    wanted = JobFilter(dialect=DIALECT, subject=eval_id)
    found: list[Job] = []
    after: str | None = None
    while True:
        page = service.jobs.page(wanted, project=project, limit=_MOST_RUNS, after=after)
        found += page.jobs
        after = page.next
        if after is None:
            return found


def check_item(schema: dict[str, Any], item: dict[str, Any], at: int) -> None:
    """Refuse an item that is not of the eval's form; without the package `jsonschema` none is.

    Raises:
        RefusedError: with its place and what is wrong.
    """
    checked = _check_schema(schema)
    if checked is None:
        return
    told = checked.grade(msgspec.json.encode(item).decode(), Case(), _NOBODY)
    if told.passed is not True:
        reason = told.reason.removeprefix("the answer is JSON, but not of the schema: ")
        raise RefusedError(
            f"row {at} is not of the eval's `item_schema`: {reason}", where="data_source.source"
        )


def _check_schema(schema: dict[str, Any]) -> IsJson | None:
    try:
        return IsJson(value=schema)
    except ValueError as error:
        raise RefusedError(str(error), where="data_source_config.item_schema") from error
    except PluginError:
        return None


def _shown(thing: Thing) -> EvalShown:
    body = thing.body
    properties: dict[str, Any] = {"item": body["item_schema"]}
    if body["include_sample_schema"]:
        properties["sample"] = _SAMPLE
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return EvalShown(
        id=thing.name,
        created_at=thing.created_at // 1_000_000,
        name=body["name"],
        metadata=body["metadata"],
        data_source_config={"type": "custom", "schema": schema},
        testing_criteria=body["testing_criteria"],
    )
