"""A NeMo evaluation of answers that are there already: graded at once, by the scorers of a run."""

from collections.abc import Mapping
from typing import Any

from bakeoff.decide.gather.collect import CaseKey
from bakeoff.records import Score
from bakeoff.server.nemo.aims import Aim
from bakeoff.server.nemo.figures import Body, Column, Key, column_of, corpus_column, told_figures
from bakeoff.server.nemo.native import filled_tasks
from bakeoff.server.nemo.shapes import Config, Params, invalid
from bakeoff.server.nemo.tasks import Filled
from bakeoff.server.service import Service
from bakeoff.server.specs.scoring import GivenRow, grade_rows


def grade_given(service: Service, config: Config, aim: Aim, *, project: str) -> tuple[Body, int]:
    """Return `{tasks, groups}` of answers, and how many rows were graded. Blocking.

    Raises:
        InvalidError: something in the configuration is not offered, by name.
        TooSlowError: grading takes longer than a call may.
    """
    if config.type != "custom":
        raise invalid("config.type", f"an evaluation of type `{config.type}` needs a target of type `model`")
    params = config.params or Params()
    _check_params(params)
    tasks = filled_tasks(service, config, project=project, limit=params.limit_samples, given=aim.answers)
    columns = {task.name: _graded(service, task) for task in tasks}
    return told_figures(columns, config.groups), sum(len(task.rows) for task in tasks)


def _check_params(params: Params) -> None:
    for name in ("max_tokens", "temperature", "top_p", "stop"):
        if getattr(params, name) is not None:
            raise invalid(f"config.params.{name}", f"`{name}` says nothing where no model is asked")


def _graded(service: Service, task: Filled) -> dict[Key, Column]:
    scores: dict[str, dict[CaseKey, Score]] = {}
    texts: dict[str, list[tuple[str | None, Mapping[str, Any]]]] = {}
    for at, metric in enumerate(task.graded):
        rows = [_given(row, answers[at]) for row, answers in zip(task.rows, task.answers, strict=True)]
        for found in grade_rows(rows, metric.scorers, service.settings):
            for score in found:
                scores.setdefault(score.metric, {})[score.case, score.repeat] = score
        for each in metric.wanted:
            texts[each.feed] = [(row.answer if row.answer.strip() else None, row.fields) for row in rows]
    return {
        (each.metric, each.score): corpus_column(each, texts[each.feed])
        if each.how == "corpus"
        else column_of(each, scores.get(each.feed, {}), len(task.rows))
        for each in task.wanted
    }


def _given(row: dict[str, Any], answer: str) -> GivenRow:
    fields = {name: value for name, value in row.items() if name not in {"id", "reference"}}
    return GivenRow(fields=fields, answer=answer, reference=row.get("reference"))
