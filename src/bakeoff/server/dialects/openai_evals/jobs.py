"""A run of an eval as a job: its rows as cases, its criteria as scorers."""

from collections.abc import Sequence
from typing import Any

import msgspec

from bakeoff.prompts import braces
from bakeoff.server.access import Principal
from bakeoff.server.dialects.openai_evals.evals import DIALECT, check_item
from bakeoff.server.dialects.openai_evals.graders import escaped, scorers_of
from bakeoff.server.dialects.openai_evals.sources import (
    Completions,
    Jsonl,
    Messages,
    Responses,
    Row,
    messages_of,
    params_of,
    rows_of,
)
from bakeoff.server.endpoints import NOBODY
from bakeoff.server.faults import MissingError, RefusedError
from bakeoff.server.jobs.job import Job, NewJob
from bakeoff.server.service import Service
from bakeoff.server.specs.references import TARGET
from bakeoff.server.store.objects import Thing
from bakeoff.server.workers.child import GIVEN

BENCHMARK = "items"
_DATA = "datasets/items.jsonl"
_ANSWER, _ID, _MESSAGES = "answer", "row", "messages"


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a client asked of a run, kept with its job.

    Attributes:
        run_name: as the client named it.
        model: that was asked; empty where the answers were there.
        rows: how many the data source has.
        unasked: the rows that could not be asked, with the reason.
        items: of these rows, as they are in no case.
        criteria: names, kinds and the models that grade, in their order.
        metrics: of the same.
        sampling: as the client gave it.
    """

    run_name: str
    metadata: dict[str, str] = {}
    data_source: dict[str, Any]
    model: str = ""
    rows: int
    unasked: dict[str, str] = {}
    items: dict[str, dict[str, Any]] = {}
    criteria: list[dict[str, str]]
    metrics: list[str]
    sampling: dict[str, Any] = {}


class _Cases(msgspec.Struct, frozen=True, kw_only=True):
    """The rows as lines of a data set, and those that cannot be asked."""

    lines: list[bytes]
    unasked: dict[str, str] = {}
    items: dict[str, dict[str, Any]] = {}


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A run as its route took it."""

    evaluation: Thing
    source: Jsonl | Completions | Responses
    name: str
    metadata: dict[str, str]
    idempotency_key: str | None = None
    sent: str = ""


def asked_of(job: Job) -> Asked:
    """Return what a job's client asked for."""
    return msgspec.convert(job.asked, Asked)


def submit(wanted: Wanted, service: Service, caller: Principal) -> Job:
    """Give a run to the workers.

    Raises:
        MissingError: a file or model is not there.
        RefusedError: something in it is not offered, or wrong.
    """
    project, body = caller.project, wanted.evaluation.body
    rows = rows_of(wanted.source.source, service, project=project)
    for at, row in enumerate(rows):
        check_item(body["item_schema"], row.item, at)
    given = wanted.source if not isinstance(wanted.source, Jsonl) else None
    model = "" if given is None else _model(given, service, project)
    cases = _given(rows) if given is None else _asked(rows, given.input_messages)
    if not cases.lines:
        first, reason = next(iter(cases.unasked.items()))
        raise RefusedError(f"no row can be asked; row {first}: {reason}", where="data_source.input_messages")
    scorers = scorers_of(body["testing_criteria"], service.objects, project=project)
    sampling = given.sampling_params if given is not None else None
    asked = Asked(
        run_name=wanted.name,
        metadata=wanted.metadata,
        data_source=wanted.source.model_dump(exclude_none=True),
        model=model,
        rows=len(rows),
        unasked=cases.unasked,
        items=cases.items,
        criteria=[_shown(each) for each in body["testing_criteria"]],
        metrics=[scorer["metric"] for scorer in scorers],
        sampling={} if sampling is None else sampling.model_dump(exclude_none=True),
    )
    benchmark: dict[str, Any] = {
        "name": BENCHMARK,
        "dataset": {"type": "jsonl", "path": _DATA},
        "fields": {"id": _ID},
        "scorers": scorers,
    }
    files = {_DATA: b"".join(cases.lines)}
    models: list[Any] = [model]
    if given is None:
        models = [_nobody()]
        # Nobody is asked, but a report shows what each row is about.
        benchmark["prompt"] = {"template": "{{ item | tojson }}", "form": "chat"}
        files[GIVEN] = msgspec.json.encode({"column": _ANSWER})
    else:
        benchmark["fields"]["messages"] = _MESSAGES
        benchmark["params"] = escaped(params_of(given))
    new = NewJob(
        name=(wanted.name or body["name"] or wanted.evaluation.name)[:200],
        document={"name": "openai-eval", "models": models, "benchmarks": [benchmark]},
        files=files,
        asked=msgspec.to_builtins(asked),
        dialect=DIALECT,
        subject=wanted.evaluation.name,
        idempotency_key=wanted.idempotency_key,
        sent=wanted.sent,
    )
    return service.submit(new, caller)[0]


def _shown(criterion: dict[str, Any]) -> dict[str, str]:
    return {key: criterion[key] for key in ("name", "type", "model") if criterion.get(key)}


def _model(source: Completions | Responses, service: Service, project: str) -> str:
    if service.objects.find(TARGET, source.model, project=project) is None:
        raise MissingError(TARGET, source.model)
    return source.model


def _nobody() -> dict[str, Any]:
    """Return the model of a run whose answers are there: it has an address only because a spec wants one."""
    return {"name": "given", "endpoint": NOBODY, "model": "given"}


def _given(rows: Sequence[Row]) -> _Cases:
    lines: list[bytes] = []
    for at, row in enumerate(rows):
        sample = {} if row.sample is None else row.sample
        line: dict[str, Any] = {_ID: str(at), "item": row.item, _ANSWER: str(sample.get("output_text", ""))}
        lines.append(msgspec.json.encode(line | ({"sample": sample} if sample else {})) + b"\n")
    return _Cases(lines=lines)


def _asked(rows: Sequence[Row], messages: Messages) -> _Cases:
    lines: list[bytes] = []
    unasked: dict[str, str] = {}
    items: dict[str, dict[str, Any]] = {}
    for at, row in enumerate(rows):
        try:
            turns = messages_of(messages, row.item)
        except braces.Gap as gap:
            unasked[str(at)] = str(gap)
            items[str(at)] = row.item
            continue
        lines.append(msgspec.json.encode({_ID: str(at), "item": row.item, _MESSAGES: turns}) + b"\n")
    return _Cases(lines=lines, unasked=unasked, items=items)
