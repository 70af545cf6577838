"""What a NeMo configuration and target say, read from JSON; an unknown key is refused."""

from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from bakeoff.server.faults import InvalidError

_T = TypeVar("_T")
Text = Annotated[str, Meta(max_length=2000)]
Whole = Annotated[int, Meta(ge=1, le=2**53)]
_MOST_NAMES = 1000
_PARTS = ("model", "cached_outputs", "rows", "dataset", "rag", "retriever")
"""The types of targets; each is also the name of the part that it needs."""
_HINT = " - at `$"


class Params(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a configuration is run. `request_timeout` is in seconds."""

    parallelism: Annotated[int, Meta(ge=1, le=10_000)] | None = None
    request_timeout: Annotated[int, Meta(ge=1, le=86_400)] | None = None
    max_retries: Annotated[int, Meta(ge=0, le=100)] | None = None
    limit_samples: Whole | None = None
    max_tokens: Whole | None = None
    temperature: Annotated[float, Meta(ge=0, le=100)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    stop: str | list[str] | None = None
    extra: dict[str, Any] | None = None


class _Described(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What describes an entity and changes nothing about its run."""

    id: Text | None = None
    name: Text | None = None
    namespace: Text | None = None
    description: str | None = None
    project: Text | None = None
    ownership: dict[str, Any] | None = None
    custom_fields: dict[str, Any] | None = None
    created_at: str | None = None
    updated_at: str | None = None
    schema_version: str | None = None
    type_prefix: str | None = None


class DataFiles(_Described, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where rows are."""

    files_url: Text
    format: str | None = None
    limit: Whole | None = None
    split: str | None = None
    hf_endpoint: str | None = None
    version_id: str | None = None
    version_tags: list[Any] | None = None


class Metric(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How answers are graded."""

    type: Text
    params: dict[str, Any] | None = None


class Task(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is asked, of which rows, and how it is graded."""

    type: Text
    params: dict[str, Any] | None = None
    dataset: Text | DataFiles | None = None
    metrics: dict[str, Metric] | None = None


class Group(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tasks whose rows are taken together."""

    tasks: list[str] | None = None
    groups: dict[str, "Group"] | None = None
    metrics: dict[str, Any] | None = None


class Config(_Described, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An evaluation."""

    type: Annotated[str, Meta(min_length=1, max_length=200)]
    params: Params | None = None
    tasks: dict[str, Task] | None = None
    groups: dict[str, Group] | None = None


class Endpoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model's address: `url` is the whole path, with `/chat/completions` or `/completions`."""

    url: Text
    model_id: Text | None = None
    api_key: str | None = None
    format: str | None = None


class Target(_Described, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is evaluated."""

    type: Annotated[str, Meta(min_length=1, max_length=200)]
    model: Text | dict[str, Any] | None = None
    cached_outputs: DataFiles | None = None
    rows: list[dict[str, Any]] | None = None
    dataset: Text | DataFiles | None = None
    rag: dict[str, Any] | None = None
    retriever: dict[str, Any] | None = None


def read_config(value: object) -> Config:
    """Return a configuration.

    Raises:
        InvalidError: it is none, with the place.
    """
    return read(value, Config, "config")


def read_target(value: object) -> Target:
    """Return a target.

    Raises:
        InvalidError: it is none, or lacks what its type names; with the place.
    """
    found = read(value, Target, "target")
    if found.type not in _PARTS:
        known = ", ".join(_PARTS)
        raise invalid("target.type", f"the target type `{found.type}` is not known. Known: {known}")
    if getattr(found, found.type) is None:
        raise invalid(f"target.{found.type}", f"Field required, as the type is `{found.type}`")
    return found


def read(value: object, kind: type[_T], where: str) -> _T:
    """Return a JSON value as a record.

    Raises:
        InvalidError: it does not have the form, with the place.
    """
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(_HINT)
        raise invalid(where + path.rstrip("`"), message) from error


def invalid(where: str, message: str) -> InvalidError:
    """Return the error for a value that cannot be honoured, at its place: `config.tasks.qa`."""
    return InvalidError([{"loc": ["body", *where.split(".")], "msg": message, "type": "value_error"}])


def described(value: Config | Target | DataFiles) -> dict[str, Any]:
    """Return a record as JSON without what was left out."""
    told: dict[str, Any] = msgspec.to_builtins(value)
    return {name: each for name, each in told.items() if each is not None}
