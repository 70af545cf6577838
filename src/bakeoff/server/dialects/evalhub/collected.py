"""Collections: benchmarks with weights and thresholds. Ours hold only what can run here."""

from typing import Any

from bakeoff.server.access import Principal
from bakeoff.server.dialects.evalhub import harness_tasks, native, speed
from bakeoff.server.dialects.evalhub.errors import HubError
from bakeoff.server.dialects.evalhub.native import Shelf
from bakeoff.server.dialects.evalhub.shapes import Chosen, CollectionBody
from bakeoff.server.dialects.evalhub.shown import CollectionShown, Part, Resource
from bakeoff.server.store.objects import Thing
from bakeoff.server.times import iso

KIND = "evalhub.collection"


def all_collections(shelf: Shelf) -> list[CollectionShown]:
    """Return our collections, then the stored ones, newest first."""
    stored = shelf.service.objects.all(KIND, project=shelf.project)
    return [*_ours(shelf).values(), *(_stored(each) for each in reversed(stored))]


def one_collection(name: str, shelf: Shelf) -> CollectionShown:
    """Return a collection.

    Raises:
        MissingError: there is none of that id.
    """
    ours = _ours(shelf).get(name)
    return ours if ours is not None else _stored(shelf.service.objects.get(KIND, name, project=shelf.project))


def add_collection(name: str, body: dict[str, Any], caller: Principal, shelf: Shelf) -> CollectionShown:
    """Keep a collection under a new id."""
    found = shelf.service.objects.put(KIND, name, body, project=caller.project, owner=caller.name, new=True)
    return _stored(found)


def set_collection(name: str, body: CollectionBody, shelf: Shelf) -> CollectionShown:
    """Replace a stored collection.

    Raises:
        MissingError: there is none of that id.
        HubError: it is one of ours.
    """
    check_stored(name, shelf)
    return _stored(shelf.service.objects.update(KIND, name, plain(body), project=shelf.project))


def check_stored(name: str, shelf: Shelf) -> None:
    """Refuse to change one of our own collections.

    Raises:
        HubError: it is one of ours.
    """
    if name in _ours(shelf):
        raise HubError(
            "collection_read_only",
            f"The collection '{name}' belongs to the service.",
            hint=f"clone it: POST /api/v1/evaluations/collections/{name}/clones",
        )


def plain(body: CollectionBody) -> dict[str, Any]:
    """Return a body as it is stored."""
    return body.model_dump(mode="json", exclude_none=True)


def chosen_of(collection: CollectionShown) -> list[Chosen]:
    """Return a collection's benchmarks as those of a job."""
    return [Chosen.model_validate(part.model_dump(exclude_none=True)) for part in collection.benchmarks]


def _ours(shelf: Shelf) -> dict[str, CollectionShown]:
    found = {
        "quick-check": _own(
            "quick-check",
            "Quick check",
            "Does the model answer plain questions, and how fast? A minute on a small model.",
            "general",
            [
                {
                    "id": "basics",
                    "provider_id": native.NAME,
                    "primary_score": {"metric": "accuracy"},
                },
            ],
        ),
        "serving-speed": _own(
            "serving-speed",
            "Serving speed",
            "One request at a time, then four, then as many as the server takes.",
            "performance",
            [
                _timed("synchronous", {"max_requests": 20}),
                _timed("concurrent", {"rate": 4, "max_requests": 40}),
                _timed("throughput", {"max_requests": 60}),
            ],
        ),
    }
    tasks = harness_tasks.benchmarks(shelf.service.settings)
    if tasks:
        parts: list[dict[str, Any]] = [
            {
                "id": task.id,
                "provider_id": harness_tasks.NAME,
                "primary_score": {"metric": task.primary_score.metric if task.primary_score else "accuracy"},
            }
            for task in tasks
        ]
        text = "The well-known tasks of lm-eval whose data this machine has."
        found["lm-eval-here"] = _own("lm-eval-here", "lm-eval tasks", text, "general", parts)
    return found


def _timed(profile: str, parameters: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": profile,
        "provider_id": speed.NAME,
        "primary_score": {"metric": "success_rate"},
        "parameters": parameters,
    }


def _own(name: str, title: str, text: str, category: str, parts: list[dict[str, Any]]) -> CollectionShown:
    return CollectionShown(
        resource=Resource(id=name, created_at=iso(0) or "", owner="system", read_only=True),
        name=title,
        description=text,
        category=category,
        tags=["builtin"],
        benchmarks=[Part.model_validate({"weight": 1.0, **each}) for each in parts],
    )


def _stored(thing: Thing) -> CollectionShown:
    body: dict[str, Any] = {"description": "", **thing.body}
    parts = [Part.model_validate({"weight": 1.0, **each}) for each in body.pop("benchmarks")]
    return CollectionShown(
        resource=Resource(
            id=thing.name,
            tenant=thing.project,
            owner=thing.owner,
            created_at=iso(thing.created_at) or "",
            updated_at=iso(thing.updated_at) or "",
        ),
        benchmarks=parts,
        **body,
    )
