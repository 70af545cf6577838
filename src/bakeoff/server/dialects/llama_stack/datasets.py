"""Data sets: register, list, look, forget, read rows, add rows."""

from typing import Annotated, Any, cast

import msgspec
from fastapi import APIRouter, Query

from bakeoff.server.access import Principal
from bakeoff.server.dialects.llama_stack.benchmarks import PROVIDER
from bakeoff.server.dialects.llama_stack.bodies import InPath, NewDataset, NewRows
from bakeoff.server.dialects.llama_stack.shapes import DatasetList, DatasetShown, RowPage
from bakeoff.server.dialects.llama_stack.sources import (
    Row,
    all_rows,
    get_dataset,
    keep_rows,
    new_name,
    rows_at,
)
from bakeoff.server.faults import RefusedError
from bakeoff.server.http.calls import Manager, Reader, Runner, TheService
from bakeoff.server.service import Service
from bakeoff.server.specs.datasets import delete_dataset, rows_of
from bakeoff.server.specs.references import DATASET
from bakeoff.server.store.objects import Thing

CARD = "llama_stack.dataset"
_FEW = 100
_SHORT = 2000


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """What this dialect knows of a data set beside its rows; `uri` is where they came from."""

    purpose: str = "eval/messages-answer"
    provider_id: str = PROVIDER
    provider_resource_id: str = ""
    metadata: dict[str, Any] = {}
    uri: str = ""


def register(body: NewDataset, service: TheService, caller: Runner) -> DatasetShown:
    """Read the rows and keep them under a name; a data set of that name gets a further version."""
    name = body.dataset_id or new_name("dataset")
    uri, rows = _source(body, service, caller)
    thing = keep_rows(service, name, rows, caller)
    card = Card(
        purpose=body.purpose,
        provider_id=body.provider_id or PROVIDER,
        provider_resource_id=body.provider_dataset_id or name,
        metadata=(body.metadata or {})
        | ({"dataset_schema": body.dataset_schema} if body.dataset_schema else {}),
        uri=uri if len(uri) <= _SHORT else "",
    )
    service.objects.put(CARD, name, msgspec.to_builtins(card), project=caller.project, owner=caller.name)
    return _shown(service, thing)


def list_all(service: TheService, caller: Reader) -> DatasetList:
    """Return all data sets, those of other dialects too."""
    found = service.objects.all(DATASET, project=caller.project)
    return DatasetList(data=[_shown(service, thing) for thing in found])


def get(dataset_id: InPath, service: TheService, caller: Reader) -> DatasetShown:
    """Return a data set."""
    return _shown(service, get_dataset(service, dataset_id, caller))


def unregister(dataset_id: InPath, service: TheService, caller: Manager) -> None:
    """Forget a data set with all its versions; runs have their own copies."""
    get_dataset(service, dataset_id, caller)
    delete_dataset(service, dataset_id, caller)
    if service.objects.find(CARD, dataset_id, project=caller.project) is not None:
        service.objects.delete(CARD, dataset_id, project=caller.project)


def iterrows(
    dataset_id: InPath,
    service: TheService,
    caller: Reader,
    start_index: Annotated[int | None, Query(ge=0, le=2**53)] = None,
    limit: Annotated[int | None, Query(ge=-1, le=2**53, description="-1 for all rows")] = None,
) -> RowPage:
    """Return rows from an index on."""
    thing = get_dataset(service, dataset_id, caller)
    start, most = start_index or 0, service.settings.most_rows
    wanted = most if limit is None or limit < 0 else min(limit, most)
    found = rows_of(service, thing, offset=min(start, most), limit=wanted + 1)
    return RowPage(data=[case.fields for case in found[:wanted]], has_more=len(found) > wanted)


def append_rows(dataset_id: InPath, body: NewRows, service: TheService, caller: Runner) -> None:
    """Add rows at the end, as a further version; runs under way keep what they began with."""
    keep_rows(service, dataset_id, [*all_rows(service, dataset_id, caller), *body.rows], caller)


def add_routes(router: APIRouter) -> None:
    """Add the routes."""
    router.post("/datasets", summary="Register a data set")(register)
    router.get("/datasets", summary="List data sets")(list_all)
    router.get("/datasets/{dataset_id:path}", summary="One data set")(get)
    router.delete("/datasets/{dataset_id:path}", summary="Forget a data set")(unregister)
    router.get("/datasetio/iterrows/{dataset_id:path}", summary="Rows of a data set")(iterrows)
    router.post("/datasetio/append-rows/{dataset_id:path}", summary="Add rows to a data set")(append_rows)


def _source(body: NewDataset, service: Service, caller: Principal) -> tuple[str, list[Row]]:
    source = body.source if body.source is not None else body.url
    if source is None:
        raise RefusedError("body.source: Field required")
    if unknown := set(source) - {"type", "uri", "rows"}:
        raise RefusedError(f"source: `{min(unknown)}` is no key of a source")
    rows, uri = source.get("rows"), source.get("uri")
    given = cast("list[object]", rows) if isinstance(rows, list) else []
    if given and all(isinstance(row, dict) for row in given) and uri is None:
        return "", cast("list[Row]", given)
    if isinstance(uri, str) and rows is None:
        return uri, rows_at(service, uri, caller)
    raise RefusedError(
        "source: needs a `uri`, or `rows` that are objects", hint='such as {"type": "rows", "rows": [{...}]}'
    )


def _shown(service: Service, thing: Thing) -> DatasetShown:
    found = service.objects.find(CARD, thing.name, project=thing.project)
    card = Card() if found is None else msgspec.convert(found.body, Card)
    return DatasetShown(
        identifier=thing.name,
        provider_id=card.provider_id,
        provider_resource_id=card.provider_resource_id or thing.name,
        purpose=card.purpose,
        source=_origin(service, thing, card),
        metadata=card.metadata,
    )


def _origin(service: Service, thing: Thing, card: Card) -> dict[str, Any]:
    """Return where rows came from: few rows stand here themselves, of many it is said where to read them."""
    if card.uri:
        return {"type": "uri", "uri": card.uri}
    if thing.body.get("rows", _FEW + 1) <= _FEW:
        found = rows_of(service, thing, offset=0, limit=_FEW)
        return {"type": "rows", "rows": [case.fields for case in found]}
    return {"type": "uri", "uri": f"/v1beta/datasetio/iterrows/{thing.name}"}
