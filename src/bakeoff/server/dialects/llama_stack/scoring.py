"""Scoring: functions, and answers that are there already."""

from collections.abc import Mapping, Sequence

from fastapi import APIRouter, Request, Response

from bakeoff.server.access import Principal
from bakeoff.server.dialects.llama_stack.bodies import InPath, NewFunction, Params, Score, ScoreBatch
from bakeoff.server.dialects.llama_stack.catalogue import (
    BUILT_IN,
    FUNCTION,
    functions_of,
    get_function,
    keep_function,
    new_function,
)
from bakeoff.server.dialects.llama_stack.evaluation import check_count
from bakeoff.server.dialects.llama_stack.functions import graded, score_rows
from bakeoff.server.dialects.llama_stack.rows import (
    ACCEPTED,
    ANSWER,
    EXPECTED,
    as_text,
    check_columns,
    graded_fields,
)
from bakeoff.server.dialects.llama_stack.shapes import (
    ScoreBatchResponse,
    ScoreResponse,
    ScoringFunction,
    ScoringFunctionList,
    ScoringResult,
)
from bakeoff.server.dialects.llama_stack.sources import Row, all_rows, keep_rows, new_name
from bakeoff.server.faults import ConflictError
from bakeoff.server.http.asking import as_json
from bakeoff.server.http.calls import Manager, Reader, Runner, TheService
from bakeoff.server.service import Service
from bakeoff.server.specs.scoring import GivenRow, grade_rows


async def score(body: Score, service: TheService, caller: Runner, call: Request) -> Response:
    """Score the answers in the rows of the call."""

    def work() -> Response:
        results = _scored(service, body.input_rows, body.scoring_functions, caller)
        return as_json(ScoreResponse(results=results))

    return await service.apart(work, call, caller)


async def score_batch(body: ScoreBatch, service: TheService, caller: Runner, call: Request) -> Response:
    """Score the answers in a data set."""
    return await service.apart(lambda: as_json(_batch(body, service, caller)), call, caller)


def _batch(body: ScoreBatch, service: Service, caller: Principal) -> ScoreBatchResponse:
    rows = all_rows(service, body.dataset_id, caller)
    results = _scored(service, rows, body.scoring_functions, caller)
    if not body.save_results_dataset:
        return ScoreBatchResponse(results=results)
    saved = [
        row | {name: told.score_rows[at] for name, told in results.items()} for at, row in enumerate(rows)
    ]
    name = new_name(f"{body.dataset_id}-scores")
    keep_rows(service, name, saved, caller)
    return ScoreBatchResponse(results=results, dataset_id=name)


def list_functions(service: TheService, caller: Reader) -> ScoringFunctionList:
    """Return all scoring functions, those of the service first."""
    return ScoringFunctionList(data=[each.shown() for each in functions_of(service, caller)])


def get(scoring_fn_id: InPath, service: TheService, caller: Reader) -> ScoringFunction:
    """Return a scoring function."""
    return get_function(service, scoring_fn_id, caller).shown()


def register(body: NewFunction, service: TheService, caller: Manager) -> None:
    """Keep a scoring function under its name; one of that name is replaced."""
    keep_function(service, new_function(body), caller)


def unregister(scoring_fn_id: InPath, service: TheService, caller: Manager) -> None:
    """Forget a scoring function that a user registered."""
    if scoring_fn_id in BUILT_IN:
        raise ConflictError(f"Scoring function '{scoring_fn_id}' is one of the service's own")
    get_function(service, scoring_fn_id, caller)
    service.objects.delete(FUNCTION, scoring_fn_id, project=caller.project)


def add_routes(router: APIRouter) -> None:
    """Add the routes."""
    router.post("/scoring/score", summary="Score answers", response_model=ScoreResponse)(score)
    router.post(
        "/scoring/score-batch", summary="Score the answers in a data set", response_model=ScoreBatchResponse
    )(score_batch)
    router.get("/scoring-functions", summary="List scoring functions")(list_functions)
    router.post("/scoring-functions", summary="Register a scoring function")(register)
    one = "/scoring-functions/{scoring_fn_id:path}"
    router.get(one, summary="One scoring function")(get)
    router.delete(one, summary="Forget a scoring function")(unregister)


def _scored(
    service: Service, rows: Sequence[Row], asked: Mapping[str, Params | None], caller: Principal
) -> dict[str, ScoringResult]:
    check_count(service, rows)
    wanted = graded(service, asked, caller)
    check_columns(rows, {each.used.function: (ANSWER, *each.needs) for each in wanted})
    given = [_given(row) for row in rows]
    scores = grade_rows(given, [each.scorer for each in wanted], service.settings)
    fields = [row.fields for row in given]
    return {
        each.used.function: score_rows(each.used, [row[at] for row in scores], fields)
        for at, each in enumerate(wanted)
    }


def _given(row: Row) -> GivenRow:
    fields = graded_fields(row)
    return GivenRow(
        fields=fields,
        answer=as_text(row[ANSWER]),
        reference=fields.get(EXPECTED),
        accepted=tuple(fields.get(ACCEPTED, ())),
    )
