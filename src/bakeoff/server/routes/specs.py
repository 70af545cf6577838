"""Specs before they are run: their mistakes, their defaults, their forecast."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Response
from pydantic import Field

from bakeoff.run.earlier import Earlier, read_earlier
from bakeoff.run.planning import forecast
from bakeoff.run.select import selected
from bakeoff.server.access import Principal
from bakeoff.server.http.asking import json_answer, refusals
from bakeoff.server.http.calls import Runner, TheService
from bakeoff.server.http.shown import Shape
from bakeoff.server.jobs.job import NewJob
from bakeoff.server.jobs.jobtexts import file_contents
from bakeoff.server.service import Service
from bakeoff.server.specs.drafts import checked, draft
from bakeoff.server.specs.problems import as_sent
from bakeoff.server.specs.references import spec_names

ROUTER = APIRouter(prefix="/api/v1/specs", tags=["specs"], responses=refusals(404, 413, 422))


class Draft(Shape):
    """A spec that is not run yet."""

    spec: dict[str, Any] = Field(description="a `bakeoff.yaml` as JSON, as for a run")
    files: dict[str, str] = Field(
        default_factory=dict, max_length=100, description="data that the spec names, as base64 by path"
    )


class PlanWanted(Shape):
    """A spec that is to be forecast, and by what."""

    spec: dict[str, Any] = Field(description="a `bakeoff.yaml` as JSON, as for a run")
    files: dict[str, str] = Field(
        default_factory=dict, max_length=100, description="data that the spec names, as base64 by path"
    )
    models: list[Annotated[str, Field(max_length=200)]] | None = Field(
        default=None, min_length=1, max_length=1000, description="only these models"
    )
    benchmarks: list[Annotated[str, Field(max_length=200)]] | None = Field(
        default=None, min_length=1, max_length=1000, description="only these benchmarks"
    )
    earlier: str | None = Field(
        default=None, max_length=100, description="a run that tells disagreements, lengths and times"
    )


class Mistake(Shape):
    """One mistake, with its place in the spec, or in the data."""

    path: str
    message: str
    where: str
    hint: str


class Validated(Shape):
    """A spec with all its mistakes, or with all its defaults."""

    valid: bool
    problems: list[Mistake]
    spec: dict[str, Any] | None = Field(description="with all defaults, without secrets")
    plan_hash: str | None


@ROUTER.post("/validate", summary="Check a spec and its data to the last case")
def validate(body: Draft, service: TheService, caller: Runner) -> Validated:
    """Return all mistakes with their places, or the spec with all defaults; nothing is sent or stored."""
    found = checked(service, _job(body, service), caller)
    return Validated(
        valid=found.valid,
        problems=[Mistake(**msgspec.structs.asdict(each)) for each in found.problems],
        spec=found.spec,
        plan_hash=found.plan_hash,
    )


@ROUTER.post("/plan", summary="Forecast a run")
def plan(body: PlanWanted, service: TheService, caller: Runner) -> Response:
    """Return what a run can show and what it takes, as `bakeoff plan --json` does; nothing is sent."""
    earlier = _earlier(body.earlier, service, caller)
    with as_sent(), draft(service, _job(body, service), caller) as loaded:
        names = spec_names(body.spec)
        models = None if body.models is None else [names.get(name, name) for name in body.models]
        chosen = selected(loaded, models=_listed(models), benchmarks=_listed(body.benchmarks))
        return json_answer(forecast(chosen, earlier))


def _job(body: Draft | PlanWanted, service: Service) -> NewJob:
    files = file_contents(body.files, service.settings)
    return NewJob(name="draft", document=body.spec, files=files)


def _listed(names: list[str] | None) -> str | None:
    return None if names is None else ",".join(names)


def _earlier(run: str | None, service: Service, caller: Principal) -> Earlier:
    if run is None:
        return Earlier()
    return read_earlier(service.run(service.jobs.get(run, project=caller.project)))
