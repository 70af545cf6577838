"""The provider `lm_evaluation_harness`: tasks of lm-eval by their names, over data that this machine has."""

import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

from bakeoff.errors import DataError, PluginError
from bakeoff.harness import load_task, task_names
from bakeoff.server.borrowed import Section
from bakeoff.server.dialects.evalhub.errors import HubError
from bakeoff.server.dialects.evalhub.parameters import placed
from bakeoff.server.dialects.evalhub.shapes import Benchmark, Primary
from bakeoff.server.settings import Settings

NAME = "lm_evaluation_harness"
_OPTIONS = {
    "num_fewshot": "num_fewshot",
    "num_few_shot": "num_fewshot",
    "fewshot_seed": "fewshot_seed",
    "fewshot_as_multiturn": "fewshot_as_multiturn",
    "system_instruction": "system_instruction",
    "gen_kwargs": "gen_kwargs",
}
_MODE = "multiple_choice"


class _Task(msgspec.Struct, frozen=True):
    name: str
    data: str
    category: str
    metric: str
    shots: int = 0


_KNOWN = (
    _Task("arc_easy", "allenai/ai2_arc", "reasoning", "acc"),
    _Task("arc_challenge", "allenai/ai2_arc", "reasoning", "acc_norm"),
    _Task("hellaswag", "Rowan/hellaswag", "reasoning", "acc_norm"),
    _Task("winogrande", "winogrande", "reasoning", "acc"),
    _Task("piqa", "baber/piqa", "reasoning", "acc"),
    _Task("openbookqa", "openbookqa", "reasoning", "acc_norm"),
    _Task("truthfulqa_mc2", "truthfulqa/truthful_qa", "safety", "acc"),
    _Task("mmlu", "cais/mmlu", "knowledge", "acc"),
    _Task("gsm8k", "openai/gsm8k", "math", "exact_match", 5),
    _Task("ifeval", "google/IFEval", "instruction_following", "prompt_level_strict_acc"),
)


def benchmarks(settings: Settings) -> list[Benchmark]:
    """Return the well-known tasks whose data is here; any other task can be asked by its name too.

    A server that runs no code has none: tasks are graded by lm-eval's own.
    """
    if not settings.allow_code or find_spec("lm_eval") is None:
        return []
    return [
        Benchmark(
            id=task.name,
            name=task.name,
            category=task.category,
            metrics=[task.metric],
            num_few_shot=task.shots,
            primary_score=Primary(metric=task.metric),
            tags=["lm_eval"],
        )
        for task in _KNOWN
        if _cached(task.data)
    ]


def section(name: str, parameters: Mapping[str, Any], where: str) -> Section:
    """Return a task as a section of a spec.

    Raises:
        HubError: the task or its data is not here, or a parameter has no place.
    """
    options = {
        ours: parameters[theirs] for theirs, ours in _OPTIONS.items() if parameters.get(theirs) is not None
    }
    made: dict[str, Any] = {"lm_eval": name, **options}
    try:
        kinds = {load_task(each).OUTPUT_TYPE for each in task_names(name)}
    except (DataError, PluginError) as error:
        raise HubError(
            "resource_does_not_exist",
            f"The benchmark with id '{name}' does not exist here: {error.message}",
            hint=error.hint,
        ) from error
    mode = parameters.get(_MODE)
    if mode is not None or kinds != {"generate_until"}:
        made[_MODE] = "likelihood" if mode is None else mode
    return Section(section=placed(made, parameters, where, (*_OPTIONS, _MODE)))


def _cached(data: str) -> bool:
    """Tell whether Hugging Face's programs have left a data set on this machine; nothing is loaded."""
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    prepared = Path(os.environ.get("HF_DATASETS_CACHE") or home / "datasets")
    fetched = Path(os.environ.get("HF_HUB_CACHE") or home / "hub")
    places = (prepared / data.replace("/", "___"), fetched / f"datasets--{data.replace('/', '--')}")
    return any(place.is_dir() for place in places)
