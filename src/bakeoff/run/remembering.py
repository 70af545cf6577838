"""What endpoints were seen to do, kept between runs for a day, so that they need not be asked each time.

A server on this machine is always asked anew: that costs nothing, and the next one at its address may be
another. What is remembered says its age, wherever it is used.
"""

import asyncio
import contextlib
import hashlib
import ipaddress
from collections.abc import Collection
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import msgspec

from bakeoff import clock
from bakeoff.deployers import weights_cache
from bakeoff.records import Target
from bakeoff.records.capabilities import CAPABILITIES_VERSION, Capabilities
from bakeoff.run.capabilities import POINTS, probe
from bakeoff.run.door import Door
from bakeoff.wire import Client, Route

MAX_AGE_S = 24 * 3600
_STEADY = ("id", "root", "owned_by", "max_model_len", "meta", "parent")
"""What a list of models says of one and what stays the same while the server does."""
_SERVER = ("version", "build_info", "model_path", "model_alias", "total_slots")


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen and when; `at` is that of the oldest point, in ns of the wall clock."""

    at: int
    seen: Capabilities


class Notebook(msgspec.Struct, frozen=True, kw_only=True):
    """Where what was seen is kept.

    Attributes:
        folder: one small file an endpoint, model and key.
        fresh: ask anew, and keep that.
        near: also remember servers on this machine, which tests are made of.
    """

    folder: Path
    fresh: bool = False
    near: bool = False


def notebook(*, fresh: bool = False) -> Notebook:
    """Return the notebook in the user's cache folder."""
    return Notebook(folder=weights_cache().parent / "probes", fresh=fresh)


async def remembered_probe(
    client: Client, route: Route, target: Target, points: Collection[str] = POINTS, *, book: Notebook
) -> Capabilities:
    """Return what an endpoint was seen to do: a day ago at most, or now where that is not known.

    Only points that are missing or were not to be told are asked for.

    Args:
        client: sends the questions.
        route: where to.
        target: the model that is asked.
        points: what to ask for.
        book: where earlier answers are.

    Raises:
        EndpointError: it refuses the key.
    """
    if not book.near and near(route.host):
        return await probe(client, route, target, points)
    path = book.folder / f"{await _identity(client, route, target)}.json"
    kept = None if book.fresh else await asyncio.to_thread(_read, path)
    seen = Capabilities(target=target.name) if kept is None else kept.seen
    missing = [point for point in POINTS if point in points and getattr(seen, point) is None]
    now = clock.wall_ns()
    if missing:
        found = await probe(client, route, target, missing)
        seen = found if kept is None else _joined(seen, found, missing)
        if any(getattr(found, point) is not None for point in missing):
            at = now if kept is None else kept.at
            await asyncio.to_thread(_write, path, Kept(at=at, seen=msgspec.structs.replace(seen, age_s=None)))
    else:
        seen = msgspec.structs.replace(seen, requests=0)
    age = None if kept is None else max(0.0, (now - kept.at) / 1e9)
    return msgspec.structs.replace(seen, target=target.name, age_s=age)


def age_text(age_s: float) -> str:
    """Return an age in words."""
    for size, word in ((3600, "hour"), (60, "minute"), (1, "second")):
        if age_s >= size or size == 1:
            count = int(age_s // size)
            return f"{count} {word}{'' if count == 1 else 's'} ago"
    return ""


def _joined(old: Capabilities, new: Capabilities, asked: Collection[str]) -> Capabilities:
    """Return what is known with what was asked for just now."""
    found: dict[str, Any] = {point: getattr(new, point) for point in asked}
    for name in ("chat_template", "tokenizer", "context"):
        found[name] = getattr(new, name) if getattr(new, name) is not None else getattr(old, name)
    notes = {name: note for name, note in old.notes.items() if name not in asked} | new.notes
    return msgspec.structs.replace(old, notes=notes, requests=new.requests, **found)


def near(host: str) -> bool:
    """Tell whether a host is this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    return False


async def _identity(client: Client, route: Route, target: Target) -> str:
    """Return a name for the endpoint, its server as far as it says, model, key and fields of the target."""
    door = Door(client, route, target)
    listed = await door.get("/models")
    row = _row(listed.get("data"), target.model)
    server = await door.get("/version", at_root=True) | await door.get("/props", at_root=True)
    parts = (
        CAPABILITIES_VERSION,
        route.label,
        route.base_path,
        route.head,
        target.model,
        target.sampling.extra,
        {key: row.get(key) for key in _STEADY},
        {key: server.get(key) for key in _SERVER},
    )
    return hashlib.sha256(msgspec.json.Encoder(order="deterministic").encode(parts)).hexdigest()[:32]


def _row(listed: object, model: str) -> dict[str, Any]:
    """Return what a list of models says of one; empty where it says nothing."""
    try:
        rows = msgspec.convert(listed, list[dict[str, Any]])
    except msgspec.ValidationError:
        return {}
    nothing: dict[str, Any] = {}
    return next((row for row in rows if row.get("id") == model), nothing)


def _read(path: Path) -> Kept | None:
    try:
        kept = msgspec.json.decode(path.read_bytes(), type=Kept)
    except (OSError, msgspec.DecodeError):
        return None
    age_s = (clock.wall_ns() - kept.at) / 1e9
    return kept if -60 <= age_s < MAX_AGE_S and kept.seen.v == CAPABILITIES_VERSION else None


def _write(path: Path, kept: Kept) -> None:
    """Keep it; a folder that cannot be written only means to ask again."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(msgspec.json.encode(kept))
        Path(file.name).replace(path)
