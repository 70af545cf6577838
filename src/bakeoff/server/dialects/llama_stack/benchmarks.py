"""Benchmarks: register, list, look, forget."""

from typing import Any

import msgspec
from fastapi import APIRouter

from bakeoff.server.access import Principal
from bakeoff.server.dialects.llama_stack.bodies import InPath, NewBenchmark
from bakeoff.server.dialects.llama_stack.shapes import Benchmark, BenchmarkList
from bakeoff.server.faults import RefusedError
from bakeoff.server.http.calls import Manager, Reader, TheService
from bakeoff.server.service import Service
from bakeoff.server.store.objects import Thing

BENCHMARK = "llama_stack.benchmark"
PROVIDER = "bakeoff"
PROVIDERS = frozenset({PROVIDER, "meta-reference", "builtin", "nvidia", "trustyai_lmeval"})
"""Ours, and those that clients know; all are one: what a benchmark holds says how it is run."""


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """A benchmark as it is kept."""

    dataset_id: str
    scoring_functions: list[str]
    provider_id: str
    provider_resource_id: str
    metadata: dict[str, Any] = {}


def find_benchmark(service: Service, name: str, caller: Principal) -> Stored | None:
    """Return a benchmark, None where there is none."""
    thing = service.objects.find(BENCHMARK, name, project=caller.project)
    return None if thing is None else msgspec.convert(thing.body, Stored)


def register(body: NewBenchmark, service: TheService, caller: Manager) -> None:
    """Keep a benchmark under its name; one of that name is replaced, and runs under way keep theirs."""
    provider = body.provider_id or PROVIDER
    if provider not in PROVIDERS:
        raise RefusedError(f"Provider `{provider}` not found", hint=f"one of {', '.join(sorted(PROVIDERS))}")
    stored = Stored(
        dataset_id=body.dataset_id,
        scoring_functions=body.scoring_functions,
        provider_id=provider,
        provider_resource_id=body.provider_benchmark_id or body.benchmark_id,
        metadata=body.metadata or {},
    )
    service.objects.put(
        BENCHMARK, body.benchmark_id, msgspec.to_builtins(stored), project=caller.project, owner=caller.name
    )


def list_all(service: TheService, caller: Reader) -> BenchmarkList:
    """Return all benchmarks, oldest first."""
    found = service.objects.all(BENCHMARK, project=caller.project)
    return BenchmarkList(data=[_shown(thing) for thing in found])


def get(benchmark_id: InPath, service: TheService, caller: Reader) -> Benchmark:
    """Return a benchmark; one that is not there is a bad request, as it always was."""
    thing = service.objects.find(BENCHMARK, benchmark_id, project=caller.project)
    if thing is None:
        raise RefusedError(f"Benchmark '{benchmark_id}' not found")
    return _shown(thing)


def unregister(benchmark_id: InPath, service: TheService, caller: Manager) -> None:
    """Forget a benchmark; its jobs stay."""
    get(benchmark_id, service, caller)
    service.objects.delete(BENCHMARK, benchmark_id, project=caller.project)


def add_routes(router: APIRouter) -> None:
    """Add the routes; those with more in their path must stand before."""
    for base in ("/eval/benchmarks", "/eval-tasks"):
        router.post(base, summary="Register a benchmark")(register)
        router.get(base, summary="List benchmarks")(list_all)
        router.get(base + "/{benchmark_id:path}", summary="One benchmark")(get)
        router.delete(base + "/{benchmark_id:path}", summary="Forget a benchmark")(unregister)


def _shown(thing: Thing) -> Benchmark:
    return Benchmark(identifier=thing.name, **thing.body)
