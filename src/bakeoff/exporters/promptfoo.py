"""promptfoo: the file that `promptfoo eval -o results.json` writes, for `promptfoo import` and `view`.

A column of promptfoo's table is a prompt at a provider: here a benchmark at a target. A row is a test: here a
case and its repeat. Warm-up is left out.
"""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import msgspec

from bakeoff import __version__
from bakeoff.errors import TemplateError, UsageError
from bakeoff.exporters._promptfoo_rows import FAILED_BY_ERROR, Cell, Row, row_of
from bakeoff.prompts import PromptRenderer
from bakeoff.records import BenchmarkSpec, Case, Sample, Sampling, Score, Target
from bakeoff.records.imported import StoredRun

_COMPLETIONS = "openai_completions"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_Column = tuple[str, str]
_Cases = Mapping[str, Mapping[str, Case]]


class Promptfoo(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A result file that promptfoo itself can import and view."""

    def write(self, run: StoredRun, folder: Path) -> list[Path]:
        """Write `results.json`."""
        found = _latest(run)
        if not found:
            raise UsageError(f"the run `{run.results.run}` holds no sample, so there is nothing to export")
        columns = _columns(run, found)
        rows = sorted(_rows(run, found, columns), key=lambda row: (row.test_idx, row.prompt_idx))
        path = folder / "results.json"
        path.write_bytes(msgspec.json.encode(_document(run, columns, rows)) + b"\n")
        return [path]


def _latest(run: StoredRun) -> dict[tuple[Any, ...], Sample]:
    """Return the last sample of each intent, which stands where failed ones were sent again."""
    return {sample.key: sample for sample in run.samples() if sample.stage not in run.warmups}


def _columns(run: StoredRun, found: dict[tuple[Any, ...], Sample]) -> list[_Column]:
    """Return benchmark and target of each column, in the order of the spec."""
    have = {(sample.benchmark, sample.target) for sample in found.values()}
    planned = [(b.name, t.name) for t in run.plan.targets for b in run.spec.benchmarks]
    return [column for column in planned if column in have]


class _Prompts:
    """The prompts of a benchmark: as a template, and as it was asked for a case."""

    def __init__(self, spec: BenchmarkSpec, target: Target) -> None:
        form: Literal["chat", "completion"] = "completion" if target.provider == _COMPLETIONS else "chat"
        self._renderer = PromptRenderer(spec.prompt, form=form, sampling=Sampling(), benchmark=spec.name)
        prompt = spec.prompt
        template = prompt.example if form == "completion" and prompt.example else prompt.template
        self.raw = template or (_json(prompt.messages) if prompt.messages else spec.name)
        self.id = hashlib.sha256(f"{spec.name}\0{self.raw}".encode()).hexdigest()
        self.label = spec.name

    def asked(self, case: Case) -> str:
        """Return what a case asks: its text, or its turns as JSON; the template where that is not known."""
        try:
            request = self._renderer.render(case)
        except TemplateError:
            return self.raw
        if request.prompt is not None:
            return request.prompt
        (*before, last) = request.messages
        return last.content if not before and isinstance(last.content, str) else _json(request.messages)


def _rows(run: StoredRun, found: dict[tuple[Any, ...], Sample], columns: list[_Column]) -> Iterable[Row]:
    targets = {target.name: target for target in run.plan.targets}
    specs = {spec.name: spec for spec in run.spec.benchmarks}
    prompts = {(b, t): _Prompts(specs[b], targets[t]) for b, t in columns}
    places = {column: index for index, column in enumerate(columns)}
    scores: dict[tuple[Any, ...], dict[str, Score]] = {}
    for score in run.scores():
        key = (score.benchmark, score.case, score.target, score.repeat, score.stage)
        scores.setdefault(key, {})[score.scorer] = score
    cases = run.cases()
    tests = _Tests(cases)
    for key, sample in found.items():
        column = (sample.benchmark, sample.target)
        if column not in places:
            continue
        case = cases.get(sample.benchmark, {}).get(sample.case) or Case(id=sample.case)
        prompt = prompts[column]
        cell = Cell(
            prompt_idx=places[column],
            test_idx=tests.place(sample, case),
            prompt_id=prompt.id,
            prompt={"raw": prompt.asked(case), "label": prompt.label},
            target=targets[sample.target],
            case=case,
        )
        yield row_of(cell, sample, list(scores.get(key, {}).values()))


class _Tests:
    """The tests of all columns, numbered: equal cases of several benchmarks are one test.

    Args:
        cases: by benchmark and id, in the order of the data.
    """

    def __init__(self, cases: _Cases) -> None:
        self._places: dict[tuple[Any, ...], int] = {}
        for case in (case for rows in cases.values() for case in rows.values()):
            self._number((case.id, _json(case.fields), 0, "main"))

    def place(self, sample: Sample, case: Case) -> int:
        """Return the number of a sample's test; each repeat is a test of its own, as promptfoo has it."""
        return self._number((case.id, _json(case.fields), sample.repeat, sample.stage))

    def _number(self, key: tuple[Any, ...]) -> int:
        return self._places.setdefault(key, len(self._places))


def _document(run: StoredRun, columns: list[_Column], rows: list[Row]) -> dict[str, Any]:
    made = _EPOCH + timedelta(microseconds=run.wall_ns // 1000)
    stamp = made.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    short = hashlib.sha256(run.results.run.encode()).hexdigest()[:3]
    targets = {target.name: target for target in run.plan.targets}
    specs = {spec.name: spec for spec in run.spec.benchmarks}
    columns_rows: list[list[Row]] = [[] for _ in columns]
    for row in rows:
        columns_rows[row.prompt_idx].append(row)
    shown = [
        _column(_Prompts(specs[benchmark], targets[target]), target, column_rows)
        for (benchmark, target), column_rows in zip(columns, columns_rows, strict=True)
    ]
    providers = [{"id": f"{each.provider}:{each.model}", "label": each.name} for each in run.plan.targets]
    return {
        "evalId": f"eval-{short}-{stamp[:19]}",
        "results": {
            "version": 3,
            "timestamp": stamp,
            "prompts": shown,
            "results": rows,
            "stats": _stats(rows),
        },
        "config": {
            "description": f"{run.results.name} ({run.results.run})",
            "prompts": list(dict.fromkeys(each["raw"] for each in shown)),
            "providers": providers,
            "tests": [],
        },
        "shareableUrl": None,
        "metadata": {
            "bakeoffVersion": __version__,
            "exportedAt": stamp,
            "evaluationCreatedAt": stamp,
        },
        "vars": sorted({name for row in rows for name in row.vars}),
    }


def _column(prompt: _Prompts, target: str, rows: list[Row]) -> dict[str, Any]:
    """Return a column's head with the sums over its rows."""
    components = [each for row in rows if row.grading_result for each in row.grading_result.component_results]
    passes = sum(each.passed for each in components)
    sums: dict[str, dict[str, float]] = {"namedScores": {}, "namedScoresCount": {}, "namedScoreWeights": {}}
    for row in rows:
        for name, value in row.named_scores.items():
            weight = row.grading_result.named_score_weights[name] if row.grading_result else 0.0
            for key, more in zip(sums, (value, 1, weight), strict=True):
                sums[key][name] = sums[key].get(name, 0) + more
    counts = _counts(rows)
    return {
        "id": prompt.id,
        "raw": prompt.raw,
        "label": prompt.label,
        "provider": target,
        "metrics": {
            "score": sum(row.score for row in rows),
            "testPassCount": counts["successes"],
            "testFailCount": counts["failures"],
            "testErrorCount": counts["errors"],
            "assertPassCount": passes,
            "assertFailCount": len(components) - passes,
            "totalLatencyMs": sum(row.latency_ms or 0 for row in rows),
            "tokenUsage": _usage(rows),
            **sums,
            "cost": sum(row.cost or 0.0 for row in rows),
        },
    }


def _counts(rows: list[Row]) -> dict[str, int]:
    errors = sum(row.failure_reason == FAILED_BY_ERROR for row in rows)
    passed = sum(row.success for row in rows)
    return {"successes": passed, "failures": len(rows) - passed - errors, "errors": errors}


def _stats(rows: list[Row]) -> dict[str, Any]:
    return {**_counts(rows), "tokenUsage": _usage(rows)}


def _usage(rows: list[Row]) -> dict[str, int]:
    """Return the sums of the tokens that are known."""
    tokens = [row.token_usage for row in rows]
    return {
        "prompt": sum(each.prompt or 0 for each in tokens),
        "completion": sum(each.completion or 0 for each in tokens),
        "cached": sum(each.cached or 0 for each in tokens),
        "total": sum(each.total or 0 for each in tokens),
        "numRequests": len(rows),
    }


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
