"""Jobs that a remote NeMo server does for us, as the service sees them: checked, stored, shown.

What is sent there, and when, is the business of the process of such a job (`bakeoff.server.workers.away`).
"""

import contextlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from bakeoff.server.access import Principal
from bakeoff.server.faults import RefusedError
from bakeoff.server.jobs.job import AWAY, Job, JobState, NewJob
from bakeoff.server.nemo.native import DIALECT
from bakeoff.server.nemo.shapes import Config, Params, Target, described, invalid, read
from bakeoff.server.remotes.faults import RemoteError
from bakeoff.server.remotes.nemo import NemoServer, Remote
from bakeoff.server.remotes.steps import ORDER, Order, filled, read_order, read_result, read_steps
from bakeoff.server.secret_values import secret_values
from bakeoff.server.service import Service
from bakeoff.spec.adopted import mapping
from bakeoff.spec.foreign import slug

Body = dict[str, Any]
FIELD = "bakeoff_remote"
"""The custom field of a configuration that says which NeMo server is to do it."""
STATES: dict[JobState, str] = {
    "queued": "created",
    "running": "running",
    "cancelling": "cancelling",
    "completed": "completed",
    "failed": "failed",
    "cancelled": "cancelled",
}
"""What NeMo calls the states of our own jobs."""
UNDER_WAY = ("created", "pending", "running", "cancelling")
_DESCRIBED = ("id", "name", "namespace", "created_at", "updated_at", "schema_version", "type_prefix")
_FORGET_S = 5.0


class Mirrored(msgspec.Struct, frozen=True, kw_only=True):
    """What the other server said of a job last.

    Attributes:
        status: in NeMo's words.
        details: of the progress, and the last problem as `message`.
    """

    status: str
    details: Body


def remote_of(custom_fields: Mapping[str, Any] | None) -> Remote | None:
    """Return the NeMo server that a configuration is marked for, None for our own engine.

    Raises:
        InvalidError: the mark is no server.
    """
    marked = (custom_fields or {}).get(FIELD)
    return None if marked is None else read(marked, Remote, f"config.custom_fields.{FIELD}")


def remote_job(
    service: Service, config: Config, target: Target, remote: Remote, *, named: str | None = None
) -> NewJob:
    """Return the job that has a NeMo server run a configuration, its address and secrets checked.

    Args:
        service: knows what may be asked, and with which secrets.
        config: what is registered there.
        target: what is evaluated; it holds secrets by their names.
        remote: the server.
        named: what the model is called in our own records; as the target says by default.

    Raises:
        RefusedError: the server may not be asked.
        InvalidError: a key is none of the secrets that this server offers.
    """
    secrets = secret_values(service.settings)
    NemoServer(remote, endpoints=service.settings.endpoints, secrets=secrets)
    params = config.params or Params()
    model, endpoint = _model(target)
    tasks = len(config.tasks or {}) or 1
    order = Order(
        remote=remote,
        config=_sent(described(config)),
        target=described(target),
        name=named or model,
        model=model,
        endpoint=endpoint,
        rows=None if params.limit_samples is None else tasks * params.limit_samples,
    )
    try:
        filled(order, secrets)
    except RefusedError as error:
        raise invalid("target", error.message) from error
    plain: Body = msgspec.to_builtins(order)
    name = slug(config.name or config.type, "nemo")
    return NewJob(
        name=name,
        document={"name": name, "nemo": {each: plain[each] for each in ("remote", "config", "target")}},
        files={ORDER: msgspec.json.encode(order)},
        dialect=DIALECT,
        asked={AWAY: plain["remote"]},
    )


def submit(service: Service, new: NewJob, caller: Principal) -> Job:
    """Store such a job for the workers; the same key with the same request gives the job of before.

    Raises:
        ConflictError: the key was used for another request.
    """
    caller.need("run")
    return service.jobs.submit(new, project=caller.project, owner=caller.name)[0]


def _model(target: Target) -> tuple[str, str | None]:
    """Return name and address of the model, the latter without what may be secret in it."""
    if isinstance(target.model, str):
        return target.model, None
    told = mapping(mapping(target.model).get("api_endpoint"))
    name = str(told.get("model_id") or target.name or target.type)
    try:
        parts = urlsplit(str(told.get("url") or ""))
        port = "" if parts.port is None else f":{parts.port}"
    except ValueError:
        return name, None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return name, None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    path = parts.path.removesuffix("/").removesuffix("/completions").removesuffix("/chat")
    return name, f"{parts.scheme}://{host}{port}{path}"


def _sent(config: Body) -> Body:
    kept = {name: value for name, value in config.items() if name not in _DESCRIBED}
    marked: Body = kept.pop("custom_fields", None) or {}
    fields = {name: value for name, value in marked.items() if name != FIELD}
    return kept | ({"custom_fields": fields} if fields else {})


def mirrored(service: Service, job: Job) -> Mirrored:
    """Return how a job is, as its process saw it last, in the words of its server."""
    steps = read_steps(service.jobs.folder(job.id))
    status, details = STATES[job.state], {} if steps is None else steps.details
    if job.state == "running":
        told = "created" if steps is None else steps.status
        status = told if told in UNDER_WAY else status
    if job.state == "queued" and job.attempt:
        status = "pending"
    details = {"message": status, "progress": 0.0, **details}
    if job.state == "completed":
        details |= {"progress": 100.0}
    if job.error is not None:
        details |= {"message": job.error.message}
    return Mirrored(status=status, details=details)


def result_of(service: Service, job: Job) -> Body:
    """Return `{tasks, groups}` of a job, as its server told them; empty before there are some."""
    found = read_result(service.jobs.folder(job.id)) if job.state == "completed" else None
    return found or {"tasks": {}, "groups": {}}


def delete(service: Service, job: Job, caller: Principal) -> None:
    """Forget an ended job, here and, as far as it answers, what it has registered on its server.

    Raises:
        ConflictError: it has not ended.
    """
    if job.away and job.ended:
        # A configuration that stays there harms nobody.
        with contextlib.suppress(RemoteError, RefusedError, OSError):
            order = read_order(service.jobs.folder(job.id))
            quick = msgspec.structs.replace(
                order.remote, timeout=min(order.remote.timeout, _FORGET_S), attempts=1
            )
            secrets = secret_values(service.settings)
            server = NemoServer(quick, endpoints=service.settings.endpoints, secrets=secrets)
            server.forget(f"{order.remote.namespace}/{job.id}")
    service.jobs.delete(job.id, project=caller.project)
