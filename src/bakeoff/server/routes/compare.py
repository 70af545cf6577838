"""Compare the targets of one or several runs."""

import contextlib
import hashlib
from typing import Annotated

import msgspec
from fastapi import APIRouter, Response
from pydantic import Field

from bakeoff.run.compare import Compared, compare_runs
from bakeoff.server.faults import RefusedError
from bakeoff.server.http.asking import json_answer, refusals
from bakeoff.server.http.calls import Reader, TheService
from bakeoff.server.http.shown import Shape
from bakeoff.server.jobs.job import Job
from bakeoff.server.service import Service
from bakeoff.server.values import check_values

ROUTER = APIRouter(prefix="/api/v1/compare", tags=["compare"], responses=refusals(404, 409, 422))


class Comparing(Shape):
    """What is compared."""

    runs: list[Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9._-]+$")]] = Field(
        min_length=1, max_length=20, description="ids of runs of this project"
    )
    against: str | None = Field(
        default=None,
        min_length=1,
        max_length=300,
        description="compare every other target with this one alone",
    )


@ROUTER.post("", summary="Compare runs case by case")
def compare(body: Comparing, service: TheService, caller: Reader) -> Response:
    """Return differences with intervals, and the cases on which targets differ, as `bakeoff compare --json`.

    A target that is in several runs is called `name@run`; `jobs` says which run has which id.
    """
    check_values(body.against, "against")
    if len(set(body.runs)) < len(body.runs):
        raise RefusedError("runs: one is named twice")
    jobs = [service.jobs.get(run, project=caller.project) for run in body.runs]
    folders = {job.id: service.run(job) for job in jobs}
    found = _compared(service, jobs, body.against)
    return json_answer(
        {
            "object": "comparison",
            "jobs": {job: folder.name for job, folder in folders.items()},
            **{name: getattr(found, name) for name in found.__struct_fields__},
        }
    )


def _compared(service: Service, jobs: list[Job], against: str | None) -> Compared:
    """Compare runs, or take what was computed before: ended runs do not change, and large ones take long."""
    told = msgspec.json.encode([[job.id for job in jobs], against])
    name = f"compared-{hashlib.sha256(told).hexdigest()[:32]}.json"
    path = service.jobs.folder(jobs[0].id) / name
    ended = all(job.ended for job in jobs)
    if ended and path.is_file():
        return msgspec.json.decode(path.read_bytes(), type=Compared)
    found = compare_runs([service.run(job) for job in jobs], against=against)
    if ended:
        part = path.with_suffix(f".{id(found):x}.part")
        with contextlib.suppress(OSError):  # a run was deleted meanwhile; it is only kept to save time
            part.write_bytes(msgspec.json.encode(found))
            part.replace(path)
    return found
