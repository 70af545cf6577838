"""What a race makes of the results: tests that hold at any stop, and what is said of who was dropped.

A p-value for a fixed number of cases claims too much where a look at the data ended the asking, so every
comparison of a raced benchmark is replaced.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import msgspec

from bakeoff.decide.compare.pairs import adjusted
from bakeoff.decide.gather.collect import Collected, slices
from bakeoff.decide.gather.parts import part_scores
from bakeoff.decide.race.contest import TIED, ByScorer, Contest, filled, make_contest, step_values
from bakeoff.records import BenchmarkSpec, Case, Comparison, Estimate, Plan, Spec, Stage, TargetResult
from bakeoff.stats.betting import Betting
from bakeoff.stats.grouped import PlannedPair
from bakeoff.stats.intervals import Interval
from bakeoff.stats.race import pair_differences

BETTING = "betting (anytime-valid)"
_CHOSEN = "the race chose how many cases there are, which this test does not know"
_BIASED = "its own value is biased towards the extreme; the comparison is valid"


class Raced(msgspec.Struct, frozen=True, kw_only=True):
    """A race that was followed to where the scores end."""

    contest: Contest
    benchmark: BenchmarkSpec
    cases: Mapping[str, Case]
    scores: Mapping[str, ByScorer]


def follow_race(
    plan: Plan, spec: Spec, cases: Mapping[str, Mapping[str, Case]], collected: Collected
) -> Raced | None:
    """Return the race of a run as its scores tell it; None where none was planned or nothing is stored."""
    contest = make_contest(plan, spec, {name: each.values() for name, each in cases.items() if each})
    if contest is None:
        return None
    benchmark = contest.benchmark
    scores: dict[str, ByScorer] = {
        target: answers.scores for (name, target), answers in collected.items() if name == benchmark.name
    }
    while contest.asked and contest.look(lambda target: scores.get(target, {})):
        pass
    return Raced(contest=contest, benchmark=benchmark, cases=cases[benchmark.name], scores=scores)


def raced_comparisons(raced: Raced | None, rows: Sequence[Comparison]) -> list[Comparison]:
    """Return the rows with those of the raced benchmark replaced by tests that are valid at any stop.

    The metric that is raced is tested as the race does it, all else by betting.
    """
    if raced is None:
        return list(rows)
    families: dict[tuple[str, str], list[int]] = {}
    found = list(rows)
    parts = slices(raced.cases.values())
    series = _Series(raced)
    for at, row in enumerate(rows):
        name, _, label = row.metric.removeprefix(f"{raced.benchmark.name}.").partition("@")
        if not row.metric.startswith(f"{raced.benchmark.name}."):
            continue
        if not series.knows(name):
            found[at] = msgspec.structs.replace(row, note="; ".join(filter(None, (row.note, _CHOSEN))))
            continue
        found[at] = _tested(series, row, name, parts.get(label, frozenset()) if label else None)
        families.setdefault((name, label.partition("=")[0]), []).append(at)
    for places in families.values():
        for at, row in zip(places, adjusted([found[at] for at in places]), strict=True):
            found[at] = row
    return found


class _Series:
    """The values of every target and metric at each step, computed once."""

    def __init__(self, raced: Raced) -> None:
        self.raced = raced
        self._found: dict[tuple[str, str], list[list[float | None]]] = {}
        self._known = {
            score.metric
            for scores in raced.scores.values()
            for each in {**scores, **part_scores({name: dict(one) for name, one in scores.items()})}.values()
            for score in list(each.values())[:1]
        }

    def knows(self, metric: str) -> bool:
        """Tell whether a metric is a grade, of which every step has a value."""
        return metric in self._known

    def of(self, target: str, metric: str) -> list[list[float | None]]:
        """Return a target's values, step by step; None for a case without one."""
        if (target, metric) not in self._found:
            contest = self.raced.contest
            stages = contest.steps[target][: contest.steps_of(target)]
            self._found[target, metric] = [self._step(target, metric, stage) for stage in stages]
        return self._found[target, metric]

    def _step(self, target: str, metric: str, stage: Stage) -> list[float | None]:
        scores, policy = self.raced.scores[target], self.raced.benchmark.errors_count
        found = step_values(scores, stage, metric, errors_count=policy)
        return [None] * len(set(stage.cases)) if found is None else found


