"""Look at scorers and cases before anything is sent: what can be refused is refused, what can be quick is."""

from collections.abc import Mapping, Sequence
from typing import Protocol, cast, runtime_checkable

import msgspec

from bakeoff.assertions.make import AnyScorer, Quick, Slow, as_grade, at_once, steady, waits
from bakeoff.assertions.nodes import Check, CheckSet, Subject, leaves
from bakeoff.assertions.read import is_slow
from bakeoff.assertions.scorers import Assertions, AssertSet
from bakeoff.errors import DataError, PluginError
from bakeoff.extend import Scorer
from bakeoff.records import Case, Grade, Sample


@runtime_checkable
class _Needy(Protocol):
    """What may need a program or a file."""

    def missing(self) -> str: ...


@runtime_checkable
class _Particular(Protocol):
    """What may want something of a case."""

    def lacks(self, case: Case) -> str: ...


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """Assertions none of which has to be waited for.

    Attributes:
        same: those that all cases share.
        deterministic: each gives the same answer the same grade each time.
    """

    inner: Assertions | AssertSet
    same: CheckSet | None = None
    deterministic: bool = True

    @property
    def metric(self) -> str:
        """Return the metric of the assertions."""
        return self.inner.metric

    def grade(self, answer: str, case: Case, sample: Sample) -> Grade:
        """Return what the assertions of the case say together."""
        subject = Subject(answer=answer, case=case, sample=sample)
        checks = self.same or self.inner.checks(case)
        return as_grade(at_once(checks.whole(subject)), answer)


def settled(scorer: AnyScorer, cases: Sequence[Case]) -> AnyScorer:
    """Return a scorer without waiting in place of one that has nothing to wait for with these cases."""
    if isinstance(scorer, AssertSet):
        checks = scorer.checks()
        if waits(checks):
            return scorer
        return Settled(inner=scorer, same=checks, deterministic=steady(checks))
    if isinstance(scorer, Assertions):
        each = [scorer.checks(case) for case in cases]
        if any(map(waits, each)):
            return scorer
        return Settled(inner=scorer, deterministic=all(map(steady, each)))
    return scorer


def check_cases(scorers: Mapping[str, AnyScorer], cases: Sequence[Case], where: str) -> dict[str, Scorer]:
    """Check that scorers have what they need and that each case's assertions can be read.

    Args:
        scorers: by the name to show.
        cases: of the benchmark.
        where: the file of the cases, to show.

    Returns:
        what can be tried on an empty answer: the scorers, or parts of them, that need no waiting.

    Raises:
        DataError: the assertions of a case are wrong; names its line.
        PluginError: a scorer needs what is not there, such as Node.
    """
    quick: dict[str, Scorer] = {}
    for name, scorer in scorers.items():
        if isinstance(scorer, Assertions):
            for case in cases:
                _check_case(scorer, case, where)
        for case in cases if isinstance(scorer, Assertions) else cases[:1] or [Case()]:
            _check_there(name, scorer, case)
            _check_fit(name, scorer, case, where)
        if isinstance(scorer, AssertSet):
            # What can grade a case that has nothing lacks nothing in any case.
            needy = [leaf for leaf in _quick(scorer.checks()) if not _gradable(leaf, _NOTHING)]
            quick[name] = _Tried(scorer, needy)
        elif isinstance(scorer, Assertions):
            quick[name] = _Tried(scorer)
        elif not is_slow(scorer):
            quick[name] = cast("Scorer", scorer)
    return quick


class _Tried(msgspec.Struct, frozen=True):
    """The quick ones among assertions, to be tried without an answer; `same` are those of every case."""

    scorer: Assertions | AssertSet
    same: list[Check] | None = None

    @property
    def metric(self) -> str:
        return self.scorer.metric

    def grade(self, answer: str, case: Case, sample: Sample) -> Grade:
        subject = Subject(answer=answer, case=case, sample=sample)
        for leaf in _quick(self.scorer.checks(case)) if self.same is None else self.same:
            found = at_once(leaf.grade(subject))
            if found.value is None and found.passed is None:
                return msgspec.structs.replace(found, reason=f"`{leaf.kind}`: {found.reason}")
        return _CAN_BE


_CAN_BE = Grade(value=0.0, passed=False, reason="it can be graded", parsed="")
_NOTHING = Subject(answer="", case=Case(), sample=Sample(benchmark="", case="", target="", outcome="ok"))


def _quick(node: Check | CheckSet) -> list[Check]:
    return [leaf for leaf in leaves(node) if not waits(leaf) and leaf.transform is None]


def _gradable(leaf: Check, subject: Subject) -> bool:
    try:
        found = at_once(leaf.grade(subject))
    except (LookupError, TypeError, ValueError, AttributeError):
        # A scorer may take for granted what its cases have, and this one has nothing.
        return False
    return found.value is not None or found.passed is not None


def _check_case(scorer: Assertions, case: Case, where: str) -> None:
    try:
        scorer.checks(case)
    except PluginError as error:
        place = f"{where}:{case.line}" if where and case.line else where
        named = "" if case.line else f"case `{case.id}`: "
        raise DataError(f"{named}{error.message}", where=place, hint=error.hint) from error


def _check_there(name: str, scorer: AnyScorer, case: Case) -> None:
    for part in parts_of(scorer, case):
        if isinstance(part, _Needy) and part.missing():
            raise PluginError(f"the scorer `{name}` cannot be used: {part.missing()}")


def _check_fit(name: str, scorer: AnyScorer, case: Case, where: str) -> None:
    for part in parts_of(scorer, case):
        why = part.lacks(case) if isinstance(part, _Particular) and case.id else ""
        if why:
            place = f"{where}:{case.line}" if where and case.line else where
            raise DataError(f"the scorer `{name}` cannot grade the case `{case.id}`: {why}", where=place)


def parts_of(scorer: AnyScorer, case: Case) -> list[object]:
    """Return the scorer, or the scorers and scripts that it is made of for a case."""
    if isinstance(scorer, Assertions | AssertSet):
        node: Check | CheckSet = scorer.checks(case)
    elif isinstance(scorer, Quick | Slow):
        node = scorer.node
    else:
        return [scorer]
    found = leaves(node)
    scripts = [leaf.transform.script for leaf in found if leaf.transform and leaf.transform.script]
    return [*(leaf.scorer for leaf in found), *scripts]
