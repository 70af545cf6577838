"""lm-evaluation-harness: `results_*.json` and the `samples_<task>_*.jsonl` beside it.

A document has one line per filter: it becomes one sample, with one score per filter and metric. The files
hold no time. Where a filter found nothing (`[invalid]`), the harness gives 0; here the score is `unparsable`,
which counts as not right by default, so the value is the same, and what it would be without is told too. A
metric that is no share between 0 and 1 per document (perplexity, BLEU) stays a reported number.
"""

# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# The values come from other programs' JSON, whose shape is looked at where they are read.

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from bakeoff.importers._files import decode, decode_lines, first_line, has_keys, head
from bakeoff.importers._shape import make_target, safe_name
from bakeoff.records import Case, Estimate, Message, Sample, Score, Target
from bakeoff.records.imported import Imported, ImportedBenchmark, Reported

TOOL = "lm-eval"

_PASSES = frozenset({"exact_match", "acc", "acc_norm", "acc_mutual_info", "em", "pass@1"})
_SHARES = _PASSES | {"f1", "mcc", "prompt_level_strict_acc", "prompt_level_loose_acc"}


class _Line(msgspec.Struct, frozen=True):
    doc_id: int
    doc: dict[str, Any] = {}
    target: Any = None
    arguments: Any = None
    resps: list[Any] = []
    filtered_resps: list[Any] = []
    filter: str = "none"
    metrics: list[str] = []


class _Config(msgspec.Struct, frozen=True):
    model: str | None = None
    model_args: Any = None
    limit: float | None = None


class _Count(msgspec.Struct, frozen=True):
    original: int | None = None
    effective: int | None = None


class _Results(msgspec.Struct, frozen=True):
    results: dict[str, dict[str, Any]]
    config: _Config = _Config()
    configs: dict[str, dict[str, Any]] = {}
    versions: dict[str, Any] = {}
    counts: dict[str, _Count] = msgspec.field(name="n-samples", default_factory=dict)
    lm_eval_version: str | None = None
    model_name: str | None = None
    date: float | None = None


