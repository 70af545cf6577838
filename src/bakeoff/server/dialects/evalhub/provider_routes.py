"""Providers of the EvalHub dialect."""

from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Query, Request, Response
from pydantic import ValidationError

from bakeoff.server.dialects.evalhub import providers
from bakeoff.server.dialects.evalhub.calls import HERE, REFUSALS, Ident, links, shelf_of
from bakeoff.server.dialects.evalhub.errors import invalid
from bakeoff.server.dialects.evalhub.patching import patched
from bakeoff.server.dialects.evalhub.shapes import Patch, ProviderBody, ProviderQuery
from bakeoff.server.dialects.evalhub.shown import ProviderPage, ProviderShown
from bakeoff.server.http.calls import Manager, Reader, Runner, TheService

ROUTER = APIRouter(prefix=f"{HERE}/providers", tags=["evalhub: providers"], responses=REFUSALS)


@ROUTER.get("", summary="List providers", response_model_exclude_unset=True)
def list_providers(
    request: Request, service: TheService, caller: Reader, query: Annotated[ProviderQuery, Query()]
) -> ProviderPage:
    """Return a page of providers: those of the service, then those that were added."""
    shelf = shelf_of(request, service, caller)
    known = [
        each
        for each in providers.all_providers(shelf, full=query.benchmarks)
        if query.name in {None, each.name}
        and query.owner in {None, each.resource.owner}
        and set((query.tags or "").split(",")) - {""} <= set(each.tags or ())
    ]
    return ProviderPage(
        limit=query.limit,
        total_count=len(known),
        items=known[query.offset : query.offset + query.limit],
        **links("providers", query, len(known)),
    )


@ROUTER.post("", status_code=201, summary="Add a provider", response_model_exclude_unset=True)
def create(body: ProviderBody, request: Request, service: TheService, caller: Runner) -> ProviderShown:
    """Keep a provider of somebody else; its benchmarks can be listed, and are refused in jobs."""
    shelf = shelf_of(request, service, caller)
    return providers.add_provider(str(uuid4()), body, shelf, caller)


@ROUTER.get("/{provider}", summary="One provider", response_model_exclude_unset=True)
def get(provider: Ident, request: Request, service: TheService, caller: Reader) -> ProviderShown:
    """Return a provider with its benchmarks."""
    return providers.one_provider(provider, shelf_of(request, service, caller))


@ROUTER.put("/{provider}", summary="Replace a provider", response_model_exclude_unset=True)
def put(
    provider: Ident, body: ProviderBody, request: Request, service: TheService, caller: Runner
) -> ProviderShown:
    """Replace a provider that was added."""
    return providers.set_provider(provider, body, shelf_of(request, service, caller))


@ROUTER.patch("/{provider}", summary="Change a provider", response_model_exclude_unset=True)
def patch(
    provider: Ident, changes: Patch, request: Request, service: TheService, caller: Runner
) -> ProviderShown:
    """Change a provider that was added by a JSON Patch."""
    shelf = shelf_of(request, service, caller)
    providers.check_stored(provider)
    thing = service.objects.get(providers.KIND, provider, project=caller.project)
    try:
        body = ProviderBody.model_validate(patched(thing.body, changes))
    except ValidationError as error:
        raise invalid(error) from error
    return providers.set_provider(provider, body, shelf)


@ROUTER.delete("/{provider}", status_code=204, summary="Forget a provider")
def delete(provider: Ident, service: TheService, caller: Manager) -> Response:
    """Forget a provider that was added."""
    providers.check_stored(provider)
    service.objects.delete(providers.KIND, provider, project=caller.project)
    return Response(status_code=204)
