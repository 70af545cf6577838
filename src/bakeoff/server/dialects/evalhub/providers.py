"""Providers: our own, which run here, and those of somebody else, which are kept and shown."""

from collections.abc import Mapping
from typing import Any

from bakeoff.plugins import suggest
from bakeoff.server.access import Principal
from bakeoff.server.borrowed import Section
from bakeoff.server.dialects.evalhub import harness_tasks, native, speed
from bakeoff.server.dialects.evalhub.errors import HubError
from bakeoff.server.dialects.evalhub.native import Shelf
from bakeoff.server.dialects.evalhub.shapes import Benchmark, Chosen, ProviderBody
from bakeoff.server.dialects.evalhub.shown import ProviderShown, Resource
from bakeoff.server.store.objects import Thing
from bakeoff.server.times import iso

KIND = "evalhub.provider"
_OURS = {
    native.NAME: (
        "bakeoff",
        "Benchmarks and data sets of this service: built in, or registered in any of its dialects.",
    ),
    harness_tasks.NAME: (
        "LM Evaluation Harness",
        "Tasks of lm-eval by their names, asked by bakeoff's own client, over data that this machine has.",
    ),
    speed.NAME: (
        "GuideLLM",
        "Profiles of GuideLLM, sent by bakeoff's own loads and measured by its own client.",
    ),
}


def all_providers(shelf: Shelf, *, full: bool = True) -> list[ProviderShown]:
    """Return our providers, then the stored ones, newest first; without `full`, without benchmarks."""
    stored = shelf.service.objects.all(KIND, project=shelf.project)
    found = [_own(name, shelf, full=full) for name in _OURS]
    return found + [_stored(each, full=full) for each in reversed(stored)]


def one_provider(name: str, shelf: Shelf) -> ProviderShown:
    """Return a provider.

    Raises:
        MissingError: there is none of that id.
    """
    if name in _OURS:
        return _own(name, shelf)
    return _stored(shelf.service.objects.get(KIND, name, project=shelf.project))


def add_provider(name: str, body: ProviderBody, shelf: Shelf, caller: Principal) -> ProviderShown:
    """Keep a provider under a new id."""
    found = shelf.service.objects.put(
        KIND, name, plain(body), project=caller.project, owner=caller.name, new=True
    )
    return _stored(found)


def set_provider(name: str, body: ProviderBody, shelf: Shelf) -> ProviderShown:
    """Replace a stored provider.

    Raises:
        MissingError: there is none of that id.
        HubError: it is one of ours.
    """
    check_stored(name)
    return _stored(shelf.service.objects.update(KIND, name, plain(body), project=shelf.project))


def check_stored(name: str) -> None:
    """Refuse to change one of our own providers.

    Raises:
        HubError: it is one of ours.
    """
    if name in _OURS:
        raise HubError("provider_read_only", f"The provider '{name}' belongs to the service.")


def plain(body: ProviderBody) -> dict[str, Any]:
    """Return a body as it is stored."""
    return body.model_dump(mode="json", exclude_none=True)


def described(chosen: Chosen, shelf: Shelf) -> Benchmark | None:
    """Return what a provider of ours says of a benchmark, None for one that is not listed.

    Raises:
        MissingError: there is no such provider.
    """
    provider = one_provider(chosen.provider_id, shelf)
    return next((each for each in provider.benchmarks or () if each.id == chosen.id), None)


def section_of(chosen: Chosen, shelf: Shelf, where: str) -> Section:
    """Return a benchmark of a job as a section of its spec.

    Raises:
        MissingError: there is no such provider.
        HubError: there is no such benchmark, it is not run here, or a parameter has no place.
    """
    name, parameters = chosen.id, chosen.parameters
    here = f"{where}.parameters"
    found = _made(chosen.provider_id, name, parameters, shelf, here)
    if found is not None:
        return found
    provider = one_provider(chosen.provider_id, shelf)
    known = [each.id for each in provider.benchmarks or ()]
    if chosen.provider_id not in _OURS and name in known:
        raise HubError(
            "not_supported",
            f"{where}: the provider '{chosen.provider_id}' runs by an adapter of its own, and this service "
            "starts no adapters",
            hint=f"its own providers are {', '.join(_OURS)}",
        )
    raise HubError(
        "resource_does_not_exist",
        f"The benchmark with id '{name}' does not exist.{suggest(name, known)}",
    )


def _made(
    provider: str, name: str, parameters: Mapping[str, Any], shelf: Shelf, where: str
) -> Section | None:
    if provider == native.NAME:
        return native.section(name, parameters, shelf, where)
    if provider == harness_tasks.NAME:
        return harness_tasks.section(name, parameters, where)
    return speed.section(name, parameters, where) if provider == speed.NAME else None


def _own(name: str, shelf: Shelf, *, full: bool = True) -> ProviderShown:
    title, text = _OURS[name]
    benchmarks: list[Benchmark] = []
    if full and name == native.NAME:
        benchmarks = native.benchmarks(shelf)
    elif full:
        tasks = name == harness_tasks.NAME
        benchmarks = harness_tasks.benchmarks(shelf.service.settings) if tasks else speed.benchmarks()
    return ProviderShown(
        resource=Resource(id=name, created_at=iso(0) or "", owner="system"),
        name=name,
        title=title,
        description=text,
        tags=["builtin"],
        benchmarks=benchmarks,
    )


def _stored(thing: Thing, *, full: bool = True) -> ProviderShown:
    body: dict[str, Any] = {"title": "", "benchmarks": [], **thing.body}
    if not full:
        body["benchmarks"] = []
    return ProviderShown(
        resource=Resource(
            id=thing.name,
            tenant=thing.project,
            owner=thing.owner,
            created_at=iso(thing.created_at) or "",
            updated_at=iso(thing.updated_at) or "",
        ),
        **body,
    )
