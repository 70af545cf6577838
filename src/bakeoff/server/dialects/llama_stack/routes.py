"""The routes of the Llama Stack dialect, under every prefix that a release of it has used."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.routing import APIRoute

from bakeoff.server.dialects.llama_stack import about, benchmarks, datasets, jobs, models, scoring
from bakeoff.server.dialects.llama_stack.benchmarks import PROVIDER
from bakeoff.server.dialects.llama_stack.shapes import ERRORS, RouteList, RouteShown
from bakeoff.server.http.calls import Reader

PREFIXES = ("/v1", "/v1alpha", "/v1beta", "")
_SHOWN = "/v1"
Filter = Annotated[Literal["v1", "v1alpha", "v1beta", "deprecated"] | None, Query()]


def list_routes(_caller: Reader, api_filter: Filter = None) -> RouteList:
    """Return the routes of this dialect; `deprecated` are those without a version."""
    found = [
        RouteShown(route=each.path, method=method, provider_types=[f"inline::{PROVIDER}"])
        for prefix, router in zip(PREFIXES, ROUTERS, strict=True)
        if api_filter is None or api_filter == (prefix.removeprefix("/") or "deprecated")
        for each in router.routes
        if isinstance(each, APIRoute)
        for method in sorted(each.methods or ())
    ]
    return RouteList(data=found)


def _router(prefix: str) -> APIRouter:
    # The other prefixes say the same once more, so the API's own description leaves them out.
    router = APIRouter(
        prefix=prefix, tags=["llama stack"], responses=ERRORS, include_in_schema=prefix == _SHOWN
    )
    # Names have slashes in them: a longer path must be tried before a shorter one.
    for part in (jobs, benchmarks, scoring, datasets, models, about):
        part.add_routes(router)
    for path in ("/inspect/routes", "/admin/inspect/routes"):
        router.get(path, summary="List routes")(list_routes)
    return router


ROUTERS: tuple[APIRouter, ...] = tuple(_router(prefix) for prefix in PREFIXES)
