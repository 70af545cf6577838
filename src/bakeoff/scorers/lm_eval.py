"""The metrics of a task of lm-evaluation-harness, computed by the task itself."""

# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# lm-eval has no types; what comes from it is looked at where it is used.

from pathlib import Path
from typing import Any, ClassVar

import msgspec

from bakeoff.harness import Judged, load_task
from bakeoff.harness.judge import DOC, TASK, JudgeError, answers, judge
from bakeoff.records import Case, Grade, Part, Sample
from bakeoff.scorers import _expected

_INVALID = "[invalid]"
"""What lm-eval's filters leave of an answer in which they found nothing."""
_YES_NO = frozenset(
    {"acc", "acc_norm", "acc_bytes", "acc_mutual_info", "exact_match", "em", "pass@1"}
    | {"prompt_level_strict_acc", "prompt_level_loose_acc"}
)


class LmEvalScorer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Judge an answer, or the likelihoods of a case's continuations, by an lm-eval task's own code.

    Every metric under every filter of the task is a part, named as in lm-eval's results:
    `acc_norm,none`, `exact_match,strict-match`. The value is that of one of them. A metric that is computed
    over all documents together (perplexity, F1 of a corpus) has no value for one of them: it is in the files
    of `bakeoff export lm_eval`. An answer in which the filter found nothing is unparsable.

    Attributes:
        task: the name of the task, or of the group or tag; then a case's field `task` names its task.
        include_path: a folder of further task files.
        allow_code: let files of that folder name Python functions, which run in bakeoff's process.
        main: the metric that is the value, such as `acc_norm` or `exact_match,flexible-extract`; None for the
            first of the task.
        metric: the metric that the value feeds.
        base: the folder where relative paths start; that of the spec unless given.
    """

    modes: ClassVar[frozenset[str]] = frozenset({"prompt_logprobs", "grammar"})

    task: str
    include_path: str | None = None
    allow_code: bool = False
    main: str | None = None
    metric: str = "accuracy"
    base: str = ""

    def grade(self, answer: str, case: Case, sample: Sample) -> Grade:  # noqa: ARG002  the sample holds all answers
        """Return the task's metrics."""
        if not isinstance(case.fields.get(DOC), dict):
            return _expected.ungradable("the case holds no document of an lm-eval task")
        task = self._task(str(case.fields.get(TASK, self.task)))
        given = answers(task, case, sample)
        if not given:
            return Grade(value=None, passed=None, parsed="", reason="there is nothing to judge")
        try:
            found = judge(task, case, given)
        except JudgeError as error:
            return _expected.unparsable(f"the task's own code failed: {error}")
        return self._graded(task, found)

    def _task(self, name: str) -> Any:  # noqa: ANN401  lm-eval has no types
        folder = None if self.include_path is None else Path(self.base) / Path(self.include_path).expanduser()
        return load_task(name, folder, allow_code=self.allow_code)

    def _graded(self, task: Any, found: list[Judged]) -> Grade:  # noqa: ANN401  lm-eval has no types
        better: dict[str, bool] = task.higher_is_better()
        parts = {
            f"{name},{each.filter}": _part(f"{name},{each.filter}", value, better=better.get(name, True))
            for each in found
            for name, value in each.values.items()
        }
        key = self._main(list(parts))
        if key is None:
            reason = f"the task has no metric `{self.main}`; its metrics: {', '.join(parts) or 'none'}"
            return Grade(value=None, passed=None, parsed="", reason=reason, parts=list(parts.values()))
        judged = next(each for each in found if key.endswith(f",{each.filter}"))
        part = parts[key]
        share = part.value is not None and 0 <= part.value <= 1 and better.get(key.partition(",")[0], True)
        parsed = _shown(judged)
        return Grade(
            value=part.value if share and parsed is not None else None,
            passed=part.passed,
            parsed=parsed,
            reason=part.reason or f"{key} {part.value:g}",
            parts=list(parts.values()),
        )

    def _main(self, keys: list[str]) -> str | None:
        if self.main is None:
            return keys[0] if keys else None
        return next((key for key in keys if self.main in {key, key.partition(",")[0]}), None)


def _part(key: str, value: Any, *, better: bool) -> Part:  # noqa: ANN401  as `_number`
    number = _number(value)
    passed = number == 1 if key.partition(",")[0] in _YES_NO and better and number in {0.0, 1.0} else None
    reason = "" if number is not None else f"{key} is computed over all documents together"
    return Part(scorer="lm_eval", metric=key, value=number, passed=passed, reason=reason)


def _number(value: Any) -> float | None:  # noqa: ANN401  a task gives what it likes
    """Return a plain number; numpy's scalars are told by their `item`, since numpy is not imported here."""
    plain = value.item() if hasattr(value, "item") else value
    return float(plain) if isinstance(plain, bool | int | float) else None


def _shown(judged: Judged) -> str | None:
    """Return what was judged: the filtered answer, or the place of the most likely continuation."""
    first = judged.left[0]
    if isinstance(first, str):
        return None if first == _INVALID else first
    logprobs = [each[0] if isinstance(each, tuple | list) else each for each in judged.left]
    return str(logprobs.index(max(logprobs)))
