"""Configurations and targets as stored: by namespace and name, or by id; keys are never kept, nor shown."""

import re
import secrets
from collections.abc import Mapping
from typing import Any, cast

import msgspec

from bakeoff.server.access import Principal
from bakeoff.server.faults import MissingError
from bakeoff.server.nemo import read_config, read_target
from bakeoff.server.nemo.shapes import Config, Target, described, invalid
from bakeoff.server.service import Service
from bakeoff.server.store.objects import Thing
from bakeoff.server.times import iso
from bakeoff.server.values import check_values

Body = dict[str, Any]
DEFAULT = "default"
_NOT_KEPT = "***"
_SECRETS = frozenset({"api_key", "apikey", "access_token", "password", "secret", "token"})
_GIVEN = ("id", "created_at", "updated_at", "schema_version", "type_prefix")
_NAME = re.compile(r"[^\x00-\x1f/][^\x00-\x1f]{0,199}")


class Family(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of entity."""

    kind: str
    prefix: str
    word: str
    record: type[Config] | type[Target]

    def read(self, body: object) -> Config | Target:
        """Check a body.

        Raises:
            InvalidError: it does not have the form.
        """
        return read_config(body) if self.record is Config else read_target(body)


CONFIGS = Family(kind="nemo.config", prefix="eval-config-", word="evaluation config", record=Config)
TARGETS = Family(kind="nemo.target", prefix="eval-target-", word="evaluation target", record=Target)


def create(service: Service, family: Family, body: Body, caller: Principal) -> Body:
    """Store an entity and return it as shown.

    Raises:
        InvalidError: it does not have the form.
        ConflictError: there is one of this name.
    """
    check_values(body)
    family.read(body)
    namespace = _part(body.get("namespace") or DEFAULT, "namespace")
    name = _part(body.get("name") or family.prefix + secrets.token_hex(10), "name", slash=True)
    kept = _kept(body) | {"name": name, "namespace": namespace}
    thing = service.objects.put(
        family.kind, f"{namespace}/{name}", kept, project=caller.project, owner=caller.name, new=True
    )
    return entity(family, thing)


def change(service: Service, family: Family, place: str, body: Body, caller: Principal) -> Body:
    """Change what a body names and return the whole.

    Raises:
        InvalidError: the whole would not have the form, or its name would be another one.
        MissingError: there is no such entity.
    """
    check_values(body)
    thing = service.objects.get(family.kind, place, project=caller.project)
    for name in ("name", "namespace"):
        if body.get(name) not in {None, thing.body[name]}:
            raise invalid(name, f"the {name} of an {family.word} cannot be changed")
    whole = {name: value for name, value in (thing.body | _kept(body)).items() if value is not None}
    family.read(whole)
    return entity(
        family, service.objects.update(family.kind, place, thing.body | whole, project=caller.project)
    )


def entity(family: Family, thing: Thing) -> Body:
    """Return a stored entity as clients see it."""
    told: Body = {
        **without_secrets(thing.body),
        "id": ident(family, thing),
        "created_at": iso(thing.created_at),
        "updated_at": iso(thing.updated_at),
    }
    return told


def ident(family: Family, thing: Thing) -> str:
    """Return the id that clients see."""
    return family.prefix + thing.id.removeprefix(f"{family.kind}-")


def find(service: Service, family: Family, wanted: object, *, project: str) -> tuple[Config | Target, Body]:
    """Return what a job names: `namespace/name`, an id, `{name, namespace}`, or the whole of it.

    Returns:
        the record to be run, and what the job shows of it.

    Raises:
        InvalidError: it is none of these.
        MissingError: there is none of that name.
    """
    word = family.word.rpartition(" ")[2]
    if isinstance(wanted, str):
        return _stored(family, _named(service, family, wanted, project))
    if not isinstance(wanted, Mapping):
        raise invalid(word, f"`{word}` is a name such as `default/x`, an id, or an object")
    given = cast("Mapping[str, Any]", wanted)
    if "type" not in given and "name" in given and set(given) <= {"name", "namespace"}:
        place = f"{given.get('namespace') or DEFAULT}/{given['name']}"
        return _stored(family, _named(service, family, place, project))
    inline = family.read(dict(given))
    return inline, without_secrets(_kept(described(inline)))


def _stored(family: Family, thing: Thing) -> tuple[Config | Target, Body]:
    return family.read(thing.body), entity(family, thing)


def _named(service: Service, family: Family, text: str, project: str) -> Thing:
    check_values(text)
    last = text.rpartition("/")[2]
    try:
        if last.startswith(family.prefix):
            return service.objects.by_id(
                family.kind, f"{family.kind}-{last.removeprefix(family.prefix)}", project=project
            )
        place = text if "/" in text else f"{DEFAULT}/{text}"
        return service.objects.get(family.kind, place, project=project)
    except MissingError as error:
        found = service.objects.find(
            family.kind, text if "/" in text else f"{DEFAULT}/{text}", project=project
        )
        if found is None:
            raise MissingError(family.word, text) from error
        return found


def without_secrets(value: Any) -> Any:  # noqa: ANN401  JSON
    """Return JSON without any key of an endpoint."""
    if isinstance(value, Mapping):
        members = cast("Mapping[str, Any]", value)
        return {name: without_secrets(each) for name, each in members.items() if name not in _SECRETS}
    if isinstance(value, list):
        return [without_secrets(each) for each in cast("list[object]", value)]
    return value


def unkept(value: Any) -> Any:  # noqa: ANN401  JSON
    """Return JSON in which every key that is written out is masked; references to secrets stay."""
    if isinstance(value, Mapping):
        members = cast("Mapping[str, Any]", value)
        return {name: _masked(each) if name in _SECRETS else unkept(each) for name, each in members.items()}
    if isinstance(value, list):
        return [unkept(each) for each in cast("list[object]", value)]
    return value


def _masked(value: Any) -> Any:  # noqa: ANN401  JSON
    if value is None or (isinstance(value, str) and re.fullmatch(r"\$\{\w+\}", value)):
        return value
    return _NOT_KEPT


def _kept(body: Mapping[str, Any]) -> Body:
    return {name: unkept(value) for name, value in body.items() if name not in _GIVEN}


def _part(text: object, what: str, *, slash: bool = False) -> str:
    if not isinstance(text, str) or not _NAME.fullmatch(text) or ("/" in text and not slash):
        raise invalid(what, f"the {what} is no name: at most 200 characters, no line breaks")
    return text
