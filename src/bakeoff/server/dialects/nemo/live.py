"""Evaluations of a few rows that are answered with their scores, and not stored."""

from typing import Any

import msgspec
from anyio import CancelScope
from starlette.requests import Request

from bakeoff.server.access import Principal
from bakeoff.server.dialects.nemo.entities import CONFIGS, TARGETS, find
from bakeoff.server.faults import MissingError
from bakeoff.server.jobs.job import Job
from bakeoff.server.nemo import Config, Target, aim_of, figures, grade_given, native_job
from bakeoff.server.nemo.aims import Aim
from bakeoff.server.nemo.remote_jobs import remote_of
from bakeoff.server.nemo.shapes import Params, invalid
from bakeoff.server.service import Service
from bakeoff.server.values import check_values

_MOST_ROWS = 100
_WAIT_S = 55.0
_KEYS = ("config", "target", "description", "project", "namespace", "ownership", "custom_fields", "name")


class _Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is evaluated; a job where a model is to be asked, else the result and how many rows it has."""

    job: Job | None = None
    result: dict[str, Any] = {}
    rows: int = 0


async def evaluate(
    service: Service, body: dict[str, Any], caller: Principal, call: Request
) -> dict[str, Any]:
    """Return status and scores of an evaluation.

    Raises:
        InvalidError: something in it is not offered, by name.
        TooSlowError: it takes longer than a call may.
    """
    gone = call.is_disconnected
    with service.waiting.place(caller.key):
        wanted = await service.waiting.apart(lambda: _begun(service, body, caller), gone=gone)
        if wanted.job is not None:
            wanted = await _awaited(service, wanted.job, call)
    return {
        "status": "completed",
        "status_details": {
            "message": "completed",
            "progress": 100.0,
            "samples_processed": wanted.rows,
            "task_status": dict.fromkeys(wanted.result["tasks"], "completed"),
        },
        "logs": {},
        "result": {"job": None, **wanted.result},
    }


def _begun(service: Service, body: dict[str, Any], caller: Principal) -> _Wanted:
    check_values(body)
    for name in body:
        if name not in _KEYS:
            raise invalid(name, f"`{name}` is no part of a live evaluation")
    for name in ("config", "target"):
        if body.get(name) is None:
            raise invalid(name, "Field required")
    config, _ = find(service, CONFIGS, body["config"], project=caller.project)
    target, _ = find(service, TARGETS, body["target"], project=caller.project)
    assert isinstance(config, Config)
    assert isinstance(target, Target)
    if remote_of(config.custom_fields) is not None:
        raise invalid("config.custom_fields", "a live evaluation runs here: create a job for another server")
    aim = aim_of(service, target, project=caller.project)
    if aim.answers is None:
        return _Wanted(job=_asked(service, config, aim, caller))
    if len(aim.answers) > _MOST_ROWS:
        raise _too_many()
    result, rows = grade_given(service, config, aim, project=caller.project)
    return _Wanted(result=result, rows=rows)


def _asked(service: Service, config: Config, aim: Aim, caller: Principal) -> Job:
    limit = (config.params or Params()).limit_samples
    if config.type != "custom" and (limit is None or limit > _MOST_ROWS):
        raise _too_many()
    new = native_job(service, config, aim, project=caller.project)
    if any((part["rows"] or 0) > _MOST_ROWS for part in new.asked["nemo"]["parts"]):
        raise _too_many()
    # Not in the lists of this dialect: it is gone when the call ends.
    return service.submit(msgspec.structs.replace(new, dialect="nemo-live"), caller)[0]


async def _awaited(service: Service, job: Job, call: Request) -> _Wanted:
    """Wait for a job and forget it."""
    try:
        job = await service.wait(job, call, seconds=min(_WAIT_S, service.settings.wait))
        if job.state != "completed":
            message = job.error.message if job.error else job.state
            raise invalid("target", f"the evaluation has {job.state}: {message}")
        result = await service.waiting.apart(lambda: figures(service, job), gone=call.is_disconnected)
        return _Wanted(result=result, rows=job.done)
    finally:
        with CancelScope(shield=True):
            await service.waiting.shortly(lambda: _forget(service, job))


def _forget(service: Service, job: Job) -> None:
    try:
        if service.jobs.cancel(job.id, project=job.project).ended:
            service.jobs.delete(job.id, project=job.project)
    except MissingError:
        return


def _too_many() -> Exception:
    return invalid(
        "config.params.limit_samples",
        f"a live evaluation has at most {_MOST_ROWS} rows: set `limit_samples`, or create a job",
    )
