"""Start model servers that outlive the command, and say which ones there are."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from bakeoff import leases, plugins
from bakeoff.errors import UsageError
from bakeoff.leases import Lease
from bakeoff.plugins import suggest
from bakeoff.records import Choice, Deployment, ModelSpec
from bakeoff.run.models import Candidate, prepare
from bakeoff.spec import LoadedSpec


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """A server as its user needs it. `api_key` is in no file: who does not keep it cannot ask the server."""

    target: str
    model: str
    endpoint: str
    api_key: str | None
    lease: str | None
    pid: int | None
    engine: str | None
    log: str | None


class LeaseLine(msgspec.Struct, frozen=True, kw_only=True):
    """One server that bakeoff has started, and what has become of it."""

    lease: str
    target: str
    deployer: str
    state: str
    endpoint: str | None
    pid: int | None
    since: str
    log: str | None


async def up(loaded: LoadedSpec, tell: Callable[[str], None]) -> list[Server]:
    """Start a server that stays for each model of the spec that has none; all of them or none.

    Raises:
        UsageError: the spec has no model to start.
    """
    models = [_detached(model) for model in loaded.spec.models if model.endpoint is None]
    if not models:
        raise UsageError("every model of the spec has an `endpoint`; there is nothing to start")
    candidates = await prepare(msgspec.structs.replace(loaded.spec, models=models), loaded.base, tell)
    started: list[tuple[Candidate, Deployment]] = []
    complete = False
    try:
        for candidate in candidates:
            tell(f"starting {candidate.model.name}")
            started.append((candidate, await candidate.deployer.start(candidate.model, candidate.weights)))
        complete = True
    finally:
        if not complete:
            for candidate, deployment in started:
                await candidate.deployer.stop(deployment)
    return [_server(candidate, deployment) for candidate, deployment in started]


def status() -> list[LeaseLine]:
    """Return all servers that run or are being started. Blocking."""
    return [
        LeaseLine(
            lease=lease.id,
            target=lease.target,
            deployer=lease.deployer,
            state=leases.state(lease),
            endpoint=lease.endpoint,
            pid=lease.server.pid if lease.server else None,
            since=lease.created_at,
            log=lease.log,
        )
        for lease in leases.list_leases()
    ]


def down(words: list[str] | None) -> list[Lease]:
    """Stop the named servers, or all; return those that ran. Blocking.

    Args:
        words: leases or targets; None for all.

    Raises:
        UsageError: a word names no server.
    """
    if words is None:
        return leases.down()
    known = leases.list_leases()
    chosen = {lease.id for word in words for lease in _named(known, word)}
    return leases.down(chosen)


def log_of(word: str) -> Path:
    """Return the log of a server, also of one that has ended.

    Raises:
        UsageError: there is none.
    """
    for lease in leases.list_leases():
        if word in {lease.id, lease.target} and lease.log is not None:
            return Path(lease.log)
    folder = leases.state_dir() / "logs"
    kept = {path.stem: path for path in folder.glob("*.log")}
    if word in kept:
        return kept[word]
    raise UsageError(
        f"there is no log of `{word}`.{suggest(word, kept)}", hint=f"`bakeoff deploy status`; logs: {folder}"
    )


def _detached(model: ModelSpec) -> ModelSpec:
    choice = model.deploy or Choice(type="local")
    deployer = plugins.load("deployers", choice.type)
    if "detach" not in deployer.__struct_fields__:
        raise UsageError(
            f"the deployer `{choice.type}` of `{model.name}` cannot leave a server running",
            hint="start it with its own tools and give its `endpoint`",
        )
    detached = Choice(type=choice.type, options={**choice.options, "detach": True})
    return msgspec.structs.replace(model, deploy=detached)


def _server(candidate: Candidate, deployment: Deployment) -> Server:
    return Server(
        target=candidate.model.name,
        model=candidate.weights.model,
        endpoint=deployment.endpoint,
        api_key=deployment.api_key,
        lease=deployment.lease,
        pid=deployment.pid,
        engine=deployment.engine,
        log=deployment.log,
    )


def _named(known: list[Lease], word: str) -> list[Lease]:
    found = [lease for lease in known if word in {lease.id, lease.target}]
    if not found:
        names = [lease.id for lease in known]
        raise UsageError(
            f"there is no server `{word}`.{suggest(word, names)}", hint="`bakeoff deploy status` lists them"
        )
    return found
