"""Turn other tools' result files into a run directory, which every command then reads like one of our own."""

import contextlib
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec

from bakeoff import clock, plugins
from bakeoff.clock import Anchor
from bakeoff.errors import DataError
from bakeoff.extend import Importer
from bakeoff.records import Case, Event, Plan, Sample, Stage, Target
from bakeoff.records.imported import Imported, ImportFacts, Reported, SourceFile
from bakeoff.run.folder import RunFacts, new_folder, write_plan
from bakeoff.run.joining import joined, union
from bakeoff.spec.variables import escape
from bakeoff.stores.jsonl import JsonlStore

NOWHERE = "http://not-recorded.invalid/v1"
"""Stands for the endpoint in the spec of a run whose files do not name it."""

_LONGEST_NS = 1 << 62
_MOST_TOKENS = 10**9


class Beside(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a measurement beside its files.

    Attributes:
        decide: what the run is judged by, as in a spec.
        environment: facts about the measurement.
    """

    decide: Mapping[str, Any] = {}
    environment: Mapping[str, str] = {}


NOTHING = Beside()


def import_files(
    paths: Sequence[Path],
    root: Path,
    name: str | None = None,
    *,
    tool: str | None = None,
    command: str = "",
    names: Mapping[str, str] | None = None,
    beside: Beside = NOTHING,
) -> Path:
    """Write what the files hold into a new run directory under `root` and return it.

    Files that belong together, such as a summary and its requests, are read once. Several tools' files
    become one run. A model whose answers one of them graded and whose speed another measured is one target;
    where two tell of the same thing, each has a target of its own.

    Args:
        paths: result files, or folders with some in them.
        root: the folder of all runs.
        name: the run's name; the tools' by default.
        tool: the importer, where it cannot be found out.
        command: repeats the import.
        names: what targets of the files are called in the run; two that get one name are one target.
        beside: what the files do not hold.

    Raises:
        DataError: a file is of no known tool, or cannot be read whole.
        UsageError: no file has a target that `names` names.
    """
    parts = joined(_read(_files(paths, tool), tool), names)
    return write_imported(parts, root, name, command=command, beside=beside)


def write_imported(
    parts: Sequence[Imported],
    root: Path,
    name: str | None = None,
    *,
    command: str = "",
    beside: Beside = NOTHING,
) -> Path:
    """Write what was read into a new run directory under `root` and return it.

    Args:
        parts: what each tool told; no two say different things under one name.
        root: the folder of all runs.
        name: the run's name; the tools' by default.
        command: repeats the import.
        beside: what the parts do not hold.
    """
    tools = list(dict.fromkeys(part.tool for part in parts))
    label = name or "-".join(tools)
    folder = new_folder(root, label)
    plan = _plan(parts)
    with contextlib.closing(JsonlStore(folder)) as store:
        cases = _cases(parts)
        document = _document(label, parts) | ({"decide": dict(beside.decide)} if beside.decide else {})
        store.grouped = True
        for event in _beginning(parts, folder, command, beside.environment):
            store.add(event)
        for part in parts:
            for sample in part.samples:
                store.add(sample)
            for score in part.scores:
                store.add(score)
        store.add(Event(kind="run_ended", at=_end(parts)))
        store.sync()
        # With its plan a directory becomes a run: what is cut off before is none.
        write_plan(store, plan, document, cases)
    return folder


def find_importer(path: Path) -> str | None:
    """Return the name of the tool whose file this is, None for a file of no known tool."""
    for name in plugins.names("importers"):
        importer: Importer = plugins.create("importers", name, {})
        if importer.detect(path):
            return name
    return None


def _files(paths: Sequence[Path], tool: str | None) -> list[Path]:
    """Return the files to read: those given, and of a folder those of a known tool."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = [each for each in sorted(path.rglob("*")) if each.is_file() and find_importer(each)]
            if not inside:
                raise DataError("holds no file of a known tool", where=str(path), hint=_known())
            found += inside
        elif not path.is_file():
            raise DataError("there is no such file", where=str(path))
        elif tool is None and find_importer(path) is None:
            raise DataError("is not a result file of a known tool", where=str(path), hint=_known())
        else:
            found.append(path)
    return found


def _known() -> str:
    return f"known: {', '.join(plugins.names('importers'))}; `--tool NAME` chooses one"


def _read(files: Sequence[Path], tool: str | None) -> list[Imported]:
    parts: list[Imported] = []
    done: set[Path] = set()
    for path in files:
        if path.resolve() in done:
            continue
        importer: Importer = plugins.create("importers", tool or find_importer(path) or "", {})
        part = importer.read(path)
        if not part.samples and not part.reported:
            raise DataError("holds no result", where=str(path))
        for sample in part.samples:
            _check_size(sample, path)
        done |= {each.resolve() for each in part.sources}
        parts.append(part)
    return parts


def _check_size(sample: Sample, path: Path) -> None:
    """Refuse numbers that no run has, and that would stop a report later."""
    usage = sample.usage
    times = (sample.scheduled_at, sample.sent_at, sample.first_token_at, sample.last_token_at, sample.done_at)
    counts = (usage.prompt, usage.completion, usage.cached, usage.reasoning, sample.chunks)
    for name, values, limit in (("time", times, _LONGEST_NS), ("count", counts, _MOST_TOKENS)):
        for value in values:
            if value is not None and abs(value) > limit:
                raise DataError(f"request {sample.case} has a {name} of {value:.3g}", where=str(path))
    start = sample.scheduled_at if sample.sent_at is None else sample.sent_at
    if any(moment is not None and moment < start for moment in times[2:]):
        raise DataError(f"request {sample.case} ends before it begins", where=str(path))


def _cases(parts: Sequence[Imported]) -> dict[str, list[Case]]:
    names = dict.fromkeys(name for part in parts for name in part.cases)
    return {name: union([part.cases.get(name, []) for part in parts]) for name in names}


def _plan(parts: Sequence[Imported]) -> Plan:
    digest = hashlib.sha256()
    for part in parts:
        for source in part.sources:
            digest.update(hashlib.sha256(source.read_bytes()).digest())
    stages = [stage for part in parts for stage in _stages(part)]
    targets: dict[str, Target] = {each.name: each for part in parts for each in part.targets}
    return Plan(hash=digest.hexdigest(), seed=0, targets=list(targets.values()), stages=stages)


def _stages(part: Imported) -> Iterator[Stage]:
    """Yield a stage for each one that samples name, and for each benchmark that has reported numbers only."""
    asked: dict[tuple[str, str, str], list[Sample]] = {}
    for sample in part.samples:
        asked.setdefault((sample.benchmark, sample.target, sample.stage), []).append(sample)
    for one in part.reported:
        asked.setdefault((one.benchmark, one.target, "main"), [])
    by_name = {bench.name: bench for bench in part.benchmarks}
    for (benchmark, target, stage), samples in asked.items():
        bench = by_name[benchmark]
        yield Stage(
            name=stage,
            benchmark=benchmark,
            target=target,
            cases=list(dict.fromkeys(sample.case for sample in samples)),
            requests=len(samples),
            load=bench.load or {"kind": "unknown"},
            warmup=stage == "warmup",
            measured=bench.measured,
            countable=bench.countable,
        )


def _document(name: str, parts: Sequence[Imported]) -> dict[str, Any]:
    """Return a spec that loads again: it names models and benchmarks, and asks nothing by itself."""
    models = {
        target.name: {
            "name": target.name,
            "endpoint": escape(target.endpoint or NOWHERE),
            "model": escape(target.model),
        }
        for part in parts
        for target in part.targets
    }
    benchmarks = {
        bench.name: {
            "name": bench.name,
            "version": escape(bench.version),
            "dataset": {"type": "jsonl", "path": escape(part.sources[-1].name)},
            "measured": bench.measured,
            "metrics": list(bench.metrics),
            **({"load": bench.load} if bench.load else {}),
            **({"models": asked} if len(asked := _asked(parts, bench.name)) < len(models) else {}),
        }
        for part in reversed(parts)
        for bench in part.benchmarks
    }
    order = dict.fromkeys(bench.name for part in parts for bench in part.benchmarks)
    return {
        "version": 1,
        "name": escape(name),
        "models": list(models.values()),
        "benchmarks": [benchmarks[each] for each in order],
    }


def _asked(parts: Sequence[Imported], benchmark: str) -> list[str]:
    """Return the targets that have something in a benchmark."""
    found: dict[str, None] = {}
    for part in parts:
        rows: Iterable[Sample | Reported] = chain(part.samples, part.reported)
        found |= dict.fromkeys(row.target for row in rows if row.benchmark == benchmark)
    return list(found)


def _beginning(
    parts: Sequence[Imported], folder: Path, command: str, environment: Mapping[str, str]
) -> Iterator[Event]:
    """Yield the events of a run's beginning, and what each tool's part came from."""
    walls = [part.wall_ns for part in parts if part.wall_ns is not None]
    tools = ", ".join(f"{part.tool} {part.version or '(version unknown)'}" for part in parts)
    facts = RunFacts(
        anchor=Anchor(wall_ns=min(walls, default=clock.wall_ns()), mono_ns=0, boot=""),
        base=str(parts[0].sources[0].resolve().parent) if parts[0].sources else str(folder),
        command=command,
        environment={"imported from": tools, **environment},
    )
    yield Event(kind="run_started", facts=msgspec.to_builtins(facts))
    for part in parts:
        told = ImportFacts(
            tool=part.tool,
            version=part.version,
            files=[_source(path) for path in part.sources],
            reported=part.reported,
            notes=_notes(part),
        )
        yield Event(kind="imported", facts=msgspec.to_builtins(told))


def _notes(part: Imported) -> list[str]:
    """Return the part's notes, and that its numbers are another tool's."""
    whose = f"{part.tool} {part.version}" if part.version else part.tool
    when = [] if part.wall_ns is not None else ["the files do not tell when this was measured"]
    return [f"imported from {whose}; bakeoff did not measure this itself", *when, *part.notes]


def _source(path: Path) -> SourceFile:
    data = path.read_bytes()
    return SourceFile(name=path.name, sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))


def _end(parts: Sequence[Imported]) -> int:
    return max((sample.done_at or 0 for part in parts for sample in part.samples), default=0)
