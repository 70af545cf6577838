"""A NeMo evaluation as a run of our own engine."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from bakeoff.errors import DataError
from bakeoff.harness import load_task, task_names
from bakeoff.server.jobs.job import NewJob
from bakeoff.server.nemo.aims import Aim, Answered
from bakeoff.server.nemo.metrics import Wanted
from bakeoff.server.nemo.shapes import Config, Group, Params, Task, invalid
from bakeoff.server.nemo.sources import Row, Rows
from bakeoff.server.nemo.tasks import Filled, fill
from bakeoff.server.service import Service
from bakeoff.spec.foreign import slug

DIALECT = "nemo"
KEY = "nemo"
_SAMPLING = ("max_tokens", "temperature", "top_p", "stop")
_LM_EVAL = ("num_fewshot", "fewshot_seed", "fewshot_as_multiturn", "system_instruction", "gen_kwargs")
_CHOICE = ("question", "choices", "answer")


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A task within a job: its benchmark, how many rows it has (None: not known before), its scores.

    `wanted` is empty where all metrics of the benchmark are shown under their own names.
    """

    task: str
    benchmark: str
    rows: int | None = None
    wanted: list[Wanted] = []


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a job remembers of the evaluation it runs, below `asked["nemo"]`."""

    parts: list[Part] = []
    groups: dict[str, Group] = {}


def native_job(
    service: Service,
    config: Config,
    aim: Aim,
    *,
    project: str,
    sampling: Mapping[str, Any] | None = None,
    limit: int | None = None,
) -> NewJob:
    """Return a job that runs a configuration against a model.

    Args:
        service: has the data sets.
        config: as asked.
        aim: the model.
        project: whose data sets.
        sampling: sampling parameters over those of the configuration.
        limit: rows of each task at most, beside the configuration's own.

    Raises:
        InvalidError: something in it is not offered, by name.
    """
    params = config.params or Params()
    limits = [each for each in (limit, params.limit_samples) if each is not None]
    most = min(limits, default=None)
    files: dict[str, bytes] = {}
    if config.type == "custom":
        filled = filled_tasks(service, config, project=project, limit=most)
        made = [_benchmark(each, at, files) for at, each in enumerate(filled)]
        parts = [
            Part(task=each.name, benchmark=one["name"], rows=len(each.rows), wanted=each.wanted)
            for each, one in zip(filled, made, strict=True)
        ]
    else:
        if config.groups:
            raise invalid("config.groups", "groups are offered for type `custom` only")
        benchmark, rows = _named(service, config, aim, project=project, limit=most, files=files)
        made, parts = [benchmark], [Part(task=_only_task(config), benchmark=benchmark["name"], rows=rows)]
    document: dict[str, Any] = {
        "version": 1,
        "name": slug(config.name or config.type, "nemo"),
        "models": [aim.model],
        "benchmarks": [each | _load(params) | _sampling(params, each, sampling or {}) for each in made],
        # What neither the evaluation nor the registered model says is left to the server.
        "sampling": {"temperature": None, "max_tokens": None},
    }
    if params.request_timeout is not None:
        seconds = params.request_timeout
        document["timeout"] = {"total": seconds, "first_byte": seconds, "stream": seconds}
    asked = Asked(parts=parts, groups=config.groups or {})
    return NewJob(
        name=document["name"],
        document=document,
        files=files,
        dialect=DIALECT,
        asked={KEY: msgspec.to_builtins(asked)},
    )


def filled_tasks(
    service: Service, config: Config, *, project: str, limit: int | None, given: list[Answered] | None = None
) -> list[Filled]:
    """Return the tasks of a configuration of type `custom`, with their rows.

    Args:
        service: has the data sets.
        config: as asked.
        project: whose data sets.
        limit: rows of each task at most.
        given: rows with answers, in place of the tasks' own data sets.

    Raises:
        InvalidError: something in it is not offered, by name.
    """
    _check_groups(config)
    if not config.tasks:
        raise invalid("config.tasks", "an evaluation of type `custom` has tasks of its own")
    if config.params is not None and config.params.extra:
        name = next(iter(config.params.extra))
        raise invalid(f"config.params.extra.{name}", f"`{name}` is not offered for type `custom`")
    return [
        fill(name, task, _given(service, name, task, project, given)[:limit], known=given is not None)
        for name, task in config.tasks.items()
    ]


def _given(
    service: Service, name: str, task: Task, project: str, given: list[Answered] | None
) -> list[Answered]:
    where = f"config.tasks.{name}.dataset"
    if task.dataset is None:
        if given is None:
            raise invalid(where, "the task has no data set")
        return given
    if given is not None:
        raise invalid(where, "the target brings the rows, so the task cannot have a data set as well")
    return [Answered(row=row) for row in Rows(service, project).read(task.dataset, where)]


def _check_groups(config: Config) -> None:
    waiting = [(f"config.groups.{name}", group) for name, group in (config.groups or {}).items()]
    while waiting:
        where, group = waiting.pop()
        if group.metrics:
            raise invalid(f"{where}.metrics", "metrics of a group are not offered: it has those of its tasks")
        for task in group.tasks or ():
            if task not in (config.tasks or {}):
                raise invalid(f"{where}.tasks", f"there is no task `{task}`")
        waiting += [(f"{where}.groups.{name}", each) for name, each in (group.groups or {}).items()]


def _benchmark(task: Filled, at: int, files: dict[str, bytes]) -> dict[str, Any]:
    path = f"datasets/task-{at + 1}.jsonl"
    files[path] = b"".join(msgspec.json.encode(row) + b"\n" for row in task.rows)
    prompt: dict[str, Any] = {"form": task.form}
    if task.form == "completion":
        prompt["example"] = "{{prompt}}{{answer}}"
    return {
        "name": slug(task.name, "task") if at == 0 else f"{slug(task.name, 'task')}-{at + 1}",
        "dataset": {"type": "jsonl", "path": path},
        "prompt": prompt,
        "scorers": task.scorers,
        "params": task.params,
    }


def _sampling(params: Params, benchmark: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that go with every request, over those of the registered model.

    What the caller says of the model is the last word, then the template, then the configuration.
    """
    own = {name: getattr(params, name) for name in _SAMPLING if getattr(params, name) is not None}
    whole = {**own, **benchmark.get("params", {}), **said}
    return {"params": whole} if whole else {}