class _Looks(msgspec.Struct, frozen=True, kw_only=True):
    """The differences a - b of a pair, look by look, one of each group; and how many cases are in them."""

    values: list[list[float]]
    n: int
    only_a: int
    only_b: int
    alone: int


def _tested(series: _Series, row: Comparison, metric: str, keep: frozenset[str] | None) -> Comparison:
    raced, looks = series.raced, _looks(series, row, metric, keep)
    values = list(chain.from_iterable(looks.values))
    notes = (
        [f"{looks.alone} cases are left out because only one of the two has a value"] if looks.alone else []
    )
    row = msgspec.structs.replace(
        row,
        difference=sum(values) / len(values) if values else None,
        low=None,
        high=None,
        p=None,
        p_adjusted=None,
        n=looks.n,
        only_a=looks.only_a,
        only_b=looks.only_b,
        test="none",
    )
    if not values:
        notes.append("the two targets have no graded case in common")
    elif not all(-1.0 <= each <= 1.0 for each in values):
        notes.append("scores outside 0..1 have no test that may be stopped by what it shows")
    else:
        whole = keep is None and metric == raced_metric(raced)
        row = _with_test(raced, row, looks, whole=whole)
        if whole and raced.contest.ended == TIED and {row.a, row.b} <= set(raced.contest.remaining):
            notes.append(f"the race showed that they differ by less than {raced.contest.race.rule.margin:g}")
    return msgspec.structs.replace(row, note="; ".join(notes))


def raced_metric(raced: Raced) -> str | None:
    """Return the metric that is raced, without its benchmark; None where nothing was graded."""
    if raced.contest.race.metric is not None:
        return raced.contest.race.metric
    for scores in raced.scores.values():
        for each in scores.values():
            if each:
                return next(iter(each.values())).metric
    return None


def _with_test(raced: Raced, row: Comparison, looks: _Looks, *, whole: bool) -> Comparison:
    over = " over clusters" if raced.contest.clustered else ""
    if whole and raced.contest.race.rule.method == "obrien_fleming" and raced.contest.bounded:
        sizes = raced.contest.sizes
        planned = PlannedPair(sizes)
        for values in looks.values:
            planned.add(values)
        test = f"O'Brien-Fleming{over}, look {len(looks.values)} of {len(sizes)}"
        return _with(row, planned.p, planned.interval(level=row.level), test)
    p, interval = _bet(looks.values, row.level)
    return _with(row, p, interval, BETTING.replace("betting", f"betting{over}"))


def _with(row: Comparison, p: float, interval: Interval, test: str) -> Comparison:
    return msgspec.structs.replace(row, p=p, low=interval.low, high=interval.high, test=test)


def _bet(looks: Sequence[Sequence[float]], level: float) -> tuple[float, Interval]:
    """Return the p-value of the race, and the interval of the last look within that of the surest."""
    test, least, surest = Betting(), 1.0, 0
    for number, values in enumerate(looks, 1):
        test.add(values)
        if test.p < least:
            least, surest = test.p, number
    interval = test.interval(level=level)
    if 0 < surest < len(looks):
        # All looks' intervals hold together, so the mean lies in the overlap of any two.
        early = Betting()
        early.add(chain.from_iterable(looks[:surest]))
        other = early.interval(level=level)
        low, high = max(interval.low, other.low), min(interval.high, other.high)
        interval = msgspec.structs.replace(interval, low=low, high=max(low, high))
    return least, interval


