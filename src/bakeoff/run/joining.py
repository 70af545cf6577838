"""Join what several files hold to one run: which of their models and benchmarks are the same ones.

A model whose answers one file graded and whose speed another measured is one target, so that a verdict can
weigh both. What two files say of the same thing is never mixed: the later one gets a name of its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any
from urllib.parse import urlsplit

import msgspec

from bakeoff.errors import UsageError
from bakeoff.plugins import suggest
from bakeoff.prompts import content_hash
from bakeoff.records import Case, Sample, Target
from bakeoff.records.imported import Imported, ImportedBenchmark, Reported

_replace = msgspec.structs.replace


class _Known(msgspec.Struct, kw_only=True):
    """A target so far: who measured it where, and its benchmarks, each with whether it measures speed."""

    target: Target
    tool: str
    benchmarks: dict[str, bool]


class _Rows(msgspec.Struct, kw_only=True):
    """A benchmark so far, with the content of its cases by id."""

    benchmark: ImportedBenchmark
    cases: dict[str, str]


def joined(parts: Sequence[Imported], names: Mapping[str, str] | None = None) -> list[Imported]:
    """Return the parts so that no two say different things under one name.

    Args:
        parts: what each tool's files hold.
        names: what targets of the files are called in the run; two that get one name are one target.

    Raises:
        UsageError: no file has a target of such a name.
    """
    given = dict(names or {})
    _check_names(parts, given)
    targets: dict[str, _Known] = {}
    rows: dict[str, _Rows] = {}
    found: list[Imported] = []
    for part in parts:
        benchmarks = {bench.name: _benchmark_name(part, bench, rows) for bench in part.benchmarks}
        renamed: dict[str, str] = {}
        notes: list[str] = []
        for target in part.targets:
            asked = _asked(part, target.name, benchmarks)
            name = given.get(target.name, target.name)
            known = targets.get(name)
            if known is not None and not _same(known, target, asked, named=target.name in given):
                name, known = _free(name, part.tool, targets), None
            if known is None:
                targets[name] = _Known(target=target, tool=part.tool, benchmarks=asked)
            else:
                notes += _assumed(known, target, part.tool)
                known.benchmarks |= asked
            renamed[target.name] = name
        part = _replace(part, notes=[*part.notes, *notes])  # noqa: PLW2901  the same part, with what was assumed
        found.append(_renamed(part, renamed, benchmarks, {n: one.target for n, one in targets.items()}))
    return found


def union(rows: Sequence[Sequence[Case]]) -> list[Case]:
    """Return the cases of one benchmark in several files, each once."""
    found: dict[str, Case] = {}
    for case in (case for each in rows for case in each):
        found.setdefault(case.id, case)
    return list(found.values())


def _check_names(parts: Sequence[Imported], given: Mapping[str, str]) -> None:
    known = list(dict.fromkeys(target.name for part in parts for target in part.targets))
    for name in given:
        if name not in known:
            raise UsageError(
                f"no file has a model called `{name}`.{suggest(name, known)}",
                hint=f"the files have: {', '.join(known)}",
            )


def _asked(part: Imported, target: str, benchmarks: Mapping[str, str]) -> dict[str, bool]:
    """Return the benchmarks that a part asked a target, and whether each measures speed."""
    rows: Iterable[Sample | Reported] = chain(part.samples, part.reported)
    names = {row.benchmark for row in rows if row.target == target}
    return {benchmarks[bench.name]: bench.measured for bench in part.benchmarks if bench.name in names}


def _same(known: _Known, target: Target, asked: Mapping[str, bool], *, named: bool) -> bool:
    """Tell whether a target of a further file is one that is known, and the two do not overlap."""
    if known.benchmarks.keys() & asked.keys():
        return False
    if named:
        return True
    complementary = set(known.benchmarks.values()).isdisjoint(asked.values())
    return known.target.model == target.model and (
        complementary or _host(known.target.endpoint) == _host(target.endpoint)
    )


def _assumed(known: _Known, target: Target, tool: str) -> list[str]:
    """Say what was taken for granted when two files' targets became one."""
    here, there = _host(known.target.endpoint), _host(target.endpoint)
    if here is not None and here == there and known.target.model == target.model:
        return []
    places = [
        f"{who} asked `{one.model}`{f' at {host}' if host else ', it does not say where'}"
        for who, one, host in ((known.tool, known.target, here), (tool, target, there))
    ]
    return [f"{known.target.name}: taken for one target, though {' and '.join(places)}"]


def _host(endpoint: str | None) -> str | None:
    return None if endpoint is None else urlsplit(endpoint).netloc or None


def _benchmark_name(part: Imported, bench: ImportedBenchmark, rows: dict[str, _Rows]) -> str:
    """Return the benchmark's name in the run, under which all its cases mean the same."""
    cases = {case.id: content_hash([_row(case)]) for case in part.cases.get(bench.name, [])}
    name = bench.name
    known = rows.get(name)
    if known is not None and not _agrees(known, bench, cases):
        name = _free(name, part.tool, rows)
        known = None
    if known is None:
        rows[name] = _Rows(benchmark=bench, cases=cases)
    else:
        known.cases |= cases
    return name


def _row(case: Case) -> Case:
    """Return what two models share of a case, whose chat templates may word its prompt differently."""
    return _replace(case, messages=(), prompt=None) if case.fields else case


def _agrees(known: _Rows, bench: ImportedBenchmark, cases: Mapping[str, str]) -> bool:
    if not bench.measured and not known.benchmark.measured:
        # How an accuracy test was paced says nothing about its answers.
        bench = _replace(bench, load=known.benchmark.load)
    shared = known.cases.keys() & cases.keys()
    return known.benchmark == bench and all(known.cases[case] == cases[case] for case in shared)


def _free(name: str, tool: str, taken: Mapping[str, object]) -> str:
    if name not in taken:
        return name
    named = f"{name}-{tool}"
    number = 2
    while named in taken:
        named = f"{name}-{tool}-{number}"
        number += 1
    return named


def _renamed(
    part: Imported,
    targets: Mapping[str, str],
    benchmarks: Mapping[str, str],
    known: Mapping[str, Target],
) -> Imported:
    def at(record: Any) -> Any:  # noqa: ANN401  a sample, a score or reported numbers
        return _replace(record, target=targets[record.target], benchmark=benchmarks[record.benchmark])

    # The first file's word on a target stands for all.
    plain = all(old == new for names in (targets, benchmarks) for old, new in names.items())
    found = tuple(_replace(known[targets[each.name]], name=targets[each.name]) for each in part.targets)
    return _replace(
        part,
        targets=found,
        benchmarks=tuple(_replace(each, name=benchmarks[each.name]) for each in part.benchmarks),
        samples=part.samples if plain else [at(each) for each in part.samples],
        scores=part.scores if plain else [at(each) for each in part.scores],
        reported=part.reported if plain else [at(each) for each in part.reported],
        cases={benchmarks[name]: rows for name, rows in part.cases.items()},
    )