class LmEval(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Results of lm-evaluation-harness, with every document where its samples were logged."""

    def detect(self, path: Path) -> bool:
        """Tell whether this is a results file or a file of samples."""
        return _is_results(path) or _is_samples(path)

    def read(self, path: Path) -> Imported:
        """Return the run's content."""
        results_path, files = _group(path)
        found = decode(results_path, _Results, TOOL) if results_path else _Results(results={})
        target = _target(found)
        tasks = [_task(file, found, target.name) for file in files]
        logged = {task.name: task for task in tasks}
        names = list(dict.fromkeys([*logged, *(safe_name(name, "task") for name in found.results)]))
        reported = [_reported(name, found, target.name) for name in found.results]
        return Imported(
            tool=TOOL,
            version=found.lm_eval_version,
            targets=(target,),
            benchmarks=tuple(
                ImportedBenchmark(
                    name=name,
                    version=str(found.versions.get(name, "1")),
                    load=_load(found.config),
                    measured=False,
                    metrics=("e2e",),
                )
                for name in names
            ),
            samples=[sample for task in tasks for sample in task.samples],
            scores=[score for task in tasks for score in task.scores],
            cases={task.name: task.cases for task in tasks},
            reported=reported,
            sources=(*([results_path] if results_path else []), *files),
            wall_ns=None if found.date is None else int(found.date * 1e9),
            notes=[
                *_notes(found, logged.keys(), results_path is None),
                *_without_number(tasks, target.model),
            ],
        )


class _Task(msgspec.Struct, frozen=True, kw_only=True):
    """One task with its documents; `unknown` counts the scores that are no number, by metric."""

    name: str
    cases: list[Case]
    samples: list[Sample]
    scores: list[Score]
    unknown: dict[str, int]


def _is_results(path: Path) -> bool:
    data = head(path)
    return data.lstrip()[:1] == b"{" and has_keys(data, "results", "configs", "versions")


def _is_samples(path: Path) -> bool:
    return has_keys(first_line(path), "doc_id", "resps", "filtered_resps")


def _group(path: Path) -> tuple[Path | None, list[Path]]:
    """Return the results file and the files of samples that lie beside the given one and belong to it."""
    kin = [each for each in sorted(path.parent.glob("*.json*")) if _stamp(each) == _stamp(path)]
    if _is_results(path):
        return path, [each for each in kin if each.suffix == ".jsonl" and _is_samples(each)]
    results = next((each for each in kin if each.suffix == ".json" and _is_results(each)), None)
    return results, [path] if results is None else [e for e in kin if e.suffix == ".jsonl" and _is_samples(e)]


def _stamp(path: Path) -> str:
    """Return what the names of one run's files share: the harness's time, or all but the kind."""
    found = re.search(r"_(\d{4}-\d\d-\d\dT[\d.:-]+)\.jsonl?$", path.name)
    return found.group(1) if found else re.sub(r"-(results|samples)\.jsonl?$", "", path.name)


def _task(path: Path, found: _Results, target: str) -> _Task:
    name = safe_name(_task_name(path, found), "task")
    cases: dict[str, Case] = {}
    samples: dict[str, Sample] = {}
    scores: list[Score] = []
    unknown: Counter[str] = Counter()
    every = decode_lines(path, dict[str, Any], TOOL)
    for line, raw in zip(decode_lines(path, _Line, TOOL), every, strict=True):
        case = str(line.doc_id)
        if case not in cases:
            cases[case] = _case(case, line)
            samples[case] = _sample(name, case, target, line)
        scores += _scores(name, case, target, line, raw)
        unknown.update(
            f"{metric},{line.filter}" for metric in _SHARES & raw.keys() if _is_unknown(raw[metric])
        )
    return _Task(
        name=name,
        cases=list(cases.values()),
        samples=list(samples.values()),
        scores=scores,
        unknown=dict(unknown),
    )


def _task_name(path: Path, found: _Results) -> str:
    named = re.fullmatch(r"samples_(.+)_\d{4}-\d\d-\d\dT[\d.:-]+", path.stem)
    if named:
        return named.group(1)
    return next(iter(found.results)) if len(found.results) == 1 else path.stem


def _target(found: _Results) -> Target:
    arguments = found.config.model_args
    given: dict[str, Any] = {}
    if isinstance(arguments, dict):
        given = arguments
    elif isinstance(arguments, str):
        given = dict(part.split("=", 1) for part in arguments.split(",") if "=" in part)
    model = found.model_name or given.get("model") or given.get("pretrained") or found.config.model
    url = given.get("base_url")
    return make_target(str(model) if model else None, str(url) if url else None)


def _load(config: _Config) -> dict[str, Any] | None:
    given = config.model_args.get("num_concurrent") if isinstance(config.model_args, dict) else None
    return {"kind": "concurrent", "concurrency": given} if isinstance(given, int) and given > 0 else None


def _case(case: str, line: _Line) -> Case:
    # A harness's own template has put the question together; the row itself is what other runs share.
    reference = line.target if isinstance(line.target, str | int | float) else None
    return Case(id=case, fields=line.doc, reference=reference, messages=_messages(line.arguments))


def _messages(arguments: Any) -> tuple[Message, ...]:  # noqa: ANN401  lists, mappings or texts by version
    """Return the conversation that was sent, where the line holds one."""
    while isinstance(arguments, dict | list) and arguments:
        arguments = next(iter(arguments.values())) if isinstance(arguments, dict) else arguments[0]
    if not isinstance(arguments, str):
        return ()
    try:
        return tuple(msgspec.json.decode(arguments, type=list[Message]))
    except msgspec.DecodeError:
        return (Message(role="user", content=arguments),)


def _sample(task: str, case: str, target: str, line: _Line) -> Sample:
    answer = line.resps[0] if line.resps else None
    while isinstance(answer, list) and len(answer) == 1:
        answer = answer[0]
    text = answer if isinstance(answer, str) else ""
    generated = isinstance(answer, str)
    return Sample(
        benchmark=task,
        case=case,
        target=target,
        outcome="empty" if generated and not text.strip() else "ok",
        text=text,
        extra={} if generated else {"resps": line.resps},
    )


def _scores(task: str, case: str, target: str, line: _Line, raw: dict[str, Any]) -> Iterator[Score]:
    shown = line.filtered_resps[0] if line.filtered_resps else None
    for metric in line.metrics or [name for name in raw if name in _SHARES]:
        value = raw.get(metric)
        if metric not in _SHARES or not isinstance(value, int | float) or not 0 <= value <= 1:
            continue
        name = f"{metric},{line.filter}"
        lost = shown == "[invalid]"
        yield Score(
            benchmark=task,
            case=case,
            target=target,
            scorer=name,
            metric=name,
            value=float(value),
            passed=value == 1 if metric in _PASSES and value in (0, 1) else None,
            outcome="unparsable" if lost else "ok",
            reason=f"the filter `{line.filter}` found nothing" if lost else "",
            parsed=shown if isinstance(shown, str) and not lost else None,
        )


def _reported(name: str, found: _Results, target: str) -> Reported:
    counts = found.counts.get(name, _Count())
    metrics: dict[str, Estimate] = {}
    for key, value in found.results[name].items():
        metric, _, _filter = key.partition(",")
        if not _filter or metric.endswith("_stderr") or not isinstance(value, int | float):
            continue
        error = found.results[name].get(f"{metric}_stderr,{_filter}")
        told = f", stderr {error:.4g}" if isinstance(error, int | float) else ""
        unit = "share" if metric in _SHARES else ""
        note = f"as reported by {TOOL}{told}"
        metrics[key] = Estimate(value=float(value), unit=unit, n=counts.effective or 0, note=note)
    return Reported(benchmark=safe_name(name, "task"), target=target, metrics=metrics)


def _notes(found: _Results, logged: Iterable[str], alone: bool) -> Iterator[str]:  # noqa: FBT001  private
    if alone:
        yield "there is no results file beside the samples: the model is unknown"
    for name, counts in found.counts.items():
        if counts.effective is not None and counts.original and counts.effective < counts.original:
            yield (
                f"{name}: {counts.effective} of {counts.original} documents were asked: this is no score "
                "of the whole benchmark"
            )
    known = set(logged)
    for name in found.results:
        if safe_name(name, "task") not in known:
            yield f"{name}: its samples were not logged, so its numbers are lm-eval's own"


def _is_unknown(value: Any) -> bool:  # noqa: ANN401  whatever stands at a metric's name
    return value is None or (isinstance(value, float) and not math.isfinite(value))


def _without_number(tasks: Iterable[_Task], model: str) -> Iterator[str]:
    for task in tasks:
        for metric, count in sorted(task.unknown.items()):
            yield (
                f"{task.name}: {count} of {len(task.cases)} scores of {metric} for `{model}` are no number "
                "in the file: unknown, and left out"
            )
