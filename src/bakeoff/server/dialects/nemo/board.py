"""Evaluation jobs of all kinds: runs of our own engine, graded answers, jobs of a remote NeMo server."""

from typing import Any

import msgspec

from bakeoff.server.access import Principal
from bakeoff.server.dialects.nemo.entities import CONFIGS, DEFAULT, TARGETS, find, unkept
from bakeoff.server.faults import MissingError
from bakeoff.server.jobs.job import ENDED, Job, JobFilter, JobState, NewJob
from bakeoff.server.nemo import Config, Target, aim_of, figures, grade_given, native_job
from bakeoff.server.nemo.figures import asked_of
from bakeoff.server.nemo.graded import ANEW, THING, Once, before, stored
from bakeoff.server.nemo.native import DIALECT
from bakeoff.server.nemo.remote_jobs import STATES, mirrored, remote_job, remote_of, submit
from bakeoff.server.nemo.remote_jobs import delete as delete_job
from bakeoff.server.nemo.remote_jobs import result_of as remote_result
from bakeoff.server.nemo.shapes import invalid
from bakeoff.server.service import Service
from bakeoff.server.store.objects import Thing
from bakeoff.server.times import iso
from bakeoff.server.values import check_values

Body = dict[str, Any]
MAY_BE: dict[str, tuple[JobState, ...]] = {
    "created": ("queued", "running"),
    "pending": ("queued", "running"),
    "running": ("running",),
    "cancelling": ("running", "cancelling"),
}
"""States of a job that may be shown by a status: what another server does has its words."""
_ABOUT = ("namespace", "description", "project", "ownership", "custom_fields", "name")
_REFUSED = ("result", "status", "status_details", "output_files_url")
_PAGE = 1000


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A job as all routes see it. Times are microseconds since 1970."""

    id: str
    status: str
    about: Body
    config: Body
    target: Body
    details: Body
    created_at: int
    updated_at: int
    job: Job | None = None
    thing: Thing | None = None


def start(service: Service, body: Body, caller: Principal, once: Once = ANEW) -> Entry:
    """Create a job; the same key with the same request gives the one of before.

    Raises:
        ConflictError: the key was used for another request.
        InvalidError: something in it is not offered, by name.
        MissingError: its configuration or target is not there.
    """
    caller.need("run")
    known = service.replay(once.key, once.sent, caller) or before(service, once, caller)
    if known is not None:
        return entry_of(service, known)
    check_values(body)
    for name, value in body.items():
        if value is not None and name in _REFUSED:
            raise invalid(name, f"`{name}` is not offered: the server says it")
        if name not in {"config", "target", *_ABOUT, *_REFUSED}:
            raise invalid(name, f"`{name}` is no part of a job")
    config, shown_config = _config(service, body, caller)
    target, shown_target = _target(service, body, caller)
    about = {name: unkept(body[name]) for name in _ABOUT if body.get(name) is not None}
    about.setdefault("namespace", DEFAULT)
    remote = remote_of(config.custom_fields)
    told: Body = {"about": about, "config": shown_config, "target": shown_target}
    if remote is not None:
        new = remote_job(service, config, target, remote)
        return entry_of(service, submit(service, _asked(new, told, shown_config, once), caller))
    aim = aim_of(service, target, project=caller.project)
    if aim.answers is not None:
        result, rows = grade_given(service, config, aim, project=caller.project)
        return entry_of(service, _finished(service, told, result, rows, caller, once))
    new = native_job(service, config, aim, project=caller.project)
    job, _new = service.submit(_asked(new, told, shown_config, once), caller)
    return entry_of(service, job)


def _asked(new: NewJob, told: Body, config: Body, once: Once) -> NewJob:
    """Return a job that remembers what was asked."""
    return msgspec.structs.replace(
        new,
        subject=str(config.get("name") or config["type"])[:200],
        asked={**new.asked, **told},
        idempotency_key=once.key,
        sent=once.sent,
    )


def _config(service: Service, body: Body, caller: Principal) -> tuple[Config, Body]:
    if body.get("config") is None:
        raise invalid("config", "Field required")
    found, shown = find(service, CONFIGS, body["config"], project=caller.project)
    assert isinstance(found, Config)
    return found, shown


def _target(service: Service, body: Body, caller: Principal) -> tuple[Target, Body]:
    if body.get("target") is None:
        raise invalid("target", "Field required")
    found, shown = find(service, TARGETS, body["target"], project=caller.project)
    assert isinstance(found, Target)
    return found, shown


def _finished(service: Service, told: Body, result: Body, rows: int, caller: Principal, once: Once) -> Thing:
    details = {
        "message": "completed",
        "progress": 100.0,
        "samples_processed": rows,
        "task_status": dict.fromkeys(result["tasks"], "completed"),
    }
    body = {**told, "status": "completed", "details": details, "result": result}
    return stored(service, body, caller, once)


def get(service: Service, job: str, caller: Principal) -> Entry:
    """Return a job.

    Raises:
        MissingError: the project has no such job.
    """
    check_values(job)
    if job.startswith("job-"):
        found = service.jobs.get(job, project=caller.project)
        # What another server does is one job, whichever dialect has begun it.
        if found.dialect != DIALECT and not found.away:
            raise MissingError("job", job)
        return entry_of(service, found)
    try:
        return entry_of(service, service.objects.get(THING, job, project=caller.project))
    except MissingError as error:
        raise MissingError("job", job) from error


def cancel(service: Service, job: str, caller: Principal) -> Entry:
    """Ask a job to end; one that has ended stays as it is."""
    found = get(service, job, caller)
    if found.job is None:
        return found
    return entry_of(service, service.jobs.cancel(job, project=caller.project))


def delete(service: Service, job: str, caller: Principal) -> None:
    """Forget an ended job."""
    found = get(service, job, caller)
    if found.job is None:
        service.objects.delete(THING, job, project=caller.project)
    else:
        delete_job(service, found.job, caller)


def result_of(service: Service, entry: Entry) -> Body:
    """Return a job's result; of one that runs, of what is stored so far.

    Raises:
        MissingError: there is nothing yet.
    """
    if entry.job is not None:
        found = (remote_result if entry.job.away else figures)(service, entry.job)
    else:
        assert entry.thing is not None
        kept: Body | None = entry.thing.body.get("result")
        found = kept or {"tasks": {}, "groups": {}}
    if not found["tasks"] and entry.status != "completed":
        raise MissingError("result of job", entry.id)
    return {
        "id": result_id(entry.id),
        "job": entry.id,
        "namespace": entry.about["namespace"],
        "files_url": f"/v1/evaluation/jobs/{entry.id}/download-results",
        "created_at": iso(entry.created_at),
        "updated_at": iso(entry.updated_at),
        **found,
    }


def result_id(job: str) -> str:
    """Return the id of a job's result."""
    return f"evaluation_result-{job}"


