"""The documents of one lm-eval task with a target's answers: sample lines, and the task's own aggregates."""

# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# lm-eval has no types; what comes from it is looked at where it is used.

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import msgspec

from bakeoff.harness import Judged, Wish, judge
from bakeoff.harness.judge import DOC, JudgeError, answers
from bakeoff.harness.questions import shots
from bakeoff.harness.task import module, quiet
from bakeoff.records import BenchmarkSpec, Case, Sample

_SMALL = frozenset({"bleu", "chrf", "chrf++", "ter"})
_INVALID = "[invalid]"


class Doc(msgspec.Struct, frozen=True, kw_only=True):
    """A document and what became of it; `judged` is empty where there was no whole answer."""

    case: Case
    sample: Sample
    judged: list[Judged]


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """One task's documents of one target.

    Attributes:
        task: of lm-eval.
        config: the task's configuration as it was asked.
        chat: whether the documents were asked as conversations.
    """

    name: str
    task: Any
    benchmark: BenchmarkSpec
    docs: list[Doc]
    config: dict[str, Any]
    chat: bool


def judged_doc(task: Any, case: Case, sample: Sample) -> Doc:  # noqa: ANN401  lm-eval has no types
    """Return a document with what the task says of the answer."""
    given = answers(task, case, sample) if sample.ok else []
    try:
        found = judge(task, case, given) if given else []
    except JudgeError:
        found = []
    return Doc(case=case, sample=sample, judged=found)


def sample_lines(work: Judgement) -> Iterator[dict[str, Any]]:
    """Yield one line for each filter and document, as lm-eval logs them, with the outcome beside."""
    for name in filters(work.task):
        for doc in work.docs:
            found = next((each for each in doc.judged if each.filter == name), None)
            values = _lost(work) if found is None else found.values
            yield _line(work, doc, name, found) | values


def aggregates(work: Judgement, draws: int) -> dict[str, Any]:
    """Return the task's entry of `results`: aggregated, with standard errors, by lm-eval's own functions."""
    columns: dict[str, list[Any]] = {}
    for name in filters(work.task):
        for doc in work.docs:
            found = next((each for each in doc.judged if each.filter == name), None)
            for metric, value in (_lost(work) if found is None else found.values).items():
                columns.setdefault(f"{metric},{name}", []).append(value)
    result: dict[str, Any] = {
        "name": work.name,
        "alias": work.task.config.task_alias or work.name,
        "sample_len": max(map(len, columns.values()), default=0),
    }
    for key, values in columns.items():
        result |= _aggregate(work.task, key, values, draws)
    return result


def config_of(task: Any, benchmark: BenchmarkSpec) -> dict[str, Any]:  # noqa: ANN401  lm-eval has no types
    """Return the task's configuration as it was asked."""
    options = benchmark.dataset.options
    config: dict[str, Any] = task.dump_config()
    config["num_fewshot"] = shots(task, Wish(num_fewshot=options.get("num_fewshot")))
    if "generation_kwargs" in config:
        config["generation_kwargs"] = config["generation_kwargs"] | options.get("gen_kwargs", {})
    return config


def number(case: Case) -> int:
    """Return the number of a case's document in its task."""
    return int(case.id.rpartition("/")[2])


def filters(task: Any) -> list[str]:  # noqa: ANN401  lm-eval has no types
    """Return the names of the task's filters."""
    return [each.name for each in task._filters]  # noqa: SLF001  no other way tells them before an answer


def dumped(value: Any, indent: int | None = None) -> str:  # noqa: ANN401  any JSON
    """Return JSON as lm-eval writes it."""
    return json.dumps(value, indent=indent, default=_plain, ensure_ascii=False)


def hashed(text: str) -> str:
    """Return the hash that lm-eval's files hold of a text."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _plain(value: Any) -> Any:  # noqa: ANN401  numpy's scalars, and whatever a task holds
    if isinstance(value, set):
        return list(value)
    return value.item() if hasattr(value, "item") else str(value)


def _lost(work: Judgement) -> dict[str, Any]:
    """Return the values of a document without a whole answer: wrong where the benchmark counts it so."""
    mean = module("lm_eval.api.metrics").mean
    better = work.task.higher_is_better()
    if not work.benchmark.errors_count:
        return {}
    return {
        name: 0.0
        for name, function in work.task.aggregation().items()
        if function is mean and better.get(name)
    }


def _aggregate(task: Any, key: str, values: list[Any], draws: int) -> dict[str, Any]:  # noqa: ANN401  lm-eval has no types
    metrics = module("lm_eval.api.metrics")
    metric, _, name = key.partition(",")
    function = task.aggregation().get(metric, metrics.mean)
    with quiet():
        error = metrics.stderr_for_metric(function, min(draws, 100) if metric in _SMALL else draws)
        told = error(values) if error is not None and len(values) > 1 else "N/A"
        return {key: function(values), f"{metric}_stderr,{name}": told}


def _line(work: Judgement, doc: Doc, name: str, found: Judged | None) -> dict[str, Any]:
    case, target = doc.case, str(doc.case.reference)
    asked = _arguments(work, case)
    body = case.fields[DOC]
    raw = [[doc.sample.text]] if found is None else found.raw
    left = [_INVALID] * len(raw) if found is None else found.left
    first = next(iter(asked["gen_args_0"].values()))
    return {
        "doc_id": number(case),
        "doc": body,
        "target": target,
        "arguments": asked,
        "resps": _texts(raw),
        "filtered_resps": _texts(left),
        "filter": name,
        "metrics": list(_lost(work) if found is None else found.values),
        "doc_hash": hashed(dumped(body, 2)),
        "prompt_hash": hashed(first if isinstance(first, str) else first[0]),
        "target_hash": hashed(target),
        "outcome": doc.sample.outcome,
    }


def _arguments(work: Judgement, case: Case) -> dict[str, Any]:
    if work.task.OUTPUT_TYPE == "loglikelihood_rolling":
        return {f"gen_args_{i}": {"arg_0": each.text} for i, each in enumerate(case.continuations)}
    if case.continuations:
        pairs = enumerate(case.continuations)
        return {f"gen_args_{i}": {"arg_0": each.context, "arg_1": each.text} for i, each in pairs}
    told = [msgspec.json.encode(case.messages).decode()] if work.chat else case.prompt
    return {"gen_args_0": {"arg_0": told, "arg_1": work.config.get("generation_kwargs")}}


def _texts(value: Any) -> Any:  # noqa: ANN401  nested lists, whose leaves lm-eval writes as text
    return [_texts(each) for each in value] if isinstance(value, list | tuple) else str(value)
