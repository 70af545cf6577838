"""Collections of the EvalHub dialect."""

from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Body, Query, Request, Response
from pydantic import ValidationError

from bakeoff.server.dialects.evalhub import collected
from bakeoff.server.dialects.evalhub.calls import HERE, REFUSALS, Ident, links, shelf_of
from bakeoff.server.dialects.evalhub.errors import invalid
from bakeoff.server.dialects.evalhub.patching import patched
from bakeoff.server.dialects.evalhub.shapes import CollectionBody, CollectionQuery, Patch, Sent
from bakeoff.server.dialects.evalhub.shown import CollectionPage, CollectionShown
from bakeoff.server.http.calls import Manager, Reader, Runner, TheService

ROUTER = APIRouter(prefix=f"{HERE}/collections", tags=["evalhub: collections"], responses=REFUSALS)


class Nothing(Sent):
    """A body without anything in it."""


@ROUTER.get("", summary="List collections", response_model_exclude_unset=True)
def list_collections(
    request: Request, service: TheService, caller: Reader, query: Annotated[CollectionQuery, Query()]
) -> CollectionPage:
    """Return a page of collections: those of the service, then those that were added."""
    known = [
        each
        for each in collected.all_collections(shelf_of(request, service, caller))
        if query.name in {None, each.name}
        and query.category in {None, each.category}
        and query.owner in {None, each.resource.owner}
        and set((query.tags or "").split(",")) - {""} <= set(each.tags or ())
    ]
    return CollectionPage(
        limit=query.limit,
        total_count=len(known),
        items=known[query.offset : query.offset + query.limit],
        **links("collections", query, len(known)),
    )


@ROUTER.post("", status_code=201, summary="Add a collection", response_model_exclude_unset=True)
def create(body: CollectionBody, request: Request, service: TheService, caller: Runner) -> CollectionShown:
    """Keep a collection. Whether its benchmarks can be run is looked at when a job asks for it."""
    shelf = shelf_of(request, service, caller)
    return collected.add_collection(str(uuid4()), collected.plain(body), caller, shelf)


@ROUTER.get("/{collection}", summary="One collection", response_model_exclude_unset=True)
def get(collection: Ident, request: Request, service: TheService, caller: Reader) -> CollectionShown:
    """Return a collection."""
    return collected.one_collection(collection, shelf_of(request, service, caller))


@ROUTER.put("/{collection}", summary="Replace a collection", response_model_exclude_unset=True)
def put(
    collection: Ident, body: CollectionBody, request: Request, service: TheService, caller: Runner
) -> CollectionShown:
    """Replace a collection that was added."""
    return collected.set_collection(collection, body, shelf_of(request, service, caller))


@ROUTER.patch("/{collection}", summary="Change a collection", response_model_exclude_unset=True)
def patch(
    collection: Ident, changes: Patch, request: Request, service: TheService, caller: Runner
) -> CollectionShown:
    """Change a collection that was added by a JSON Patch."""
    shelf = shelf_of(request, service, caller)
    collected.check_stored(collection, shelf)
    thing = service.objects.get(collected.KIND, collection, project=caller.project)
    kept = {name: value for name, value in thing.body.items() if name != "derived_from"}
    try:
        body = CollectionBody.model_validate(patched(kept, changes))
    except ValidationError as error:
        raise invalid(error) from error
    return collected.set_collection(collection, body, shelf)


@ROUTER.post(
    "/{collection}/clones", status_code=201, summary="Copy a collection", response_model_exclude_unset=True
)
def clone(
    collection: Ident,
    request: Request,
    service: TheService,
    caller: Runner,
    body: Annotated[Nothing | None, Body()] = None,  # noqa: ARG001  it says nothing
) -> CollectionShown:
    """Add a copy that can be changed; `derived_from` names the original."""
    shelf = shelf_of(request, service, caller)
    original = collected.one_collection(collection, shelf)
    copied: dict[str, Any] = original.model_dump(
        mode="json", exclude_none=True, exclude={"resource", "derived_from"}
    )
    return collected.add_collection(str(uuid4()), {**copied, "derived_from": collection}, caller, shelf)


@ROUTER.delete("/{collection}", status_code=204, summary="Forget a collection")
def delete(collection: Ident, request: Request, service: TheService, caller: Manager) -> Response:
    """Forget a collection that was added."""
    collected.check_stored(collection, shelf_of(request, service, caller))
    service.objects.delete(collected.KIND, collection, project=caller.project)
    return Response(status_code=204)
