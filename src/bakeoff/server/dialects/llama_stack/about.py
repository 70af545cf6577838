"""Who is there: health, version, providers."""

from collections.abc import Iterator

from fastapi import APIRouter

from bakeoff import __version__
from bakeoff.server.dialects.llama_stack.benchmarks import PROVIDER
from bakeoff.server.dialects.llama_stack.bodies import InPath
from bakeoff.server.dialects.llama_stack.catalogue import BASIC, JUDGE
from bakeoff.server.dialects.llama_stack.shapes import (
    Health,
    Provider,
    ProviderList,
    Version,
)
from bakeoff.server.faults import MissingError
from bakeoff.server.http.calls import Reader

_APIS = (
    ("eval", PROVIDER),
    ("scoring", BASIC),
    ("scoring", JUDGE),
    ("datasetio", PROVIDER),
    ("inference", PROVIDER),
)


def health(_caller: Reader) -> Health:
    """Tell that the service lives."""
    return Health()


def version(_caller: Reader) -> Version:
    """Return the version of bakeoff."""
    return Version(version=__version__)


def providers(_caller: Reader) -> ProviderList:
    """Return the parts of the service."""
    return ProviderList(data=list(_providers()))


def provider(provider_id: InPath, _caller: Reader) -> Provider:
    """Return a part of the service."""
    found = next((each for each in _providers() if each.provider_id == provider_id), None)
    if found is None:
        raise MissingError("provider", provider_id)
    return found


def add_routes(router: APIRouter) -> None:
    """Add the routes; newer clients look for them below `/admin`."""
    for base in ("", "/admin"):
        router.get(base + "/health", summary="Health")(health)
        router.get(base + "/version", summary="Version")(version)
        router.get(base + "/providers", summary="List providers")(providers)
        router.get(base + "/providers/{provider_id:path}", summary="One provider")(provider)


def _providers() -> Iterator[Provider]:
    for api, name in _APIS:
        yield Provider(
            api=api, provider_id=name, provider_type=f"inline::{name}", config={}, health={"status": "OK"}
        )