def entries(service: Service, caller: Principal, *, states: tuple[JobState, ...] = ()) -> list[Entry]:
    """Return all jobs of a project, newest first."""
    found = [entry_of(service, thing) for thing in service.objects.all(THING, project=caller.project)]
    wanted = JobFilter(states=states, dialect=DIALECT)
    after: str | None = None
    while True:
        page = service.jobs.page(wanted, project=caller.project, limit=_PAGE, after=after)
        found += [entry_of(service, job) for job in page.jobs]
        after = page.next
        if after is None:
            return sorted(found, key=lambda entry: entry.created_at, reverse=True)


def entry_of(service: Service, found: Job | Thing) -> Entry:
    """Return a job, however it is kept."""
    if isinstance(found, Job):
        status, details = _shown(service, found)
        return Entry(
            id=found.id,
            status=status,
            about=found.asked.get("about", {"namespace": DEFAULT}),
            config=found.asked.get("config", {}),
            target=found.asked.get("target", {}),
            details=details,
            created_at=found.created_at,
            updated_at=found.updated_at,
            job=found,
        )
    body = found.body
    return Entry(
        id=found.name,
        status=body["status"] if body["status"] in ENDED else "failed",
        about=body["about"],
        config=body["config"],
        target=body["target"],
        details=body["details"],
        created_at=found.created_at,
        updated_at=found.updated_at,
        thing=found,
    )


def _shown(service: Service, job: Job) -> tuple[str, Body]:
    """Return status and details of a job."""
    if job.away:
        found = mirrored(service, job)
        return found.status, found.details
    status = "pending" if job.state == "queued" and job.attempt else STATES[job.state]
    return status, _details(job)


def _details(job: Job) -> Body:
    progress = 100.0 if job.state == "completed" else 100.0 * job.done / job.total if job.total else 0.0
    message = STATES[job.state] if job.error is None else job.error.message
    return {
        "message": message,
        "progress": min(100.0, progress),
        "samples_processed": job.done,
        "task_status": _task_status(job),
    }


def _task_status(job: Job) -> dict[str, str]:
    """Return how far each task is: the engine asks one after the other."""
    left = job.done
    found: dict[str, str] = {}
    for part in asked_of(job).parts:
        rows = part.rows if part.rows is not None else max(job.total, 1)
        if job.state == "completed" or left >= rows:
            found[part.task] = "completed"
        elif job.state in {"failed", "cancelled"}:
            found[part.task] = "failed"
        else:
            found[part.task] = (
                "running" if left > 0 or (job.state == "running" and not _running(found)) else "pending"
            )
        left = max(0, left - rows)
    return found


def _running(found: dict[str, str]) -> bool:
    return "running" in found.values()
