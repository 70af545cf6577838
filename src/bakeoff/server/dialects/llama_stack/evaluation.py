"""Evaluations as jobs, and the rows of such jobs as Llama Stack's answers."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

import msgspec

from bakeoff.records import Sample, Score
from bakeoff.server.access import Principal
from bakeoff.server.dialects.llama_stack.bodies import BenchmarkConfig
from bakeoff.server.dialects.llama_stack.candidates import read_candidate
from bakeoff.server.dialects.llama_stack.functions import Graded, Used, graded, score_rows
from bakeoff.server.dialects.llama_stack.rows import check_columns, to_ask
from bakeoff.server.dialects.llama_stack.shapes import EvaluateResponse
from bakeoff.server.dialects.llama_stack.sources import Row
from bakeoff.server.faults import MissingError, RefusedError, TooLargeError
from bakeoff.server.jobs.job import Job, NewJob
from bakeoff.server.service import Service
from bakeoff.server.specs.references import TARGET
from bakeoff.spec.foreign import slug
from bakeoff.spec.variables import escape

DIALECT = "llama_stack"
KEY = "llama_stack"
_MAIN = "main"


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a job remembers of the evaluation it runs, below `asked["llama_stack"]`.

    Attributes:
        rows: how many there are.
        used: the scoring functions.
        form: of the benchmark; without rows of its own it is a configuration of NeMo or a task of lm-eval.
        task: the name of that task.
    """

    benchmark: str
    rows: int = 0
    used: list[Used] = []
    form: Literal["rows", "nemo", "task"] = "rows"
    task: str = ""


def new_job(
    service: Service,
    benchmark: str,
    rows: Sequence[Row],
    functions: Sequence[str],
    config: BenchmarkConfig,
    caller: Principal,
) -> NewJob:
    """Return a job that has a candidate answer rows, and scores the answers.

    Raises:
        RefusedError: something in it is wrong or not offered; named.
        MissingError: the model or a judge is not registered.
    """
    candidate = read_candidate(config.eval_candidate)
    model = model_of(service, candidate.model, caller)
    check_count(service, rows)
    rows = rows[: config.num_examples]
    scoring = config.scoring
    for name in scoring:
        if name not in functions:
            raise RefusedError(f"scoring_params: `{name}` is none of the scoring functions of this run")
    wanted = graded(service, {name: scoring.get(name) for name in functions}, caller)
    check_columns(rows, {each.used.function: asked_columns(each) for each in wanted})
    asked = to_ask(rows, candidate.system)
    document: dict[str, Any] = {
        "name": slug(benchmark, "evaluation"),
        "models": [model],
        "benchmarks": [
            {
                "name": form,
                "dataset": {"type": "llama_stack", "path": f"datasets/{form}.jsonl"}
                | ({} if candidate.max_tokens is None else {"output_tokens": candidate.max_tokens}),
                "fields": {"id": "id", "slices": []},
                "prompt": {"form": form},
                "params": escaped(candidate.params),
                "scorers": [escaped(each.scorer) for each in wanted],
            }
            for form in asked.files
        ],
    }
    remembered = Asked(benchmark=benchmark, rows=asked.count, used=[each.used for each in wanted])
    return NewJob(
        name=benchmark,
        document=document,
        files={f"datasets/{form}.jsonl": content for form, content in asked.files.items()},
        asked={KEY: msgspec.to_builtins(remembered)},
        dialect=DIALECT,
        subject=benchmark,
    )


def model_of(service: Service, name: str, caller: Principal) -> dict[str, Any]:
    """Return a registered model as an entry of a spec, whose names may stand in file names.

    Raises:
        MissingError: it is not registered.
    """
    found = service.objects.find(TARGET, name, project=caller.project)
    if found is None:
        raise MissingError("model", name)
    return {"model": name, **found.body, "name": slug(name, "model")}


def check_count(service: Service, rows: Sequence[Row]) -> None:
    """Refuse more rows than are taken.

    Raises:
        TooLargeError: there are more.
    """
    if len(rows) > service.settings.most_rows:
        raise TooLargeError(f"{len(rows):,} rows; at most {service.settings.most_rows:,} are taken")


def asked_columns(each: Graded) -> tuple[str, ...]:
    """Return the columns that a function needs of rows that have no answer yet."""
    return tuple(column for column in each.needs if column != "generated_answer")


def escaped(value: object) -> Any:  # noqa: ANN401  the same JSON
    """Return a JSON value whose texts hold no variable of the server but the names of keys."""
    if isinstance(value, dict):
        members = cast("dict[str, object]", value)
        return {key: each if key == "api_key" else escaped(each) for key, each in members.items()}
    if isinstance(value, list):
        return [escaped(each) for each in cast("list[object]", value)]
    return escape(value) if isinstance(value, str) else value


def asked_of(job: Job) -> Asked:
    """Return what a job remembers."""
    return msgspec.convert(job.asked[KEY], Asked)


def response_of(service: Service, job: Job) -> EvaluateResponse:
    """Return answers and scores of a job in the order of its rows; what is not there yet has no score."""
    asked = asked_of(job)
    samples: list[Sample | None] = [None] * asked.rows
    for sample in service.samples(job):
        if sample.stage == _MAIN:
            samples[int(sample.case)] = sample
    scores: dict[str, list[Score | None]] = {each.metric: [None] * asked.rows for each in asked.used}
    for score in service.scores(job):
        if score.stage == _MAIN:
            scores[score.metric][int(score.case)] = score
    fields = _fields(service, job, asked.rows)
    return EvaluateResponse(
        generations=[_generation(each) for each in samples],
        scores={each.function: score_rows(each, scores[each.metric], fields) for each in asked.used},
    )


def _fields(service: Service, job: Job, count: int) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = [{}] * count
    for cases in service.cases(job).values():
        for name, case in cases.items():
            found[int(name)] = case.fields
    return found


def _generation(sample: Sample | None) -> dict[str, Any]:
    if sample is None:
        return {"generated_answer": "", "outcome": "missing"}
    if sample.ok:
        return {"generated_answer": sample.text}
    told = {"generated_answer": sample.text, "outcome": sample.outcome}
    return told | ({"error": sample.error} if sample.error else {})
