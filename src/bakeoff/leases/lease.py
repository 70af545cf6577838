"""Leases: a small file per server we start, written before the start, so that a crash loses nothing.

Knows processes, not models: what a server is and how it is started is the deployers' matter.
Blocking file work; call it in a thread from asynchronous code.
"""

import contextlib
import logging
import os
import platform
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec

from bakeoff.clock import wall_iso
from bakeoff.leases.process import Process, alive, end, identify, marked

State = Literal["starting", "running", "orphaned", "dead", "elsewhere"]
_LOGS_KEPT = 50
_log = logging.getLogger(__name__)


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """One server that we start or have started.

    Attributes:
        id: names the lease; the server carries it in its environment as BAKEOFF_LEASE.
        owner: the process that started the server.
        server: the server's process, None until it has been started.
        keep: the server outlives its owner on purpose.
        host: the machine; leases of another machine on a shared disk are left alone.
    """

    id: str
    target: str
    deployer: str
    owner: Process
    host: str
    created_at: str
    server: Process | None = None
    endpoint: str | None = None
    log: str | None = None
    keep: bool = False


def state_dir() -> Path:
    """Return the folder of bakeoff's own state: BAKEOFF_HOME, else the user's state folder."""
    home = os.environ.get("BAKEOFF_HOME")
    if home:
        return Path(home)
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "bakeoff"


def take(*, target: str, deployer: str, keep: bool = False) -> Lease:
    """Write and return a new lease, before anything is started."""
    owner = identify(os.getpid())
    if owner is None:  # no /proc and no ps: the number alone must do
        owner = Process(pid=os.getpid(), started="unknown")
    name = f"{deployer}-{secrets.token_hex(6)}"
    logs = state_dir() / "logs"
    logs.mkdir(parents=True, exist_ok=True, mode=0o700)
    _prune(logs)
    lease = Lease(
        id=name,
        target=target,
        deployer=deployer,
        owner=owner,
        host=platform.node(),
        created_at=wall_iso(),
        log=str(logs / f"{name}.log"),
        keep=keep,
    )
    write(lease)
    return lease


def write(lease: Lease) -> None:
    """Write the lease's file in one step; readers see the old one or the new one."""
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = folder / f".{lease.id}.{os.getpid()}"
    draft.write_bytes(msgspec.json.encode(lease))
    draft.chmod(0o600)
    draft.replace(folder / f"{lease.id}.json")


def release(lease_id: str) -> None:
    """Remove a lease; nothing happens where there is none."""
    for path in _files():
        if path.stem == lease_id:
            path.unlink(missing_ok=True)


def list_leases() -> list[Lease]:
    """Return the leases of servers that run or are being started, oldest first; drop those of dead ones."""
    found: list[Lease] = []
    for lease in _read_all():
        if state(lease) == "dead":
            release(lease.id)
        else:
            found.append(lease)
    return sorted(found, key=lambda lease: (lease.created_at, lease.id))


def state(lease: Lease) -> State:
    """Tell what has become of a lease; "orphaned" is a running server whose owner left it by a crash."""
    if lease.host != platform.node():
        return "elsewhere"
    owned = alive(lease.owner)
    if alive(lease.server) or marked(lease.id):
        return "running" if owned or lease.keep else "orphaned"
    return "starting" if owned and lease.server is None else "dead"


def down(ids: Iterable[str] | None = None, *, grace_s: float = 10.0) -> list[Lease]:
    """End the servers of the named leases, or of all, and drop the leases.

    Only a process that a lease names by number *and* start time, or that carries the lease's mark,
    is touched. Ids without a lease are ignored.

    Returns:
        The leases whose server was running and has been ended.
    """
    wanted = None if ids is None else set(ids)
    ended: list[Lease] = []
    for lease in _read_all():
        if (wanted is not None and lease.id not in wanted) or lease.host != platform.node():
            continue
        if _end_server(lease, grace_s):
            ended.append(lease)
        if state(lease) != "starting":
            release(lease.id)
    return ended


def _end_server(lease: Lease, grace_s: float) -> bool:
    ran = lease.server is not None and end(lease.server, grace_s)
    # Also those started in the moment before a crash, and helpers that outlived the server.
    strays = [end(process, grace_s) for process in marked(lease.id)]
    return ran or any(strays)


def _prune(logs: Path) -> None:
    """Keep the newest logs of servers that are gone, and all of those that are not."""
    held = {lease.log for lease in _read_all()}
    dated: list[tuple[float, Path]] = []
    for path in logs.glob("*.log"):
        with contextlib.suppress(FileNotFoundError):  # pruned by another process
            dated.append((path.stat().st_mtime, path))
    for _, path in sorted(dated)[:-_LOGS_KEPT]:
        if str(path) not in held:
            path.unlink(missing_ok=True)


def _folder() -> Path:
    return state_dir() / "leases"


def _files() -> list[Path]:
    return sorted(_folder().glob("[!.]*.json"))


def _read_all() -> list[Lease]:
    leases: list[Lease] = []
    for path in _files():
        try:
            leases.append(msgspec.json.decode(path.read_bytes(), type=Lease))
        except FileNotFoundError:
            continue  # released meanwhile
        except msgspec.DecodeError as error:
            _log.warning("`%s` is no lease and is ignored: %s", path, error)
    return leases
