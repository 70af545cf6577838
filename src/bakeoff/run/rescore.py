"""Grade a stored run again, by the same scorers or by others: raw answers are there, so nothing is sent."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import yaml

from bakeoff import clock
from bakeoff.engine.grading import SlowGrading, grade
from bakeoff.engine.stage import Bench
from bakeoff.errors import DataError, UsageError
from bakeoff.prompts.modes import with_modes
from bakeoff.records import Event, Sample, Spec
from bakeoff.run.benches import check_gradable, make_scorers, placed_scorers
from bakeoff.run.finish import Finished, finish
from bakeoff.run.folder import read_cases, read_events, read_facts, read_plan
from bakeoff.run.modes import modes_of
from bakeoff.spec import LoadedSpec
from bakeoff.stores.jsonl import JsonlStore, read_records, remove
from bakeoff.stores.redact import Redactor

_PART = "rescore.part"


def with_scorers(stored: LoadedSpec, other: LoadedSpec) -> LoadedSpec:
    """Return the stored spec with the scorers, error policies and decision rule of another.

    Raises:
        UsageError: the other spec has a benchmark that the run has not.
    """
    known = {benchmark.name for benchmark in stored.spec.benchmarks}
    strange = [b.name for b in other.spec.benchmarks if b.name not in known]
    if strange:
        raise UsageError(
            f"the run has no benchmark `{strange[0]}`", hint=f"its benchmarks: {', '.join(sorted(known))}"
        )
    theirs = {b.name: b for b in other.spec.benchmarks}
    rows: dict[str, dict[str, Any]] = {row["name"]: row for row in other.document["benchmarks"]}
    benchmarks = [
        msgspec.structs.replace(b, scorers=new.scorers, errors_count=new.errors_count)
        if (new := theirs.get(b.name))
        else b
        for b in stored.spec.benchmarks
    ]
    document = dict(stored.document)
    document["benchmarks"] = [
        row | {key: rows[row["name"]][key] for key in ("scorers", "errors_count")}
        if row["name"] in rows
        else row
        for row in stored.document["benchmarks"]
    ]
    document["decide"] = other.document["decide"]
    spec = msgspec.structs.replace(stored.spec, benchmarks=benchmarks, decide=other.spec.decide)
    return msgspec.structs.replace(stored, spec=spec, document=document)


async def rescore(folder: Path, loaded: LoadedSpec, tell: Callable[[int], None]) -> Finished:
    """Replace a run's scores by those of the spec's scorers, and write its reports again.

    The scores and the spec that were there are kept as `scores.1.jsonl`, `spec.1.yaml` and so on. Until all
    new scores are there, the old ones stand.

    Args:
        folder: the run's directory.
        loaded: the run's spec, its scorers as they are to be.
        tell: called with the number of graded samples now and then.

    Raises:
        DataError: the cases of a benchmark are not stored, or lack what a scorer needs.
        RunLockedError: another process is writing the run.
    """
    benches = _benches(folder, loaded.spec, loaded.base)
    redact = Redactor(loaded.secrets)
    with contextlib.closing(JsonlStore(folder, redact=redact)) as store:
        part = folder / _PART
        if part.exists():
            remove(part)
        with contextlib.closing(JsonlStore(part, redact=redact)) as fresh:
            fresh.grouped = True
            await _grade_all(folder, benches, fresh, tell)
        number = _free_number(folder)
        _keep(folder, "scores.jsonl", number)
        (part / "scores.jsonl").replace(folder / "scores.jsonl")
        remove(part)
        _keep(folder, "spec.yaml", number)
        text = yaml.safe_dump(loaded.document, sort_keys=False, allow_unicode=True, width=100)
        store.put("spec.yaml", text.encode())
        anchor = read_facts(read_events(folder), folder).anchor.continued()
        facts = {
            "kept": number,
            "scorers": {name: [s.name for s in b.scorers] for name, b in benches.items()},
        }
        store.add(Event(kind="run_rescored", at=clock.now_ns() - anchor.mono_ns, facts=facts))
    return finish(folder, loaded.spec)


async def _grade_all(
    folder: Path, benches: dict[str, Bench], fresh: JsonlStore, tell: Callable[[int], None]
) -> None:
    warmups = {stage.name for stage in read_plan(folder).stages if stage.warmup}
    count = 0
    async with SlowGrading(fresh.add) as slow:
        for sample in read_records(folder, Sample):
            bench = benches.get(sample.benchmark)
            if bench is None or sample.stage in warmups:
                continue
            case = bench.cases[sample.case]
            for score in grade(sample, case, bench.scorers):
                fresh.add(score)
            await slow.begin(sample, case, bench.scorers)
            count += 1
            if count % 1000 == 0:
                tell(count)
    tell(count)


def _benches(folder: Path, spec: Spec, base: Path) -> dict[str, Bench]:
    """Return the graded benchmarks with their stored cases."""
    stored = read_cases(folder)
    found: dict[str, Bench] = {}
    for benchmark in with_modes(spec, modes_of(read_events(folder))).benchmarks:
        if not benchmark.scorers:
            continue
        cases = stored.get(benchmark.name)
        if cases is None:
            raise DataError(
                f"the cases of `{benchmark.name}` are not stored, because nothing graded them",
                where=str(folder),
                hint="run it again with its scorers",
            )
        asked = list(cases.values())
        scorers = make_scorers(placed_scorers(benchmark, base), asked)
        check_gradable(benchmark.name, scorers, asked)
        found[benchmark.name] = Bench(spec=benchmark, cases=cases, scorers=scorers)
    return found


def _free_number(folder: Path) -> int:
    number = 1
    while (folder / f"scores.{number}.jsonl").exists() or (folder / f"spec.{number}.yaml").exists():
        number += 1
    return number


def _keep(folder: Path, name: str, number: int) -> None:
    """Keep a file under a numbered name beside its own, which stays until it is replaced."""
    stem, _, suffix = name.rpartition(".")
    path = folder / name
    if path.exists():
        (folder / f"{stem}.{number}.{suffix}").hardlink_to(path)
