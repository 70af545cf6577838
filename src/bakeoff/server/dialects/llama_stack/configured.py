"""Benchmarks without rows of their own: a configuration of NeMo Evaluator, or a task of lm-eval."""

from collections.abc import Mapping
from statistics import fmean
from typing import Any, Literal, cast

import msgspec

from bakeoff.decide.gather.collect import CaseKey, case_values
from bakeoff.records import Score
from bakeoff.server.access import Principal
from bakeoff.server.dialects.llama_stack.benchmarks import Stored
from bakeoff.server.dialects.llama_stack.bodies import BenchmarkConfig
from bakeoff.server.dialects.llama_stack.candidates import read_candidate
from bakeoff.server.dialects.llama_stack.evaluation import DIALECT, KEY, Asked, asked_of, model_of
from bakeoff.server.dialects.llama_stack.shapes import EvaluateResponse, ScoringResult
from bakeoff.server.faults import RefusedError
from bakeoff.server.jobs.job import Job, NewJob
from bakeoff.server.nemo import Aim, Config, figures, native_job, read_config
from bakeoff.server.nemo.remote_jobs import remote_of
from bakeoff.server.service import Service

TASKS = "trustyai_lmeval"
_SAYS_NOTHING = frozenset({"tokenizer", "tokenized_requests"})
"""What a client of lm-eval's own needs to count tokens; this engine has no use for it."""


def form_of(name: str, stored: Stored) -> Literal["rows", "nemo", "task"]:
    """Return what a benchmark is.

    Raises:
        RefusedError: it has neither rows, nor a configuration, nor a task.
    """
    if stored.provider_id == TASKS or name.startswith(f"{TASKS}::"):
        return "task"
    if stored.dataset_id:
        return "rows"
    if isinstance(_config(stored).get("type"), str):
        return "nemo"
    raise RefusedError(
        f"Benchmark '{name}' has neither a data set nor a configuration",
        hint="register it with a `dataset_id`, or with a NeMo configuration as `metadata`",
    )


def marked_config(stored: Stored) -> Config | None:
    """Return the configuration of a benchmark that is marked for a NeMo server, None for our own engine."""
    config = read_config(_config(stored))
    return None if remote_of(config.custom_fields) is None else config


def configured_job(
    service: Service,
    name: str,
    stored: Stored,
    form: Literal["nemo", "task"],
    config: BenchmarkConfig,
    caller: Principal,
) -> NewJob:
    """Return the job of a benchmark without rows of its own.

    Raises:
        RefusedError: something in it is not offered; named.
        InvalidError: the configuration is wrong, with the place.
        MissingError: the model is not registered.
    """
    candidate = read_candidate(config.eval_candidate)
    model = model_of(service, candidate.model, caller)
    if candidate.system is not None:
        raise RefusedError(f"eval_candidate: the benchmark '{name}' has no place for a `system_message`")
    for function in config.scoring:
        raise RefusedError(f"scoring_params: the benchmark '{name}' has no scoring function `{function}`")
    task = name.rpartition("::")[2]
    wanted = _config(stored) if form == "nemo" else {"type": task, "params": {"extra": _extra(stored)}}
    new = native_job(
        service,
        read_config(wanted),
        Aim(model=model),
        project=caller.project,
        sampling=candidate.said,
        limit=config.num_examples,
    )
    asked = Asked(benchmark=name, form=form, task=task)
    return msgspec.structs.replace(
        new, name=name, dialect=DIALECT, subject=name, asked=new.asked | {KEY: msgspec.to_builtins(asked)}
    )


def configured_response(service: Service, job: Job) -> EvaluateResponse:
    """Return the answers of such a job, and its scores as the providers of Llama Stack told them."""
    asked = asked_of(job)
    samples = [each for each in service.samples(job) if each.stage == "main"]
    generations: list[dict[str, Any]] = [
        {"generated_answer": each.text} | ({} if each.ok else {"outcome": each.outcome}) for each in samples
    ]
    if asked.form == "nemo":
        whole = ScoringResult(score_rows=[], aggregated_results=figures(service, job))
        return EvaluateResponse(generations=generations, scores={asked.benchmark: whole})
    scores: dict[str, dict[CaseKey, Score]] = {}
    for score in service.scores(job):
        if score.stage == "main":
            scores.setdefault(f"{asked.task}:{score.metric}", {})[score.case, score.repeat] = score
    return EvaluateResponse(
        generations=generations, scores={name: _result(found) for name, found in sorted(scores.items())}
    )


def _result(scores: Mapping[CaseKey, Score]) -> ScoringResult:
    """Return a metric of a task, whose average is that of our own results: a row without a grade has 0."""
    found = case_values(scores, {}, errors_count=True)
    average = fmean(found.values) if found.values else None
    return ScoringResult(
        score_rows=[_row(each) for each in scores.values()],
        aggregated_results={"average": {"average": average}},
    )


def _row(score: Score) -> dict[str, Any]:
    told: dict[str, Any] = {"score": score.value}
    return told | ({} if score.value is not None else {"outcome": score.outcome, "reason": score.reason})


def _config(stored: Stored) -> dict[str, Any]:
    """Return the configuration in the metadata; an older page wraps it as `config`."""
    inner: object = stored.metadata.get("config")
    return cast("dict[str, Any]", inner) if isinstance(inner, dict) else stored.metadata


def _extra(stored: Stored) -> dict[str, Any]:
    extra = {key: value for key, value in stored.metadata.items() if key not in _SAYS_NOTHING}
    for key in extra:
        if key != "num_fewshot":
            raise RefusedError(f"metadata: `{key}` is not offered for a task of lm-eval")
    return extra
