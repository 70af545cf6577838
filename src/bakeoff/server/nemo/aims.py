"""What a NeMo target is here: a model of a spec, or answers that are there already."""

from typing import Any

import msgspec

from bakeoff.server.endpoints import check_endpoint
from bakeoff.server.faults import MissingError
from bakeoff.server.nemo.metrics import judge_endpoint
from bakeoff.server.nemo.shapes import Endpoint, Target, invalid, read
from bakeoff.server.nemo.sources import Row, Rows
from bakeoff.server.service import Service
from bakeoff.server.specs.references import TARGET
from bakeoff.spec.foreign import slug

_ANSWERS = ("output_text", "output", "response", "generated_answer")
_MODEL_KEYS = frozenset(
    {"id", "name", "namespace", "description", "project", "ownership", "custom_fields", "created_at"}
    | {"updated_at", "schema_version", "type_prefix", "version_id", "version_tags", "api_endpoint"}
)


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """A row, and the answer that somebody gave to it, None where there is none."""

    row: Row
    answer: str | None = None


class Aim(msgspec.Struct, frozen=True, kw_only=True):
    """What is evaluated: a model, or answers.

    Attributes:
        model: an entry of a spec's `models`, or the name of a registered target; None for answers.
        form: what the address of the model wants; None where it does not tell.
        answers: in their order.
    """

    model: dict[str, Any] | str | None = None
    form: str | None = None
    answers: list[Answered] | None = None


def aim_of(service: Service, target: Target, *, project: str) -> Aim:
    """Return what a target stands for, all its rows read.

    Raises:
        InvalidError: its type or a part of it is not offered, by name.
        MissingError: it names a model that is not registered.
        RefusedError: its address is not allowed.
    """
    kind = target.type
    if kind == "model":
        return _model(service, target, project)
    rows = Rows(service, project)
    if kind == "rows":
        if not target.rows:
            raise invalid("target.rows", "there are no rows")
        return Aim(answers=[_row(row) for row in target.rows])
    if kind == "dataset":
        assert target.dataset is not None  # a target has what its type names
        found = rows.read(target.dataset, "target.dataset")
        return Aim(answers=[_row(row) for row in found])
    if kind == "cached_outputs":
        assert target.cached_outputs is not None
        where = "target.cached_outputs"
        return Aim(answers=[_cached(row, where) for row in rows.read(target.cached_outputs, where)])
    raise invalid(
        "target.type",
        f"the target type `{kind}` is not offered here. Known: model, cached_outputs, rows, dataset",
    )


def _model(service: Service, target: Target, project: str) -> Aim:
    if isinstance(target.model, str):
        for name in (target.model, target.model.rpartition("/")[2]):
            if service.objects.find(TARGET, name, project=project) is not None:
                return Aim(model=name)
        raise MissingError("model", target.model)
    assert target.model is not None
    for name, value in target.model.items():
        if name not in _MODEL_KEYS and value is not None:
            raise invalid(f"target.model.{name}", f"`{name}` is not offered: a model is its `api_endpoint`")
    where = "target.model.api_endpoint"
    endpoint = read(target.model.get("api_endpoint"), Endpoint, where)
    made = judge_endpoint(endpoint, where)
    check_endpoint(made["endpoint"], service.settings.endpoints, where=f"{where}.url")
    path = endpoint.url.rstrip("/")
    form = "chat" if path.endswith("/chat/completions") else None
    form = "completion" if form is None and path.endswith("/completions") else form
    return Aim(model={"name": slug(made["model"], "model"), **made}, form=form)


def _row(row: Row) -> Answered:
    """Return a row; one with a column `output_text` brings an answer along."""
    text: object = row.get("output_text")
    return Answered(row=row, answer=text if isinstance(text, str) else None)


def _cached(row: Row, where: str) -> Answered:
    """Return an answer that was kept: beside the columns of its row, or with the row as `input`."""
    name = next((each for each in _ANSWERS if isinstance(row.get(each), str)), None)
    if name is None:
        raise invalid(where, f"a row has no answer under any of the names {', '.join(_ANSWERS)}")
    given = row.get("input")
    fields: Row = {**given, **row} if isinstance(given, dict) else row
    return Answered(row=fields, answer=row[name])
