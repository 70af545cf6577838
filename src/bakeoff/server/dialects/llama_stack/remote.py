"""Benchmarks that a NeMo Evaluator server runs: submitted there once, mirrored, results kept here."""

from typing import Any, Literal

import msgspec

from bakeoff.server.access import Principal
from bakeoff.server.dialects.llama_stack.bodies import BenchmarkConfig
from bakeoff.server.dialects.llama_stack.candidates import read_candidate
from bakeoff.server.dialects.llama_stack.evaluation import DIALECT, KEY, Asked, asked_of
from bakeoff.server.dialects.llama_stack.shapes import EvaluateResponse, ScoringResult
from bakeoff.server.faults import RefusedError
from bakeoff.server.jobs.job import Job, NewJob
from bakeoff.server.nemo import Config, Target
from bakeoff.server.nemo.remote_jobs import mirrored, remote_job, remote_of, result_of
from bakeoff.server.nemo.shapes import Params, described
from bakeoff.server.service import Service
from bakeoff.server.specs.references import TARGET

Status = Literal["scheduled", "in_progress", "completed", "failed", "cancelled"]
_SAMPLING = ("temperature", "top_p", "max_tokens", "stop")
_STATUS: dict[str, Status] = {
    "created": "scheduled",
    "pending": "scheduled",
    "running": "in_progress",
    "cancelling": "in_progress",
    "completed": "completed",
    "failed": "failed",
    "cancelled": "cancelled",
}


def new_job(
    service: Service, benchmark: str, config: Config, asked: BenchmarkConfig, caller: Principal
) -> NewJob:
    """Return the job of a benchmark that the server does which its configuration is marked for.

    Args:
        service: knows the models, and what may be asked.
        benchmark: its name.
        config: its configuration, with the mark.
        asked: model, sampling parameters and number of rows of this run.
        caller: whose job it is.

    Raises:
        RefusedError: something in it cannot be handed on, or the server may not be asked; named.
    """
    remote = remote_of(config.custom_fields)
    assert remote is not None
    candidate = read_candidate(asked.eval_candidate)
    if candidate.system is not None:
        raise RefusedError(f"eval_candidate: the benchmark '{benchmark}' has no place for a `system_message`")
    for function in asked.scoring:
        raise RefusedError(
            f"scoring_params: the benchmark '{benchmark}' has no scoring function `{function}`"
        )
    target, sampling = _target(service, candidate.model, caller)
    config = _bounded(config, sampling | candidate.said, asked.num_examples)
    new = remote_job(service, config, target, remote, named=candidate.model)
    told = {
        "about": {"namespace": remote.namespace},
        "config": described(config),
        "target": described(target),
        KEY: msgspec.to_builtins(Asked(benchmark=benchmark, form="nemo")),
    }
    return msgspec.structs.replace(
        new, name=benchmark, dialect=DIALECT, subject=benchmark, asked={**new.asked, **told}
    )


def response(service: Service, job: Job) -> EvaluateResponse:
    """Return the scores of a job, as the provider for NeMo told them: no answers are handed over.

    Raises:
        RefusedError: it has none.
    """
    if job.state != "completed":
        why = mirrored(service, job).details["message"]
        raise RefusedError(f"Job '{job.id}' {job.state}: {why}")
    whole = ScoringResult(score_rows=[], aggregated_results=result_of(service, job))
    return EvaluateResponse(generations=[], scores={asked_of(job).benchmark: whole})


def status(service: Service, job: Job) -> Status:
    """Return how a job is, as clients of Llama Stack say it."""
    return _STATUS[mirrored(service, job).status]


def _target(service: Service, model: str, caller: Principal) -> tuple[Target, dict[str, Any]]:
    """Return where a model is for the other server, and the parameters that it is always asked with.

    A name that is not registered here is one that the other server knows.
    """
    thing = service.objects.find(TARGET, model, project=caller.project)
    if thing is None:
        return Target(type="model", model=model), {}
    body = thing.body
    if body.get("provider") not in {None, "openai_chat"} or not body.get("endpoint"):
        raise RefusedError(
            f"eval_candidate.model: `{model}` has no OpenAI-compatible `endpoint`, which a NeMo server needs"
        )
    endpoint = {
        "url": str(body["endpoint"]).rstrip("/") + "/chat/completions",
        "model_id": body.get("model", model),
        **({"api_key": body["api_key"]} if body.get("api_key") else {}),
    }
    return Target(type="model", model={"api_endpoint": endpoint}), dict(body.get("params") or {})


def _bounded(config: Config, sampling: dict[str, Any], rows: int | None) -> Config:
    """Return a configuration with the sampling parameters and number of rows of one run."""
    for name in sampling:
        if name not in _SAMPLING:
            raise RefusedError(f"sampling_params: `{name}` is not offered for a benchmark of a NeMo server")
    params = msgspec.structs.replace(config.params or Params(), **sampling)
    limits = [each for each in (params.limit_samples, rows) if each is not None]
    params = msgspec.structs.replace(params, limit_samples=min(limits, default=None))
    return msgspec.structs.replace(config, params=params)
