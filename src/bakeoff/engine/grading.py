"""Grade a sample with a benchmark's scorers. Only whole answers are graded; the rest keep their outcome."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from bakeoff.extend import Scorer
from bakeoff.records import Case, Grade, Sample, Score

UNPARSABLE = "unparsable"


class NamedScorer(msgspec.Struct, frozen=True, kw_only=True):
    """A scorer under the name that stands in its scores."""

    name: str
    scorer: Scorer


def grade(sample: Sample, case: Case, scorers: Sequence[NamedScorer]) -> list[Score]:
    """Return one score per scorer.

    A sample without a whole answer gets a score without value: what that means for a rate is the policy's
    decision, not the scorer's. An answer from which nothing could be extracted is `unparsable`.
    """
    return [_score(sample, case, named) for named in scorers]


def missing_scores(
    samples: Iterable[Sample],
    scores: Iterable[Score],
    cases: Mapping[str, Mapping[str, Case]],
    scorers: Mapping[str, Sequence[NamedScorer]],
) -> Iterator[Score]:
    """Yield the scores of samples that a crash left without: a sample is stored before it is graded.

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
        yield from grade(sample, cases[sample.benchmark][sample.case], scorers[sample.benchmark])


def _score(sample: Sample, case: Case, named: NamedScorer) -> Score:
    outcome = sample.outcome
    if sample.ok:
        result = named.scorer.grade(sample.text, case, sample)
        if result.passed is not True and result.parsed is None:
            outcome = UNPARSABLE
    else:
        result = Grade(value=None, passed=None, reason=f"not graded: the outcome is {outcome}")
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
    )
