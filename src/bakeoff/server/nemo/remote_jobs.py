"""Jobs that a remote NeMo server does for us: stored first, mirrored when looked at, results kept here."""

import hashlib
import secrets
from collections.abc import Mapping
from typing import Any

import msgspec

from bakeoff.server.access import Principal
from bakeoff.server.faults import ConflictError, RefusedError
from bakeoff.server.nemo.estimates import estimates
from bakeoff.server.nemo.shapes import Config, Target, described, invalid, read
from bakeoff.server.remotes.faults import RemoteError
from bakeoff.server.remotes.nemo import NemoServer, Remote, RemoteState
from bakeoff.server.secret_values import secret_values
from bakeoff.server.service import Service
from bakeoff.server.store.objects import Thing
from bakeoff.server.times import now_us
from bakeoff.server.values import check_values

Body = dict[str, Any]
THING = "nemo.job"
FIELD = "bakeoff_remote"
"""The custom field of a configuration that says which NeMo server is to do it."""
ENDED = ("completed", "failed", "cancelled")
_STATES = frozenset({"created", "pending", "running", "cancelling", "cancelled", "failed", "completed"})
_LOOK_EVERY_US = 500_000
_LOST_AFTER_US = 120_000_000
_DESCRIBED = ("id", "name", "namespace", "created_at", "updated_at", "schema_version", "type_prefix")


def remote_of(custom_fields: Mapping[str, Any] | None) -> Remote | None:
    """Return the NeMo server that a configuration is marked for, None for our own engine.

    Raises:
        InvalidError: the mark is no server.
    """
    marked = (custom_fields or {}).get(FIELD)
    return None if marked is None else read(marked, Remote, f"config.custom_fields.{FIELD}")


class Once(msgspec.Struct, frozen=True, kw_only=True):
    """What makes one job of a call that is sent again.

    Attributes:
        key: the client's idempotency key, None for none.
        sent: digest of what the client sent.
    """

    key: str | None = None
    sent: str = ""


ANEW = Once()
"""Of a call without a key: each makes a job of its own."""


def before(service: Service, once: Once, caller: Principal) -> Thing | None:
    """Return the job that a call with the same key has made before; None where there is none.

    Raises:
        ConflictError: the key was used for another request.
    """
    if once.key is None:
        return None
    found = service.objects.find(THING, _name(once, caller), project=caller.project)
    if found is not None and found.body.get("sent") != once.sent:
        raise ConflictError(
            f"the idempotency key `{once.key}` was used for another request", hint="take a new key"
        )
    return found


def ahead(service: Service, body: Body, caller: Principal, once: Once = ANEW) -> tuple[Thing, bool]:
    """Store a job, and return it and whether it is new.

    Raises:
        ConflictError: the key was used for another request.
    """
    whole = body | {"sent": once.sent}
    name = _name(once, caller)
    try:
        made = service.objects.put(THING, name, whole, project=caller.project, owner=caller.name, new=True)
    except ConflictError:
        # Two calls with one key at the same moment: the other one was first.
        if (known := before(service, once, caller)) is None:
            raise
        return known, False
    return made, True


def _name(once: Once, caller: Principal) -> str:
    if once.key is None:
        return "eval-" + secrets.token_hex(10)
    return "eval-" + hashlib.sha256(f"{caller.project}\0{once.key}".encode()).hexdigest()[:20]


def start_remote(
    service: Service,
    config: Config,
    target: Target,
    remote: Remote,
    told: Body,
    caller: Principal,
    *,
    once: Once = ANEW,
) -> Thing:
    """Register a configuration on a NeMo server and submit a job there; return ours, which mirrors it.

    It is stored before anything is sent, so that none is lost.

    Args:
        service: keeps the job.
        config: what is registered there.
        target: what is evaluated; names of secrets are replaced on the way out.
        remote: the server.
        told: what the job is to say of itself.
        caller: whose job it is.
        once: the same key with the same request gives the job of before.

    Raises:
        ConflictError: the key was used for another request.
        RefusedError: the server may not be asked.
        RemoteError: it refuses the job; then ours has failed, and says why.
    """
    server = NemoServer(remote, service.settings)
    sent = _with_secrets({"config": _sent(described(config)), "target": described(target)}, service)
    body: Body = {
        **told,
        "status": "created",
        "details": {"message": "created", "progress": 0.0},
        "remote": {"server": msgspec.to_builtins(remote), "job": None, "looked_at": 0},
    }
    thing, new = ahead(service, body, caller, once)
    if not new:
        return thing
    registered = False
    try:
        place = server.register(thing.name, sent["config"])
        registered = True
        state = server.submit(place, sent["target"], thing.name)
    except RemoteError as error:
        if registered and error.answered is None and error.sent:
            now = service.objects.get(THING, thing.name, project=thing.project)
            return _said(service, now, f"{error.message}; the job is looked for there")
        _failed(service, thing, error.message)
        raise
    if service.objects.get(THING, thing.name, project=thing.project).body["status"] == "cancelling":
        # Somebody has cancelled it while it was on its way.
        return _ended_there(service, thing, server, state.id)
    return _seen(service, thing, server, state)


