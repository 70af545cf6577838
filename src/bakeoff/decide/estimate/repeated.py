"""What repeats of the same cases tell beyond their mean: majority, pass@k, pass^k, and what varies."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping

import msgspec

from bakeoff.decide.estimate.estimates import share_estimate
from bakeoff.decide.gather.collect import Answers, CaseKey, cluster_names
from bakeoff.records import BenchmarkSpec, Case, Estimate, Score
from bakeoff.stats.repeats import pass_all, pass_at, split_variance


class _Tries(msgspec.Struct, kw_only=True):
    """The repeats of one case: values, how many passed, and each parsed answer with its passes."""

    values: list[float] = []
    passed: int = 0
    votes: dict[str, list[bool]] = {}


def repeat_estimates(
    answers: Answers, benchmark: BenchmarkSpec, cases: Mapping[str, Case], level: float
) -> Iterator[tuple[str, Estimate]]:
    """Yield the estimates that need several answers to a case; none where every case has one.

    `<metric>_pass_at_K`: one of K answers passes. `<metric>_pass_all_K`: all of them pass (pass^k).
    `<metric>_majority`: the answer given most often passes, a tie counting by its parts.
    `<metric>_between_cases` and `<metric>_within_cases`: standard deviations of the cases' means and of the
    repeats of one case. A sample without a grade counts as the benchmark's policy says.
    """
    for scorer, scores in answers.scores.items():
        if len({case for case, _ in scores}) == len(scores):
            continue
        metric = next(iter(scores.values())).metric if scores else scorer
        tries = _tries(scores, errors_count=benchmark.errors_count)
        yield from _estimates(f"{benchmark.name}.{metric}", tries, cases, level)


def _estimates(
    name: str, tries: Mapping[str, _Tries], cases: Mapping[str, Case], level: float
) -> Iterator[tuple[str, Estimate]]:
    most = max((len(each.values) for each in tries.values()), default=0)
    if most < 2:
        return
    for k in _sizes(most):
        enough = {case: each for case, each in tries.items() if len(each.values) >= k}
        for label, chance in (("pass_at", pass_at), ("pass_all", pass_all)):
            shares = {case: chance(k, n=len(t.values), passed=t.passed) for case, t in enough.items()}
            yield f"{name}_{label}_{k}", _mean(shares, cases, level)
    yield f"{name}_majority", _mean({case: _majority(each) for case, each in tries.items()}, cases, level)
    parts = split_variance([each.values for each in tries.values()])
    if parts is not None:
        note = f"standard deviation; {parts.keys} cases"
        for label, variance in (("between_cases", parts.between), ("within_cases", parts.within)):
            yield (
                f"{name}_{label}",
                Estimate(value=variance**0.5, unit="share", n=parts.n, level=level, note=note),
            )


def _tries(scores: Mapping[CaseKey, Score], *, errors_count: bool) -> dict[str, _Tries]:
    found: dict[str, _Tries] = defaultdict(_Tries)
    for (case, _repeat), score in scores.items():
        lost = score.outcome == "unparsable" or (score.value is None and score.passed is None)
        if lost and (not errors_count or score.outcome == "judge_failed"):
            continue
        tried = found[case]
        passed = score.passed is True and not lost
        tried.values.append(0.0 if lost else float(passed) if score.value is None else score.value)
        tried.passed += passed
        if not lost and score.parsed is not None:
            tried.votes.setdefault(score.parsed, []).append(passed)
    return found


def _sizes(most: int) -> list[int]:
    """Return 2, 4, 8 and so on below `most`, and `most`."""
    sizes = [2**power for power in range(1, most.bit_length()) if 2**power < most]
    return [*sizes, most]


def _majority(tried: _Tries) -> float:
    """Return 1 where the answer given most often passes; of answers tied for it, the share that passes."""
    if not tried.votes:
        return float(2 * tried.passed > len(tried.values))
    counts = Counter({text: len(passes) for text, passes in tried.votes.items()})
    top = max(counts.values())
    tied = [tried.votes[text] for text, count in counts.items() if count == top]
    return sum(sum(passes) / len(passes) for passes in tied) / len(tied)


def _mean(values: Mapping[str, float], cases: Mapping[str, Case], level: float) -> Estimate:
    clusters = cluster_names(list(values), cases)
    return share_estimate(list(values.values()), clusters, level, binary=False)
