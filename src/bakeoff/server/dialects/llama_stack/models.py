"""Models: registered targets under the names that clients give them."""

from typing import Any

import msgspec
from fastapi import APIRouter

from bakeoff.server.access import Principal
from bakeoff.server.dialects.llama_stack.benchmarks import PROVIDER
from bakeoff.server.dialects.llama_stack.bodies import InPath, NewModel
from bakeoff.server.dialects.llama_stack.shapes import ModelList, ModelShown
from bakeoff.server.faults import MissingError, RefusedError
from bakeoff.server.http.calls import Manager, Reader, TheService
from bakeoff.server.jobs.job import NewJob
from bakeoff.server.secret_values import REFERENCE
from bakeoff.server.service import Service
from bakeoff.server.specs.drafts import draft
from bakeoff.server.specs.references import TARGET
from bakeoff.server.store.objects import Thing
from bakeoff.spec.foreign import slug

CARD = "llama_stack.model"
_OF_TARGET = ("endpoint", "api_key", "provider", "price", "params", "stream", "engine", "precision")


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """What this dialect knows of a model beside its target."""

    provider_id: str = PROVIDER
    provider_resource_id: str = ""
    metadata: dict[str, Any] = {}


def list_all(service: TheService, caller: Reader) -> ModelList:
    """Return all models, those of other dialects too."""
    found = service.objects.all(TARGET, project=caller.project)
    return ModelList(data=[_shown(service, thing) for thing in found])


def get(model_id: InPath, service: TheService, caller: Reader) -> ModelShown:
    """Return a model."""
    return _shown(service, _model(service, model_id, caller))


def register(body: NewModel, service: TheService, caller: Manager) -> ModelShown:
    """Keep a model: another name for a registered one, or one at the `endpoint` in its `metadata`.

    A key for the endpoint is `api_key` in the metadata, as `${NAME}` of a secret that the server offers.
    """
    if body.model_type == "embedding":
        raise RefusedError("model_type: `embedding` models are not evaluated")
    metadata = dict(body.metadata or {})
    target = _target(body, metadata, service, caller)
    thing = service.objects.put(TARGET, body.model_id, target, project=caller.project, owner=caller.name)
    card = Card(
        provider_id=body.provider_id or PROVIDER,
        provider_resource_id=body.provider_model_id or body.model_id,
        metadata=metadata,
    )
    service.objects.put(
        CARD, body.model_id, msgspec.to_builtins(card), project=caller.project, owner=caller.name
    )
    return _shown(service, thing)


def unregister(model_id: InPath, service: TheService, caller: Manager) -> None:
    """Forget a model; runs that were submitted with it keep their copy."""
    _model(service, model_id, caller)
    service.objects.delete(TARGET, model_id, project=caller.project)
    if service.objects.find(CARD, model_id, project=caller.project) is not None:
        service.objects.delete(CARD, model_id, project=caller.project)


def add_routes(router: APIRouter) -> None:
    """Add the routes."""
    router.get("/models", summary="List models")(list_all)
    router.post("/models", summary="Register a model")(register)
    router.get("/models/{model_id:path}", summary="One model")(get)
    router.delete("/models/{model_id:path}", summary="Forget a model")(unregister)


def _model(service: Service, name: str, caller: Principal) -> Thing:
    if (found := service.objects.find(TARGET, name, project=caller.project)) is None:
        raise MissingError("model", name)
    return found


def _target(body: NewModel, metadata: dict[str, Any], service: Service, caller: Principal) -> dict[str, Any]:
    """Return the target of a model, and take what belongs to it out of the metadata."""
    named = body.provider_model_id or body.model_id
    if "endpoint" not in metadata:
        found = service.objects.find(TARGET, named, project=caller.project)
        if found is None:
            raise RefusedError(
                f"Model '{named}' is not registered, and `metadata` names no `endpoint` for it",
                hint='such as {"endpoint": "http://127.0.0.1:8000/v1"}',
            )
        return {"model": found.name, **found.body}
    target = {key: metadata.pop(key) for key in _OF_TARGET if key in metadata}
    key = target.get("api_key")
    if key is not None and not (isinstance(key, str) and REFERENCE.fullmatch(key)):
        raise RefusedError(
            "metadata.api_key: a secret is not written out",
            hint="give the name of one that the server offers: `${NAME}`",
        )
    target["model"] = named
    new = NewJob(name="draft", document={"models": [{"name": slug(body.model_id, "model"), **target}]})
    with draft(service, new, caller):
        return target


def _shown(service: Service, thing: Thing) -> ModelShown:
    found = service.objects.find(CARD, thing.name, project=thing.project)
    card = Card() if found is None else msgspec.convert(found.body, Card)
    resource = card.provider_resource_id or str(thing.body.get("model") or thing.name)
    custom = {"model_type": "llm", "provider_id": card.provider_id, "provider_resource_id": resource}
    return ModelShown(
        identifier=thing.name,
        provider_id=card.provider_id,
        provider_resource_id=resource,
        model_type="llm",
        metadata=card.metadata,
        id=thing.name,
        created=thing.created_at // 1_000_000,
        owned_by=card.provider_id,
        custom_metadata=card.metadata | custom,
    )