def mirrored(service: Service, thing: Thing) -> Thing:
    """Return a job as its server has it; as last seen where that does not answer, or was just asked."""
    remote = thing.body.get("remote")
    if remote is None or thing.body["status"] in ENDED:
        return thing
    if now_us() - remote["looked_at"] < _LOOK_EVERY_US:
        return thing
    try:
        return _looked(service, thing)
    except RemoteError as error:
        if error.answered == 404:
            return _failed(service, thing, "the NeMo server does not know the job any more")
        return _said(service, thing, error.message)
    except RefusedError as error:
        return _said(service, thing, error.message)


def _looked(service: Service, thing: Thing) -> Thing:
    server = _server(service, thing)
    job, leaving = thing.body["remote"]["job"], thing.body["status"] == "cancelling"
    state = server.find(thing.name) if job is None else server.look(job)
    if state is None:
        return _unlisted(service, thing, leaving=leaving)
    if job is None and leaving:
        return _ended_there(service, thing, server, state.id)
    return _seen(service, thing, server, state)


def _unlisted(service: Service, thing: Thing, *, leaving: bool) -> Thing:
    """Take over that the server has no job of ours; one that is on its way yet may come."""
    if now_us() - thing.created_at > _LOST_AFTER_US:
        status = "cancelled" if leaving else "failed"
        return _changed(service, thing, status=status, message="the NeMo server never got the job")
    if leaving:
        message = "the NeMo server does not list the job yet; it is cancelled as soon as it does"
        return _changed(service, thing, status="cancelling", message=message)
    return _said(service, thing, "the NeMo server does not list the job yet")


def cancel_remote(service: Service, thing: Thing) -> Thing:
    """Ask the server of a job to end it; one that has ended stays as it is.

    A job whose submission was never answered is looked for there, so that it does not run on.

    Raises:
        RemoteError: the server does not answer.
    """
    remote = thing.body.get("remote")
    if remote is None or thing.body["status"] in ENDED:
        return thing
    server = _server(service, thing)
    job = remote["job"]
    if job is None:
        thing = _changed(service, thing, status="cancelling", message="cancelling")
        state = server.find(thing.name)
        if state is None:
            return _unlisted(service, thing, leaving=True)
        job = state.id
    return _ended_there(service, thing, server, job)


def _ended_there(service: Service, thing: Thing, server: NemoServer, job: str) -> Thing:
    server.cancel(job)
    return _seen(service, thing, server, server.look(job))


def _server(service: Service, thing: Thing) -> NemoServer:
    return NemoServer(msgspec.convert(thing.body["remote"]["server"], Remote), service.settings)


def drop_remote(service: Service, thing: Thing) -> None:
    """Forget what a job has registered on its server, as far as that answers."""
    remote = thing.body.get("remote")
    if remote is None:
        return
    try:
        server = _server(service, thing)
        server.forget(f"{remote['server']['namespace']}/{thing.name}")
    except (RemoteError, RefusedError):
        return  # a configuration that stays there harms nobody


def _sent(config: Body) -> Body:
    kept = {name: value for name, value in config.items() if name not in _DESCRIBED}
    marked: Body = kept.pop("custom_fields", None) or {}
    fields = {name: value for name, value in marked.items() if name != FIELD}
    return kept | ({"custom_fields": fields} if fields else {})


def _with_secrets(value: Any, service: Service, key: str = "") -> Any:  # noqa: ANN401  JSON
    """Return JSON with the keys of endpoints in the place of their names: the other server has no others."""
    if isinstance(value, dict):
        return {name: _with_secrets(each, service, name) for name, each in value.items()}  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType]  JSON
    if isinstance(value, list):
        return [_with_secrets(each, service) for each in value]  # pyright: ignore[reportUnknownVariableType]  JSON
    if key != "api_key" or not isinstance(value, str):
        return value
    known = secret_values(service.settings)
    name = value.removeprefix("${").removesuffix("}")
    if value != f"${{{name}}}" or name not in known:
        raise invalid("target", f"`{value[:40]}` is no secret that this server offers: write `${{NAME}}`")
    return known[name]


def _seen(service: Service, thing: Thing, server: NemoServer, state: RemoteState) -> Thing:
    """Take over a state; of an ended job its results."""
    details = {name: each for name, each in (state.status_details or {}).items() if each is not None}
    status = state.status
    if status not in _STATES:
        # Such as `unknown`: that says nothing of the job, so it stays what it was.
        status = thing.body["status"]
        details.setdefault("message", f"the NeMo server says `{state.status[:100]}`")
    remote = {**thing.body["remote"], "job": state.id, "looked_at": now_us()}
    known: Body = thing.body["details"] | details
    body: Body = {**thing.body, "status": status, "details": known, "remote": remote}
    if status == "completed":
        result = server.results(state.id)
        records = {name: msgspec.to_builtins(each) for name, each in estimates(result).items()}
        body |= {"result": result, "estimates": records, "details": known | {"progress": 100.0}}
    check_values(body, "the NeMo server's answer")
    return service.objects.update(THING, thing.name, body, project=thing.project)


def _said(service: Service, thing: Thing, message: str) -> Thing:
    return _changed(service, thing, status=thing.body["status"], message=message)


def _failed(service: Service, thing: Thing, message: str) -> Thing:
    return _changed(service, thing, status="failed", message=message)


def _changed(service: Service, thing: Thing, *, status: str, message: str) -> Thing:
    body = thing.body | {
        "status": status,
        "details": thing.body["details"] | {"message": message[:1000].replace("\0", "")},
        "remote": {**thing.body["remote"], "looked_at": now_us()},
    }
    return service.objects.update(THING, thing.name, body, project=thing.project)
