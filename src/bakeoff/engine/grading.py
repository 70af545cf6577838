"""Grade a sample with a benchmark's scorers. Only whole answers are graded; the rest keep their outcome."""

import asyncio
import inspect
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from types import TracebackType
from typing import cast

import msgspec

from bakeoff.errors import BakeoffError
from bakeoff.extend import Scorer, SlowScorer
from bakeoff.records import Case, Grade, Sample, Score

UNPARSABLE = "unparsable"
JUDGE_FAILED = "judge_failed"

_AT_A_TIME = 4


class NamedScorer(msgspec.Struct, frozen=True, kw_only=True):
    """A scorer under the name that stands in its scores."""

    name: str
    scorer: Scorer | SlowScorer

    @property
    def slow(self) -> bool:
        """Tell whether grading waits for something, so that it cannot be done between two requests."""
        return _waits(getattr(self.scorer.grade, "__func__", self.scorer.grade))


@lru_cache(maxsize=1024)
def _waits(grade: Callable[..., object]) -> bool:
    """Tell whether a function is a coroutine's; asked for each sample and scorer."""
    return inspect.iscoroutinefunction(grade)


def quick_scorers(scorers: Sequence[NamedScorer]) -> dict[str, Scorer]:
    """Return those that grade at once, by name."""
    return {named.name: cast("Scorer", named.scorer) for named in scorers if not named.slow}


def grade(sample: Sample, case: Case, scorers: Sequence[NamedScorer]) -> list[Score]:
    """Return one score per scorer, slow ones left out.

    A sample without a whole answer gets a score without value: what that means for a rate is the policy's
    decision, not the scorer's. An answer from which nothing could be extracted is `unparsable`.
    """
    return [_graded(sample, case, named) for named in scorers if not named.slow]


class SlowGrading:
    """Grades answers beside the sending, a few at a time, and hands each score on when it is there.

    Leaving the context waits for all; leaving it by an error, or by being cancelled, gives up the rest,
    which a resume finds and grades.

    Args:
        add: takes a score.
    """

    def __init__(self, add: Callable[[Score], None]) -> None:
        self._add = add
        self._group = asyncio.TaskGroup()
        self._free = asyncio.Semaphore(_AT_A_TIME)

    async def __aenter__(self) -> "SlowGrading":
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._group.__aexit__(kind, error, trace)

    async def begin(self, sample: Sample, case: Case, scorers: Sequence[NamedScorer]) -> None:
        """Begin to grade a sample by the slow ones among the scorers; waits while too many are at work."""
        for named in scorers:
            if named.slow:
                await self._free.acquire()
                self._group.create_task(self._grade(sample, case, named))

    async def _grade(self, sample: Sample, case: Case, named: NamedScorer) -> None:
        try:
            self._add(await grade_slowly(sample, case, named))
        finally:
            self._free.release()


async def grade_slowly(sample: Sample, case: Case, named: NamedScorer) -> Score:
    """Return the score of a slow scorer; one that failed itself is `judge_failed`, which is no loss."""
    if not sample.ok:
        return _score(sample, named, _ungraded(sample), sample.outcome)
    scorer = cast("SlowScorer", named.scorer)  # the caller has asked for `slow`
    try:
        result = await scorer.grade(sample.text, case, sample)
    except BakeoffError as error:
        failed = Grade(value=None, passed=None, reason=f"the scorer failed: {error}")
        return _score(sample, named, failed, JUDGE_FAILED)
    return _score(sample, named, result, _outcome(sample, result))


class Ungraded(msgspec.Struct, frozen=True, kw_only=True):
    """A stored sample that lacks scores, and the case it answers."""

    sample: Sample
    case: Case
    scorers: Sequence[NamedScorer]


def ungraded(
    samples: Iterable[Sample],
    scores: Iterable[Score],
    cases: Mapping[str, Mapping[str, Case]],
    scorers: Mapping[str, Sequence[NamedScorer]],
) -> Iterator[Ungraded]:
    """Yield the samples that a crash left without scores: a sample is stored before it is graded.

    Args:
        samples: in the order of the store, warm-up left out.
        scores: of these samples.
        cases: by benchmark and id.
        scorers: by benchmark.
    """
    have = Counter((s.benchmark, s.case, s.target, s.repeat, s.stage) for s in scores)
    stored: Counter[tuple[str, str, str, int, str]] = Counter()
    lacking: dict[tuple[str, str, str, int, str], Sample] = {}
    for sample in samples:
        stored[sample.key] += 1
        if have[sample.key] < stored[sample.key] * len(scorers[sample.benchmark]):
            lacking[sample.key] = sample
    for sample in lacking.values():
        yield Ungraded(
            sample=sample,
            case=cases[sample.benchmark][sample.case],
            scorers=scorers[sample.benchmark],
        )


def _graded(sample: Sample, case: Case, named: NamedScorer) -> Score:
    if not sample.ok:
        return _score(sample, named, _ungraded(sample), sample.outcome)
    scorer = cast("Scorer", named.scorer)  # slow ones are left out
    result = scorer.grade(sample.text, case, sample)
    return _score(sample, named, result, _outcome(sample, result))


def _outcome(sample: Sample, result: Grade) -> str:
    if result.failed:
        return JUDGE_FAILED
    return UNPARSABLE if result.passed is not True and result.parsed is None else sample.outcome


def _ungraded(sample: Sample) -> Grade:
    return Grade(value=None, passed=None, reason=f"not graded: the outcome is {sample.outcome}")


def _score(sample: Sample, named: NamedScorer, result: Grade, outcome: str) -> Score:
    return Score(
        benchmark=sample.benchmark,
        case=sample.case,
        target=sample.target,
        repeat=sample.repeat,
        stage=sample.stage,
        scorer=named.name,
        metric=named.scorer.metric,
        value=result.value,
        passed=result.passed,
        outcome=outcome,
        reason=result.reason,
        parsed=result.parsed,
        parts=result.parts,
        judgements=result.judgements,
    )
