"""Assertions that were read: each can be asked about an answer. Nothing here is checked any more."""

import re
from typing import Any, cast

import msgspec

from bakeoff.assertions.combine import Outcome, as_set, combine
from bakeoff.assertions.transform import Transform, TransformError
from bakeoff.records import Case, Grade, Part, Sample

_PLACE = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_SHOWN = 200
_EXACT = 1e21
RAW = "score"
"""The scorer of a part that holds what a script gave: without a metric its own score, as large as it is."""
SCORE = "score"
"""The metric of a set's weighted score."""


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What is graded."""

    answer: str
    case: Case
    sample: Sample


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One assertion.

    Attributes:
        kind: its type, without `not-`.
        scorer: what grades; None while the folder of its files is not known.
        slow: the scorer's `grade` has to be waited for.
        negated: it was asked for with `not-`.
        weight: in the whole; 0 counts nowhere and cannot fail it.
        metric: the metric of its own that it feeds; may hold `{{field}}`.
        transform: what is done to the answer first.
    """

    kind: str
    scorer: Any
    slow: bool = False
    negated: bool = False
    weight: float = 1.0
    metric: str = ""
    transform: Transform | None = None

    async def ask(self, subject: Subject) -> Outcome:
        """Return what it says of an answer."""
        grade = await self.grade(subject)
        if grade.failed and hasattr(self.scorer, "as_failure"):
            # In a set a script that raises fails, as in promptfoo; on its own it says nothing of the answer.
            grade = cast("Grade", self.scorer.as_failure(grade))
        raw, parts = grade.value, grade.parts
        if parts:
            raw = next((p.value for p in parts if p.scorer == RAW and not p.metric), raw)
        own = Part(
            scorer=self.kind,
            metric=_filled(self.metric, subject.case),
            value=raw,
            passed=grade.passed,
            weight=self.weight,
            reason=grade.reason[: 2 * _SHOWN],
            negated=self.negated,
        )
        named = [
            msgspec.structs.replace(part, scorer=self.kind, weight=part.weight * self.weight)
            for part in parts
            if part.metric not in {"", own.metric, SCORE}
        ]
        return Outcome(
            score=raw,
            passed=grade.passed,
            judged=grade.parsed is not None,
            reason=f"{'not-' if self.negated else ''}{self.kind}: {grade.reason}",
            weight=self.weight,
            excused=self.weight == 0,
            parts=[own, *named],
            judgements=grade.judgements,
            failed=grade.failed,
        )

    async def grade(self, subject: Subject) -> Grade:
        """Return the scorer's grade, `not-` applied."""
        if self.transform is None:
            found = self.scorer.grade(subject.answer, subject.case, subject.sample)
            grade: Grade = await found if self.slow else found
            return self._turned(grade) if self.negated else grade
        try:
            output = await self.transform.apply(subject.answer, subject.case)
        except TransformError as error:
            reason = f"the transform `{self.transform.text[:_SHOWN]}` failed: {error}"
            return Grade(value=0.0, passed=False, reason=reason, parsed="")
        if not isinstance(output, str) and hasattr(self.scorer, "grade_output"):
            grade = await self.scorer.grade_output(output, subject.case, subject.sample)
        else:
            found = self.scorer.grade(_as_text(output), subject.case, subject.sample)
            grade = await found if self.slow else found
        return self._turned(grade) if self.negated else grade

    def _turned(self, grade: Grade) -> Grade:
        """Return the opposite; what could not be judged, or not be read, stays as it is."""
        if hasattr(self.scorer, "negated"):
            return cast("Grade", self.scorer.negated(grade))
        if grade.passed is None or grade.value is None:
            return grade
        return msgspec.structs.replace(grade, passed=not grade.passed, value=1.0 - grade.value)


class CheckSet(msgspec.Struct, frozen=True, kw_only=True):
    """Several assertions that make one: `assert-set`."""

    members: "tuple[Check | CheckSet, ...]"
    weight: float = 1.0
    metric: str = ""
    threshold: float | None = None

    async def ask(self, subject: Subject) -> Outcome:
        """Return what they say of an answer together."""
        whole = await self.whole(subject)
        return as_set(
            whole, scorer="assert-set", metric=_filled(self.metric, subject.case), weight=self.weight
        )

    async def whole(self, subject: Subject) -> Outcome:
        """Return what they say together, without a part for the set itself."""
        return combine([await member.ask(subject) for member in self.members], self.threshold)


def leaves(node: Check | CheckSet) -> list[Check]:
    """Return the single assertions, in order."""
    if isinstance(node, Check):
        return [node]
    return [leaf for member in node.members for leaf in leaves(member)]


def _filled(metric: str, case: Case) -> str:
    """Return a metric's name with the case's fields in their places."""
    if "{{" not in metric:
        return metric
    return _PLACE.sub(lambda place: str(case.fields.get(place[1], "")), metric)


def _as_text(output: object) -> str:
    """Return an output as text, as JavaScript writes JSON."""
    if isinstance(output, str):
        return output
    if isinstance(output, float) and output.is_integer() and abs(output) < _EXACT:
        return str(int(output))
    return msgspec.json.encode(output).decode()


def names(node: Check | CheckSet) -> list[str]:
    """Return the metrics that assertions feed beside the one of the whole, in order."""
    inner = [name for member in node.members for name in names(member)] if isinstance(node, CheckSet) else []
    return [*([node.metric] if node.metric else []), *inner]
