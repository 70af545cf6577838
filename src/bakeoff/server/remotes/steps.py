"""A job of another server in its folder: what is ordered, how far it is, what came back.

Each file is written whole or not at all, without secrets, so that whoever goes on after a crash knows what
was done: a step that cannot be repeated is noted before it is taken.
"""

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import msgspec

from bakeoff.server.faults import RefusedError
from bakeoff.server.remotes.nemo import Remote
from bakeoff.stores.redact import Redactor

Body = dict[str, Any]
ORDER, STEPS, RESULT = "remote.json", "remote-steps.json", "remote-results.json"
"""Files of a job's folder."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What another server is to do. Secrets stand in it by their names.

    Attributes:
        remote: the server.
        config: what is registered there.
        target: what is evaluated there.
        name: what the model is called in our own records.
        model: its name for whoever asks it.
        endpoint: where it is, without a login; None where only the other server knows.
        rows: how many there are, None where only the other server knows.
    """

    remote: Remote
    config: Body
    target: Body
    name: str
    model: str
    endpoint: str | None = None
    rows: int | None = None


class Steps(msgspec.Struct, frozen=True, kw_only=True):
    """How far a job is. Times are microseconds since 1970.

    Attributes:
        began_at: of the first attempt.
        registered: the configuration is there.
        submitted_at: since when the other server may have the job; None where it surely has not.
        problem: why the submission was not answered with a job.
        job: its id there, None where it is not known.
        status: what the server said last, `created` before it said anything.
        details: what it said of the progress, and the last problem as `message`.
        leaving_at: since when it is to end there.
    """

    began_at: int
    registered: bool = False
    submitted_at: int | None = None
    problem: str = ""
    job: str | None = None
    status: str = "created"
    details: Body = {}
    leaving_at: int | None = None


def read_order(folder: Path) -> Order:
    """Return what a job orders."""
    return msgspec.json.decode((folder / ORDER).read_bytes(), type=Order)


def filled(order: Order, secrets: Mapping[str, str]) -> tuple[Order, tuple[str, ...]]:
    """Return an order with the keys of endpoints in the place of their names, and these keys.

    The other server has no others.

    Args:
        order: as stored.
        secrets: by name.

    Raises:
        RefusedError: it names one that is not there, or holds one that is written out.
    """
    used: list[str] = []

    def put_in(value: Any, key: str = "") -> Any:  # noqa: ANN401  JSON
        if isinstance(value, dict):
            return {name: put_in(each, str(name)) for name, each in cast("Body", value).items()}
        if isinstance(value, list):
            return [put_in(each) for each in cast("list[object]", value)]
        if key != "api_key" or not isinstance(value, str):
            return value
        name = value.removeprefix("${").removesuffix("}")
        if value != f"${{{name}}}" or name not in secrets:
            raise RefusedError(f"`{value[:40]}` is no secret that this server offers: write `${{NAME}}`")
        used.append(secrets[name])
        return secrets[name]

    config, target = put_in(order.config), put_in(order.target)
    return msgspec.structs.replace(order, config=config, target=target), tuple(used)


def read_steps(folder: Path) -> Steps | None:
    """Return how far a job is, None for one that has not begun."""
    try:
        return msgspec.json.decode((folder / STEPS).read_bytes(), type=Steps)
    except OSError:
        return None


def read_result(folder: Path) -> Body | None:
    """Return what came back, None for nothing yet."""
    try:
        found: Body = msgspec.json.decode((folder / RESULT).read_bytes())
    except OSError:
        return None
    return found


def write(path: Path, value: object, redact: Redactor) -> None:
    """Write a file so that it outlives a crash at any moment, whole."""
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        file.write(redact(msgspec.json.encode(value)))
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # not every file system does it
            os.fsync(folder)
    finally:
        os.close(folder)