def _looks(series: _Series, row: Comparison, metric: str, keep: frozenset[str] | None) -> _Looks:
    contest = series.raced.contest
    values: list[list[float]] = []
    singles: list[float] = []
    alone = 0
    both = zip(contest.steps[row.a], series.of(row.a, metric), series.of(row.b, metric), strict=False)
    for stage, *sides in both:
        kept = [keep is None or case in keep for case in dict.fromkeys(stage.cases)]
        a, b = (filled(side, kept) for side in sides)
        values.append(pair_differences(a, b, contest.groups(stage) if contest.clustered else None))
        singles += pair_differences(a, b)
        alone += sum((x is None) != (y is None) for x, y in zip(a, b, strict=True))
    return _Looks(
        values=values,
        n=len(singles),
        only_a=sum(each > 0.0 for each in singles),
        only_b=sum(each < 0.0 for each in singles),
        alone=alone,
    )


def raced_targets(raced: Raced | None, targets: Sequence[TargetResult]) -> list[TargetResult]:
    """Return the targets with a note at every value that a race ended."""
    if raced is None:
        return list(targets)
    return [_marked(raced, target) for target in targets]


def _marked(raced: Raced, target: TargetResult) -> TargetResult:
    contest = raced.contest
    total = contest.cases(len(next(iter(contest.steps.values()))))
    asked = contest.cases(contest.steps_of(target.name))
    over = bool(contest.ended) or target.name not in contest.remaining
    if target.name not in contest.steps or asked == total or not over:
        return target
    note = f"stopped after {asked} of {total} cases by the race: {_BIASED}"
    by = next((each.by for each in contest.dropped if each.target == target.name), None)
    if by is not None and contest.race.open_rules:
        rules = ", ".join(f"`{rule}`" for rule in contest.race.open_rules)
        note += f"; where {rules} rules out {by}, which leads it, these cases are all that speak for it"
    whole = f"{raced.benchmark.name}.{raced_metric(raced)}"
    metrics = {
        name: _noted(each, note) if name == whole or name.startswith((f"{whole}@", f"{whole}_")) else each
        for name, each in target.metrics.items()
    }
    notes = [*target.notes, f"{raced.benchmark.name}: {note}"]
    return msgspec.structs.replace(target, metrics=metrics, notes=notes)


def _noted(estimate: Estimate, note: str) -> Estimate:
    return msgspec.structs.replace(estimate, note="; ".join(filter(None, (estimate.note, note))))


def raced_skips(raced: Raced | None) -> Counter[tuple[str, str]]:
    """Return how many planned requests the race made needless, by benchmark and target."""
    skipped: Counter[tuple[str, str]] = Counter()
    if raced is None:
        return skipped
    for target, stages in raced.contest.steps.items():
        if raced.contest.ended or target not in raced.contest.remaining:
            rest = stages[raced.contest.steps_of(target) :]
            skipped[raced.benchmark.name, target] = sum(stage.requests for stage in rest)
    return skipped


def raced_facts(raced: Raced | None, benchmark: str) -> dict[str, Any]:
    """Return what a reader must know of a raced benchmark; nothing for any other."""
    if raced is None or raced.benchmark.name != benchmark:
        return {}
    contest = raced.contest
    asked = sum(contest.cases(contest.steps_of(target)) for target in contest.steps)
    total = contest.cases(len(next(iter(contest.steps.values())))) * len(contest.steps)
    facts = {
        "method": contest.race.rule.method,
        "looks": contest.taken,
        "cases": contest.cases(contest.taken),
        "remaining": list(contest.remaining),
        "dropped": {
            each.target: {
                "by": each.by,
                "cases": each.cases,
                "looks": each.steps,
                "p": each.p,
                "worse_by_more_than": each.lead,
            }
            for each in contest.dropped
        },
        "open_rules": list(contest.race.open_rules),
        "ended": contest.ended or "not yet: cases are missing",
        "saved": 1.0 - asked / total if total else 0.0,
    }
    return {"race": facts}
