"""Targets: models that specs may call by name. Their secrets are names too."""

import asyncio
import re
from typing import Annotated, Any

import msgspec
from anyio import fail_after
from fastapi import APIRouter, Path, Request, Response
from pydantic import Field

from bakeoff.errors import EndpointError
from bakeoff.records.capabilities import Capabilities
from bakeoff.run.probing import probe_models
from bakeoff.run.remembering import Notebook
from bakeoff.server.access import Principal
from bakeoff.server.faults import RefusedError
from bakeoff.server.http.asking import Limit, Offset, json_answer, refusals
from bakeoff.server.http.calls import Manager, Reader, Runner, TheService
from bakeoff.server.http.shown import Shape
from bakeoff.server.jobs.job import NewJob
from bakeoff.server.secret_values import REFERENCE
from bakeoff.server.service import Service
from bakeoff.server.specs.drafts import draft
from bakeoff.server.specs.problems import placed
from bakeoff.server.specs.references import TARGET, spec_model, spec_name
from bakeoff.server.store.objects import Thing
from bakeoff.server.times import iso
from bakeoff.server.values import check_values
from bakeoff.stores.redact import Redactor

ROUTER = APIRouter(prefix="/api/v1/targets", tags=["targets"], responses=refusals(404, 409, 422))
_SECRET_HEADER = re.compile(r"auth|key|token|secret|cookie", re.IGNORECASE)
_PROBE_S = 90.0

_PART = r"[A-Za-z0-9_][A-Za-z0-9._:-]*"
Name = Annotated[str, Path(min_length=1, max_length=200, pattern=rf"^{_PART}(/{_PART})*$")]
"""A name of a model may be a path, such as `org/model`."""
Short = Annotated[str, Field(max_length=500)]


class TargetBody(Shape):
    """A model of a spec without its name."""

    endpoint: str | None = Field(
        default=None, max_length=2000, description="base URL; its origin must be allowed"
    )
    model: Short | None = Field(
        default=None, description="the name sent in requests; the target's by default"
    )
    provider: Short | None = Field(default=None, description="the wire protocol")
    api_key: Short | None = Field(default=None, description="`${NAME}` of a secret that the server offers")
    headers: dict[str, Short] | None = Field(default=None, max_length=50)
    price: dict[str, Any] | None = Field(default=None, description="USD per million tokens, as in a spec")
    params: dict[str, Any] | None = Field(default=None, description="sampling parameters")
    stream: bool | None = None
    engine: Short | None = None
    precision: Short | None = None
    source: Short | None = Field(default=None, description="weights, where the server may start models")
    deploy: Short | dict[str, Any] | None = None


class TargetShown(Shape):
    """A registered target; `api_key` is the name of a secret."""

    name: str
    object: str = "target"
    version: int
    target: dict[str, Any]
    owner: str
    created_at: str | None
    updated_at: str | None


class TargetList(Shape):
    """A page of targets, oldest first."""

    object: str = "list"
    data: list[TargetShown]
    next_offset: int | None


@ROUTER.put("/{name:path}", summary="Register a target")
def put(name: Name, body: TargetBody, service: TheService, caller: Manager) -> TargetShown:
    """Check a target as a spec's model is checked, and keep it under a name."""
    target = body.model_dump(exclude_none=True)
    check_values(target)
    _check_secrets(target)
    with placed("models[0].", ""), draft(service, _job(name, target), caller):
        pass
    return _shown(service.objects.put(TARGET, name, target, project=caller.project, owner=caller.name))


@ROUTER.get("", summary="List targets")
def list_targets(service: TheService, caller: Reader, limit: Limit = 100, offset: Offset = 0) -> TargetList:
    """Return a page of the project's targets, oldest first."""
    found = service.objects.all(TARGET, project=caller.project, limit=limit + 1, offset=offset)
    more = offset + limit if len(found) > limit else None
    return TargetList(data=[_shown(each) for each in found[:limit]], next_offset=more)


@ROUTER.get("/{name:path}", summary="One target")
def get(name: Name, service: TheService, caller: Reader) -> TargetShown:
    """Return a target; secrets are names."""
    return _shown(service.objects.get(TARGET, name, project=caller.project))


@ROUTER.delete("/{name:path}", status_code=204, summary="Forget a target")
def delete(name: Name, service: TheService, caller: Manager) -> Response:
    """Forget a target; runs that were submitted with it keep their copy."""
    service.objects.delete(TARGET, name, project=caller.project)
    return Response(status_code=204)


@ROUTER.post("/{name:path}/probe", summary="Find out what a target can do")
async def probe(name: Name, service: TheService, caller: Runner, call: Request) -> Response:
    """Ask a target a few short questions, and return what it can do or why it does not answer."""
    return await service.apart(lambda: _probed(name, service, caller), call, caller)


def _probed(name: str, service: Service, caller: Principal) -> Response:
    thing = service.objects.get(TARGET, name, project=caller.project)
    book = Notebook(folder=service.settings.data / "probes")
    with draft(service, _job(name, thing.body), caller) as loaded:

        async def asked() -> Capabilities:
            with fail_after(_PROBE_S):
                return (await probe_models(loaded, [spec_name(name)], lambda _text: None, book=book))[0]

        answer: dict[str, Any] = {"object": "probe", "target": name, "reachable": False}
        try:
            answer |= {"reachable": True, "capabilities": asyncio.run(asked())}
        except EndpointError as error:
            answer["error"] = {"message": str(error), "hint": error.hint}
        except TimeoutError:
            answer["error"] = {"message": f"it does not answer within {_PROBE_S:g} s", "hint": ""}
        redacted = Redactor(loaded.secrets)(msgspec.json.encode(answer))
    return json_answer(msgspec.Raw(redacted))


def _job(name: str, target: dict[str, Any]) -> NewJob:
    return NewJob(name="draft", document={"models": [spec_model(name, target, spec_name(name))]})


def _check_secrets(target: dict[str, Any]) -> None:
    """Refuse a secret that is written out: what is stored here is shown to the whole project."""
    headers: dict[str, str] = target.get("headers", {})
    given = {"api_key": target.get("api_key")} | {
        f"headers.{name}": value for name, value in headers.items() if _SECRET_HEADER.search(name)
    }
    for place, value in given.items():
        bare = (value or "").removeprefix("Bearer ").strip()
        if value is not None and not REFERENCE.fullmatch(bare):
            raise RefusedError(
                f"{place}: a secret is not written out",
                hint="give the name of one that the server offers: `${NAME}`",
            )


def _shown(thing: Thing) -> TargetShown:
    return TargetShown(
        name=thing.name,
        version=thing.version,
        target=thing.body,
        owner=thing.owner,
        created_at=iso(thing.created_at),
        updated_at=iso(thing.updated_at),
    )
