"""Benchmarks: named, versioned sections that specs may use by name."""

from typing import Any, Literal

from fastapi import APIRouter, Response
from pydantic import Field

from bakeoff.server.endpoints import NOBODY
from bakeoff.server.faults import ConflictError, MissingError, RefusedError
from bakeoff.server.http.asking import Name, Version, refusals
from bakeoff.server.http.calls import Manager, Reader, TheService
from bakeoff.server.http.shown import Shape
from bakeoff.server.jobs.job import NewJob
from bakeoff.server.specs.builtin import BUILTIN, BuiltIn
from bakeoff.server.specs.drafts import draft
from bakeoff.server.specs.problems import placed
from bakeoff.server.specs.references import BENCHMARK
from bakeoff.server.store.objects import Thing
from bakeoff.server.times import iso
from bakeoff.server.values import check_values

ROUTER = APIRouter(prefix="/api/v1/benchmarks", tags=["benchmarks"], responses=refusals(404, 409, 422))


class BenchmarkBody(Shape):
    """A benchmark without its name."""

    section: dict[str, Any] = Field(description="what stands under `benchmarks:` in a spec, without `name`")


class BenchmarkShown(Shape):
    """A version of a benchmark; a spec names it in its `benchmarks` as `use` says."""

    name: str
    object: str = "benchmark"
    version: str
    latest: bool = True
    origin: Literal["built-in", "registered"]
    use: str
    text: str = ""
    section: dict[str, Any]
    owner: str = ""
    created_at: str | None = None


class BenchmarkList(Shape):
    """Benchmarks, the built-in ones first."""

    object: str = "list"
    data: list[BenchmarkShown]


@ROUTER.get("", summary="List benchmarks")
def list_benchmarks(service: TheService, caller: Reader) -> BenchmarkList:
    """Return the built-in benchmarks, then those of the project in their latest versions."""
    known = service.objects.all(BENCHMARK, project=caller.project)
    taken = {each.name for each in known}
    built_in = [_built_in(name, each) for name, each in BUILTIN.items() if name not in taken]
    return BenchmarkList(data=[*built_in, *(_shown(each) for each in known)])


@ROUTER.put("/{name}", summary="Register a benchmark, or a version of it")
def put(name: Name, body: BenchmarkBody, service: TheService, caller: Manager) -> BenchmarkShown:
    """Check a section as in a spec, and keep it; the same one as the latest changes nothing."""
    if name in BUILTIN:
        raise ConflictError(f"`{name}` is a built-in benchmark", hint="take another name")
    check_values(body.section)
    if "name" in body.section:
        raise RefusedError("section.name: the name stands in the address alone", hint="leave `name` out")
    # Nothing is sent, and the section names no model.
    document = {
        "models": [{"name": "model", "endpoint": NOBODY, "model": "model"}],
        "benchmarks": [{"name": name, **body.section}],
    }
    if body.section.get("models"):
        raise RefusedError("section.models: a registered benchmark is asked of all models of a spec")
    new = NewJob(name="draft", document=document)
    with placed("benchmarks[0].", "section."), draft(service, new, caller):
        pass
    found = service.objects.put(BENCHMARK, name, body.section, project=caller.project, owner=caller.name)
    return _shown(found)


@ROUTER.get("/{name}", summary="One benchmark")
def get(name: Name, service: TheService, caller: Reader, version: Version = None) -> BenchmarkShown:
    """Return a version of a benchmark, the latest by default."""
    found = service.objects.find(BENCHMARK, name, project=caller.project, version=version)
    if found is not None:
        return _shown(found)
    built_in = BUILTIN.get(name)
    if built_in is None or version not in {None, int(built_in.version)}:
        raise MissingError(BENCHMARK, name if version is None else f"{name}@{version}")
    return _built_in(name, built_in)


@ROUTER.get("/{name}/versions", summary="Versions of a benchmark")
def versions(name: Name, service: TheService, caller: Reader) -> BenchmarkList:
    """Return all versions of a benchmark, oldest first."""
    if name in BUILTIN:
        return BenchmarkList(data=[_built_in(name, BUILTIN[name])])
    service.objects.get(BENCHMARK, name, project=caller.project)
    found = service.objects.versions(BENCHMARK, name, project=caller.project)
    return BenchmarkList(data=[_shown(each) for each in found])


@ROUTER.delete("/{name}", status_code=204, summary="Forget a benchmark")
def delete(name: Name, service: TheService, caller: Manager) -> Response:
    """Forget a registered benchmark with all its versions; runs keep their copies."""
    if name in BUILTIN:
        raise ConflictError(f"`{name}` is a built-in benchmark")
    service.objects.delete(BENCHMARK, name, project=caller.project)
    return Response(status_code=204)


def _shown(thing: Thing) -> BenchmarkShown:
    return BenchmarkShown(
        name=thing.name,
        version=str(thing.version),
        latest=thing.latest,
        origin="registered",
        use=f"{thing.name}@{thing.version}",
        section=thing.body,
        owner=thing.owner,
        created_at=iso(thing.created_at),
    )


def _built_in(name: str, found: BuiltIn) -> BenchmarkShown:
    return BenchmarkShown(
        name=name,
        version=found.version,
        origin="built-in",
        use=f"{name}@{found.version}",
        text=found.text,
        section=dict(found.section),
    )
