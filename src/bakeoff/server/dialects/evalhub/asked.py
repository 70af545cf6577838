"""Jobs as clients ask for them, to jobs as the service runs them: one run, one benchmark for each entry."""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from bakeoff.server.dialects.evalhub.collected import chosen_of, one_collection
from bakeoff.server.dialects.evalhub.errors import HubError
from bakeoff.server.dialects.evalhub.native import Shelf
from bakeoff.server.dialects.evalhub.parameters import sampling
from bakeoff.server.dialects.evalhub.providers import described, section_of
from bakeoff.server.dialects.evalhub.shapes import Chosen, Criteria, JobBody, Model
from bakeoff.server.jobs.job import NewJob
from bakeoff.server.secret_values import REFERENCE, is_offered
from bakeoff.server.specs.references import TARGET

DIALECT = "evalhub"
_KEY = "api-key"
"""What EvalHub calls the entry of a mounted secret that holds the key of a model."""
_LONGEST = 60


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One benchmark of a job, as its answers need it.

    Attributes:
        label: its name in the run.
        metric: the metric that stands for it; empty for none.
    """

    id: str
    provider: str
    label: str
    weight: float = 1.0
    metric: str = ""
    lower: bool = False
    threshold: float | None = None


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A job's own request, and what was made of it.

    Attributes:
        request: the body without what was left out.
        threshold: what the whole job has to reach, of its own or of its collection.
    """

    request: dict[str, Any]
    parts: list[Part]
    threshold: float | None = None


def new_job(body: JobBody, shelf: Shelf, key: str | None) -> NewJob:
    """Return the job that a body asks for.

    Raises:
        MissingError: there is no such provider or collection.
        HubError: something that is not offered, or not known, by its name.
    """
    _check_offered(body)
    chosen, criteria = _chosen(body, shelf)
    files: dict[str, bytes] = {}
    sections: list[dict[str, Any]] = []
    parts: list[Part] = []
    common = sampling(body.model.parameters, "model.parameters")
    for at, each in enumerate(chosen):
        _check_part(each, f"benchmarks[{at}]")
        found = section_of(each, shelf, f"benchmarks[{at}]")
        part = _part(each, shelf, [*parts])
        params = common | dict(found.section.get("params") or {})
        sections.append({**found.section, "name": part.label, **({"params": params} if params else {})})
        files |= found.files
        parts.append(part)
    wanted = Wanted(
        request=body.model_dump(mode="json", exclude_unset=True),
        parts=parts,
        threshold=None if criteria is None else criteria.threshold,
    )
    return NewJob(
        name=body.name,
        document={"name": "evaluation", "models": [_model(body.model, shelf)], "benchmarks": sections},
        dialect=DIALECT,
        files=files,
        asked=msgspec.to_builtins(wanted),
        subject="" if body.collection is None else body.collection.id,
        idempotency_key=key,
    )


def _check_offered(body: JobBody) -> None:
    for name, given, why in (
        ("experiment", body.experiment, "this service tracks no experiments in MLflow"),
        ("exports", body.exports, "this service pushes no OCI artifacts"),
        ("queue", body.queue, "this service has one queue of its own"),
    ):
        if any(value not in (None, {}, []) for value in (given or {}).values()):
            raise HubError("not_supported", f"{name}: {why}", hint=f"leave `{name}` out")
    if body.benchmarks and body.collection is not None:
        raise HubError("request_validation_failed", "a job has `benchmarks` or a `collection`, not both")


def _chosen(body: JobBody, shelf: Shelf) -> tuple[list[Chosen], Criteria | None]:
    """Return the benchmarks of a job, and what it has to reach."""
    if body.collection is None:
        if not body.benchmarks:
            raise HubError(
                "request_validation_failed",
                "The request validation failed: 'benchmarks' needs minimum one benchmark, or a collection.",
            )
        return body.benchmarks, body.pass_criteria
    collection = one_collection(body.collection.id, shelf)
    criteria = body.pass_criteria or collection.pass_criteria
    whole = chosen_of(collection)
    if body.collection.benchmarks is None:
        return whole, criteria
    return [_of_collection(each, whole, collection.name) for each in body.collection.benchmarks], criteria


def _of_collection(asked: Chosen, whole: Sequence[Chosen], collection: str) -> Chosen:
    """Return a collection's benchmark with what the job says otherwise."""
    for each in whole:
        if (each.id, each.provider_id) == (asked.id, asked.provider_id):
            said = asked.model_dump(exclude_unset=True)
            said["parameters"] = each.parameters | asked.parameters
            return Chosen.model_validate(each.model_dump(exclude_unset=True) | said)
    raise HubError(
        "resource_does_not_exist",
        f"The benchmark with id '{asked.id}' does not exist in the collection '{collection}'.",
    )


def _check_part(chosen: Chosen, where: str) -> None:
    if chosen.test_data_ref:
        raise HubError(
            "not_supported",
            f"{where}.test_data_ref: this service fetches no data from buckets, volumes or hubs",
            hint="upload the rows as a data set",
        )
    if chosen.hardware_config:
        raise HubError("not_supported", f"{where}.hardware_config: this service schedules no hardware")


def _part(chosen: Chosen, shelf: Shelf, before: Sequence[Part]) -> Part:
    told = described(chosen, shelf)
    primary = chosen.primary_score or (None if told is None else told.primary_score)
    criteria = chosen.pass_criteria or (None if told is None else told.pass_criteria)
    if primary is None and criteria is not None:
        raise HubError(
            "request_validation_failed",
            f"benchmark '{chosen.id}': `pass_criteria` needs a `primary_score` that it is about",
        )
    return Part(
        id=chosen.id,
        provider=chosen.provider_id,
        label=_label(chosen.id, {each.label for each in before}),
        weight=1.0 if chosen.weight is None else chosen.weight,
        metric="" if primary is None else primary.metric,
        lower=primary is not None and primary.lower_is_better,
        threshold=None if criteria is None else criteria.threshold,
    )


def _model(model: Model, shelf: Shelf) -> dict[str, Any] | str:
    if not model.url:
        if shelf.service.objects.find(TARGET, model.name, project=shelf.project) is None:
            raise HubError(
                "model_url_required",
                "The model URL is required.",
                hint=f"or register a target called '{model.name}'",
            )
        if model.auth is not None:
            raise HubError("request_validation_failed", "model.auth: a registered target has its own")
        return model.name
    made: dict[str, Any] = {"name": _label(model.name, ()), "endpoint": model.url, "model": model.name}
    if model.auth is not None:
        secret = model.auth.secret_ref
        if not REFERENCE.fullmatch("${" + secret + "}"):
            raise HubError(
                "request_validation_failed",
                f"model.auth.secret_ref: '{secret[:80]}' is no name of a secret of this server",
                hint="letters, digits, `_`, `-` and `.`, as whoever runs the server offers it",
            )
        named = f"{secret}/{_KEY}"
        made["api_key"] = "${" + (named if is_offered(named, shelf.service.settings) else secret) + "}"
    return made


def _label(name: str, taken: Sequence[str] | set[str]) -> str:
    """Return a name that a spec takes and nothing else in it has."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("._-")[:_LONGEST].strip("._-") or "benchmark"
    label, number = plain, 1
    while label in taken:
        number += 1
        label = f"{plain}-{number}"
    return label
