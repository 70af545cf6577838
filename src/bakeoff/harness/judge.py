"""Judge one document's answer by the task's own filters and metrics; nothing is aggregated here."""

from collections.abc import Sequence
from typing import Any

import msgspec

from bakeoff.harness.task import FAULTS, module, quiet
from bakeoff.records import Case, Sample

DOC = "doc"
"""The field of a case that holds the task's document."""
TASK = "task"
"""The field and slice of a case that names its task, where a benchmark asks several."""
_KINDS = {"multiple_choice": "loglikelihood"}


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What one filter left of an answer, and its values by metric; a value may be a pair for a corpus metric.

    Attributes:
        raw: what the model gave for each request of the document, as lm-eval holds it.
    """

    filter: str
    raw: list[Any]
    left: list[Any]
    values: dict[str, Any]


class JudgeError(Exception):
    """The task's own code failed on an answer."""


def answers(task: Any, case: Case, sample: Sample) -> list[Any]:  # noqa: ANN401  lm-eval has no types
    """Return what the model gave for each request of the document; empty where it gave nothing."""
    if not case.continuations:
        return [sample.text] if sample.text.strip() else []
    if len(sample.likelihoods) != len(case.continuations):
        return []
    if task.OUTPUT_TYPE == "loglikelihood_rolling":
        return [each.logprob for each in sample.likelihoods]
    return [(each.logprob, bool(each.greedy)) for each in sample.likelihoods]


def judge(task: Any, case: Case, given: Sequence[Any]) -> list[Judged]:  # noqa: ANN401  lm-eval has no types
    """Return one entry for each filter of the task, in its order.

    Raises:
        JudgeError: code of the task failed.
    """
    doc = case.fields[DOC]
    kind = _KINDS.get(task.OUTPUT_TYPE, task.OUTPUT_TYPE)
    instance = module("lm_eval.api.instance").Instance
    asked = [
        instance(request_type=kind, doc=doc, arguments=(), idx=index, resps=[answer])
        for index, answer in enumerate(given)
    ]
    found: list[Judged] = []
    try:
        with quiet():
            for each in task._filters:  # noqa: SLF001  `apply_filters` takes the requests of all documents
                each.apply(asked)
                left = [one.filtered_resps[each.name] for one in asked]
                values = dict(task.process_results(doc, left))
                found.append(
                    Judged(filter=each.name, raw=[[answer] for answer in given], left=left, values=values)
                )
    except FAULTS as error:
        raise JudgeError(f"{type(error).__name__}: {error}") from error
    return found