def _load(params: Params) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if params.parallelism is not None:
        made["load"] = {"kind": "concurrent", "concurrency": params.parallelism}
    if params.max_retries is not None:
        made["attempts"] = params.max_retries + 1
    return made


def _only_task(config: Config) -> str:
    return next(iter(config.tasks)) if config.tasks else config.type


def _named(
    service: Service,
    config: Config,
    aim: Aim,
    *,
    project: str,
    limit: int | None,
    files: dict[str, bytes],
) -> tuple[dict[str, Any], int | None]:
    """Return the benchmark that a type names: of rows that are here, else a task of lm-eval."""
    extra = (config.params or Params()).extra or {}
    rows = _own_rows(service, config, project)
    name = slug(config.type, "benchmark")
    if rows is None:
        for key in extra:
            if key not in _LM_EVAL:
                raise invalid(
                    f"config.params.extra.{key}", f"`{key}` is not offered. Known: {', '.join(_LM_EVAL)}"
                )
        made: dict[str, Any] = {"name": name, "lm_eval": config.type, **_lm_eval(service, config.type, aim)}
        return made | extra | ({} if limit is None else {"limit": limit}), limit
    if extra:
        raise invalid("config.params.extra", f"`{next(iter(extra))}` is not offered for rows of your own")
    rows = rows[:limit]
    files["datasets/task-1.jsonl"] = b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
    dataset = {"type": "jsonl", "path": "datasets/task-1.jsonl"}
    return {"name": name, "dataset": dataset, "multiple_choice": "auto"}, len(rows)


def _own_rows(service: Service, config: Config, project: str) -> list[Row] | None:
    """Return the rows for a benchmark that has none of its own here."""
    if config.tasks and len(config.tasks) > 1:
        raise invalid("config.tasks", f"an evaluation of type `{config.type}` has one task at most")
    rows: list[Row] | None = None
    for name, task in (config.tasks or {}).items():
        where = f"config.tasks.{name}"
        if task.metrics or task.params:
            raise invalid(
                where, f"the type `{config.type}` says how answers are graded: give a `dataset` only"
            )
        if task.dataset is not None:
            rows = Rows(service, project).read(task.dataset, f"{where}.dataset")
    if rows is None:
        rows = Rows(service, project).find(config.type)
    for row in rows or ():
        if missing := [name for name in _CHOICE if name not in row]:
            raise invalid("config", f"a row has no `{missing[0]}`; rows have {', '.join(_CHOICE)}")
    return rows


def _lm_eval(service: Service, name: str, aim: Aim) -> dict[str, Any]:
    """Return how a task of lm-eval is asked: by likelihood, or for an answer in the form of the address."""
    try:
        names = task_names(name)
    except DataError as error:
        raise invalid(
            "config.type",
            f"the evaluation type `{name}` is not known here: {error.message} Or write `custom`, with tasks",
        ) from error
    if not service.settings.allow_code:
        raise invalid("config.type", _missing(name, "and this server runs no task of lm-eval"))
    try:
        task = load_task(names[0])
    except DataError as error:
        text = re.sub(r"/\S+/(?=[^/\s]+)", "", error.message)
        raise invalid("config.type", _missing(name, f"as lm-eval says ({text[:300]})")) from error
    if task.OUTPUT_TYPE != "generate_until":
        return {"multiple_choice": "likelihood"}
    return {} if aim.form is None else {"prompt": {"form": aim.form}}


def _missing(name: str, why: str) -> str:
    return (
        f"the data of `{name}` is not here, {why}: upload rows with {', '.join(_CHOICE)} as the data set "
        f"`{name}`, name them as the `dataset` of a task, or run lm-eval with `bakeoff serve --allow-code`"
    )
