"""Benchmarks that a NeMo Evaluator server runs: submitted there once, mirrored, results kept here."""

from typing import Any, Literal

import msgspec

from bakeoff.server.access import Principal
from bakeoff.server.dialects.llama_stack.bodies import BenchmarkConfig
from bakeoff.server.dialects.llama_stack.candidates import read_candidate
from bakeoff.server.dialects.llama_stack.shapes import EvaluateResponse, JobShown, Progress, ScoringResult
from bakeoff.server.faults import MissingError, RefusedError
from bakeoff.server.nemo import Config, Target
from bakeoff.server.nemo.remote_jobs import (
    THING,
    Once,
    cancel_remote,
    mirrored,
    remote_of,
    start_remote,
)
from bakeoff.server.nemo.shapes import Params, described
from bakeoff.server.service import Service
from bakeoff.server.specs.references import TARGET
from bakeoff.server.store.objects import Thing
from bakeoff.server.times import iso
from bakeoff.spec.adopted import mapping

Status = Literal["scheduled", "in_progress", "completed", "failed", "cancelled"]
KEY = "llama_stack"
_PREFIX = "eval-"
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


def start(
    service: Service,
    benchmark: str,
    config: Config,
    asked: BenchmarkConfig,
    caller: Principal,
    once: Once,
) -> Thing:
    """Submit a benchmark to the server that its configuration is marked for.

    Args:
        service: keeps the job.
        benchmark: its name.
        config: its configuration, with the mark.
        asked: model, sampling parameters and number of rows of this run.
        caller: whose job it is.
        once: the same key with the same request gives the job of before.

    Raises:
        RefusedError: something in it cannot be handed on; named.
        ConflictError: the key was given with another request.
        RemoteError: the server refuses the job or does not answer.
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
    request = msgspec.to_builtins({"benchmark": benchmark, "asked": asked.model_dump(mode="json")})
    told = {
        "about": {"namespace": remote.namespace},
        "config": described(config),
        "target": described(target),
        KEY: request,
    }
    return start_remote(service, config, target, remote, told, caller, once=once)


def find(service: Service, benchmark: str, job: str, caller: Principal) -> Thing | None:
    """Return a job of this kind as its server has it now, None for a job of our own engine.

    Raises:
        MissingError: there is no such job.
    """
    if not job.startswith(_PREFIX):
        return None
    found = service.objects.find(THING, job, project=caller.project)
    if found is None or _benchmark(found) != benchmark:
        raise MissingError("job", job)
    return mirrored(service, found)


def latest(service: Service, benchmark: str, caller: Principal) -> Thing | None:
    """Return the benchmark's latest job of this kind that was finished."""
    found = [
        thing
        for thing in service.objects.all(THING, project=caller.project)
        if _benchmark(thing) == benchmark and thing.body["status"] == "completed"
    ]
    return found[-1] if found else None


def cancel(service: Service, thing: Thing) -> None:
    """Have a job's server end it; one that has ended stays as it is."""
    cancel_remote(service, thing)


def response(thing: Thing) -> EvaluateResponse:
    """Return the scores of an ended job, as the provider for NeMo told them: no answers are handed over.

    Raises:
        RefusedError: it has none.
    """
    status = _STATUS[thing.body["status"]]
    if status in {"scheduled", "in_progress"}:
        raise RefusedError(f"Job '{thing.name}' is {status} and has no result yet", hint="poll its status")
    if status != "completed":
        raise RefusedError(f"Job '{thing.name}' {status}: {thing.body['details'].get('message')}")
    figures = {name: thing.body["result"][name] for name in ("tasks", "groups")}
    whole = ScoringResult(score_rows=[], aggregated_results=figures)
    return EvaluateResponse(generations=[], scores={_benchmark(thing): whole})


def shown(thing: Thing) -> JobShown:
    """Return a job as clients of Llama Stack see it."""
    here = f"/v1/eval/benchmarks/{_benchmark(thing)}/jobs/{thing.name}"
    status = _STATUS[thing.body["status"]]
    ended = status in {"completed", "failed", "cancelled"}
    details = thing.body["details"]
    limit = mapping(thing.body["config"].get("params")).get("limit_samples")
    return JobShown(
        job_id=thing.name,
        status=status,
        created_at=iso(thing.created_at) or "",
        started_at=None,
        finished_at=iso(thing.updated_at) if ended else None,
        progress=Progress(done=_whole(details.get("samples_processed")), total=_whole(limit), failed=0),
        error=str(details.get("message")) if status == "failed" else None,
        links={"self": here, "result": f"{here}/result", "job": f"/v1/evaluation/jobs/{thing.name}"},
    )


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


def _benchmark(thing: Thing) -> str:
    return str(mapping(thing.body.get(KEY)).get("benchmark", ""))


def _whole(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
