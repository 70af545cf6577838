"""A NeMo evaluation of answers that are there already: graded at once, by the scorers of a run."""

from collections.abc import Mapping
from typing import Any

from bakeoff.records import Score
from bakeoff.server.nemo.aims import Aim
from bakeoff.server.nemo.figures import Body, groups_of, task_figures, values_of
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
    told: dict[str, Body] = {}
    values: dict[str, dict[tuple[str, str], list[float]]] = {}
    for task in tasks:
        values[task.name], told[task.name] = _graded(service, task)
    return {"tasks": told, "groups": groups_of(config.groups, values)}, sum(len(task.rows) for task in tasks)


def _check_params(params: Params) -> None:
    for name in ("max_tokens", "temperature", "top_p", "stop"):
        if getattr(params, name) is not None:
            raise invalid(f"config.params.{name}", f"`{name}` says nothing where no model is asked")


def _graded(service: Service, task: Filled) -> tuple[dict[tuple[str, str], list[float]], Body]:
    scores: dict[str, list[Score]] = {}
    texts: list[tuple[str, Mapping[str, Any]]] = []
    for at, metric in enumerate(task.graded):
        rows = [_given(row, answers[at]) for row, answers in zip(task.rows, task.answers, strict=True)]
        for found in grade_rows(rows, metric.scorers, service.settings):
            for each in found:
                scores.setdefault(each.metric, []).append(each)
        if any(each.how == "corpus" for each in metric.wanted):
            texts = [(row.answer, row.fields) for row in rows]
    values = {
        (each.metric, each.score): values_of(scores.get(each.feed, ()), each)
        for each in task.wanted
        if each.how != "corpus"
    }
    return values, task_figures(task.wanted, values, texts, len(task.rows))


def _given(row: dict[str, Any], answer: str) -> GivenRow:
    fields = {name: value for name, value in row.items() if name not in {"id", "reference"}}
    return GivenRow(fields=fields, answer=answer, reference=row.get("reference"))
