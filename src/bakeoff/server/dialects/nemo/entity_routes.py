"""Configurations and targets: create, list, read, change, delete."""

from fastapi import APIRouter
from starlette.requests import Request

from bakeoff.server.dialects.nemo import lists
from bakeoff.server.dialects.nemo.asking import EntityName, JsonBody, Namespace, Told, deleted
from bakeoff.server.dialects.nemo.entities import CONFIGS, TARGETS, change, create, entity, ident
from bakeoff.server.dialects.nemo.errors import refusals
from bakeoff.server.http.calls import Manager, Reader, Runner, TheService

ROUTER = APIRouter(prefix="/v1/evaluation", tags=["NeMo Evaluator"], responses=refusals())
_LISTED = {"parameters": lists.PARAMETERS}
_FILTERS = ("created_at", "custom_fields", "name", "namespace", "project", "type")


@ROUTER.post("/configs", summary="Store a configuration", responses=refusals(409))
def create_config(body: JsonBody, service: TheService, caller: Runner) -> Told:
    """Check a configuration's form and store it; one of the same name is refused."""
    return create(service, CONFIGS, body, caller)


@ROUTER.get("/configs", summary="List configurations", openapi_extra=_LISTED)
def list_configs(request: Request, service: TheService, caller: Reader) -> Told:
    """Return a page of configurations, filtered and sorted."""
    asked = lists.wanted(request, _FILTERS)
    found = service.objects.all(CONFIGS.kind, project=caller.project)
    return lists.page((entity(CONFIGS, thing) for thing in found), asked)


@ROUTER.get("/configs/{namespace}/{name:path}", summary="One configuration", responses=refusals(404))
def get_config(namespace: Namespace, name: EntityName, service: TheService, caller: Reader) -> Told:
    """Return a configuration."""
    return entity(CONFIGS, service.objects.get(CONFIGS.kind, f"{namespace}/{name}", project=caller.project))


@ROUTER.patch("/configs/{namespace}/{name:path}", summary="Change a configuration", responses=refusals(404))
def change_config(
    namespace: Namespace, name: EntityName, body: JsonBody, service: TheService, caller: Manager
) -> Told:
    """Change the fields of a configuration that the body names; jobs keep what they began with."""
    return change(service, CONFIGS, f"{namespace}/{name}", body, caller)


@ROUTER.delete("/configs/{namespace}/{name:path}", summary="Delete a configuration", responses=refusals(404))
def delete_config(namespace: Namespace, name: EntityName, service: TheService, caller: Manager) -> Told:
    """Forget a configuration; jobs keep what they began with."""
    found = service.objects.get(CONFIGS.kind, f"{namespace}/{name}", project=caller.project)
    service.objects.delete(CONFIGS.kind, found.name, project=caller.project)
    return deleted(ident(CONFIGS, found))


@ROUTER.post("/targets", summary="Store a target", responses=refusals(409))
def create_target(body: JsonBody, service: TheService, caller: Manager) -> Told:
    """Check a target's form and store it, without any key that is written out."""
    return create(service, TARGETS, body, caller)


@ROUTER.get("/targets", summary="List targets", openapi_extra=_LISTED)
def list_targets(request: Request, service: TheService, caller: Reader) -> Told:
    """Return a page of targets, filtered and sorted."""
    asked = lists.wanted(request, (*_FILTERS, "model"))
    found = service.objects.all(TARGETS.kind, project=caller.project)
    return lists.page((entity(TARGETS, thing) for thing in found), asked)


@ROUTER.get("/targets/{namespace}/{name:path}", summary="One target", responses=refusals(404))
def get_target(namespace: Namespace, name: EntityName, service: TheService, caller: Reader) -> Told:
    """Return a target, without its key."""
    return entity(TARGETS, service.objects.get(TARGETS.kind, f"{namespace}/{name}", project=caller.project))


@ROUTER.patch("/targets/{namespace}/{name:path}", summary="Change a target", responses=refusals(404))
def change_target(
    namespace: Namespace, name: EntityName, body: JsonBody, service: TheService, caller: Manager
) -> Told:
    """Change the fields of a target that the body names; jobs keep what they began with."""
    return change(service, TARGETS, f"{namespace}/{name}", body, caller)


@ROUTER.delete("/targets/{namespace}/{name:path}", summary="Delete a target", responses=refusals(404))
def delete_target(namespace: Namespace, name: EntityName, service: TheService, caller: Manager) -> Told:
    """Forget a target; jobs keep what they began with."""
    found = service.objects.get(TARGETS.kind, f"{namespace}/{name}", project=caller.project)
    service.objects.delete(TARGETS.kind, found.name, project=caller.project)
    return deleted(ident(TARGETS, found))
