"""A race step by step, recomputed from scores: while it runs, when it is resumed, and when it is reported.

The same scores always give the same race, so nothing but them has to be stored.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import accumulate

import msgspec

from bakeoff.decide.gather.collect import CaseKey, case_values
from bakeoff.decide.gather.parts import part_scores
from bakeoff.plan import intents
from bakeoff.races import groups
from bakeoff.records import BenchmarkSpec, Case, Plan, PlannedRace, Score, Spec, Stage
from bakeoff.stats.grouped import GroupedRace
from bakeoff.stats.race import Loss, PairState, PairTest, Race, RaceState, Terms

ByScorer = Mapping[str, Mapping[CaseKey, Score]]
"""Scores of one target by scorer, then by case and repeat."""

DECIDED = "one target remains"
TIED = "the targets that remain differ by less than the margin"
USED_UP = "all cases are used"


class Dropped(msgspec.Struct, frozen=True, kw_only=True):
    """A target that was shown to be worse than another by more than `lead`, after so many steps."""

    target: str
    by: str
    steps: int
    cases: int
    p: float
    lead: float = 0.0


class Contest:
    """Who is left of a race after the steps so far.

    Args:
        plan: with its race.
        race: that race.
        benchmark: the raced one.
        cases: of the benchmark, in the order of the data set.
    """

    def __init__(
        self, plan: Plan, race: PlannedRace, benchmark: BenchmarkSpec, cases: Iterable[Case]
    ) -> None:
        self.race = race
        self.steps: dict[str, list[Stage]] = {}
        for stage in plan.stages:
            if stage.benchmark == race.benchmark:
                self.steps.setdefault(stage.target, []).append(stage)
        self.taken = 0
        self.ended = ""
        self.dropped: list[Dropped] = []
        self.bounded = True
        self.benchmark = benchmark
        self._groups = groups(cases)
        self._field = self._make_field()

    @property
    def _terms(self) -> Terms:
        """Return what has to be shown before the quality rule can choose a target no more."""
        race = self.race
        reference = race.incumbent if race.incumbent in self.steps else None
        if race.lead >= 1.0:
            return Terms(reference=reference, drops=False)
        return Terms(lead=race.lead, reference=reference)

    def _make_field(self) -> Race | GroupedRace:
        names, race, terms = list(self.steps), self.race, self._terms
        alpha, margin = 1.0 - race.level, race.rule.margin or None
        if race.rule.method == "anytime":
            return Race(names, alpha=alpha, margin=margin, terms=terms)
        return GroupedRace(names, self.sizes, alpha=alpha, margin=margin, terms=terms)

    @property
    def sizes(self) -> list[int]:
        """Return how many groups of cases (each case by itself, where there are none) each look has."""
        return list(accumulate(len(set(self.groups(stage))) for stage in self._first))

    @property
    def _first(self) -> list[Stage]:
        return next(iter(self.steps.values()))

    @property
    def remaining(self) -> tuple[str, ...]:
        """Return the targets that the decision rule may still choose."""
        return self._field.state.remaining

    @property
    def asked(self) -> tuple[str, ...]:
        """Return the targets that the next step asks; none where the race has ended."""
        return () if self.ended else self.remaining

    @property
    def clustered(self) -> bool:
        """Tell whether some cases belong together."""
        return len(set(self._groups.values())) < len(self._groups)

    def cases(self, steps: int) -> int:
        """Return how many cases so many steps ask a target for."""
        return sum(len(set(stage.cases)) for stage in self._first[:steps])

    def steps_of(self, target: str) -> int:
        """Return how many steps a target took part in."""
        return next((each.steps for each in self.dropped if each.target == target), self.taken)

    def groups(self, stage: Stage) -> list[str]:
        """Return the group of each case of a step."""
        return [self._groups[case] for case in dict.fromkeys(stage.cases)]

    def tests(self) -> tuple[PairTest, ...]:
        """Return how every pair stands."""
        return self._field.tests()

    def pairs(self) -> tuple[PairState, ...]:
        """Return what is known of every pair."""
        return self._field.pairs()

    def look(self, scores_of: Callable[[str], ByScorer]) -> bool:
        """Take the next step; do nothing and return False where somebody still lacks a score of it."""
        values: dict[str, list[float | None]] = {}
        for target in self.asked:
            stage = self.steps[target][self.taken]
            found = step_values(
                scores_of(target), stage, self.race.metric, errors_count=self.benchmark.errors_count
            )
            if found is None:
                return False
            values[target] = found
        self.bounded = self.bounded and all(
            one is None or 0.0 <= one <= 1.0 for each in values.values() for one in each
        )
        stage = self._first[self.taken]
        self.taken += 1
        if self.bounded:  # else nobody can be dropped any more, and all cases are asked
            before = self._field.state.losses
            state = self._field.add(values, groups=self.groups(stage) if self.clustered else None)
            self.dropped += [self._told(loss) for loss in state.losses[len(before) :]]
            self.ended = _reason(state)
        if not self.ended and self.taken == len(self._first):
            self.ended = USED_UP
        return True

    def _told(self, loss: Loss) -> Dropped:
        cases = self.cases(self.taken)
        lead = self._terms.lead_of(loss.winner)
        return Dropped(target=loss.name, by=loss.winner, steps=self.taken, cases=cases, p=loss.p, lead=lead)


def make_contest(plan: Plan, spec: Spec, cases: Mapping[str, Collection[Case]]) -> Contest | None:
    """Return the race of a plan at its start; None where it has none, or nobody to race.

    Args:
        plan: of the run.
        spec: with the scorers that are used.
        cases: of each benchmark, in the order of the data set.
    """
    race = plan.race
    if race is None or len({stage.target for stage in plan.stages if stage.benchmark == race.benchmark}) < 2:
        return None
    benchmark = next((each for each in spec.benchmarks if each.name == race.benchmark), None)
    asked = cases.get(race.benchmark)
    return None if benchmark is None or not asked else Contest(plan, race, benchmark, asked)


def _reason(state: RaceState) -> str:
    return {"open": "", "decided": DECIDED, "tied": TIED}[state.state]


def step_values(
    scores: ByScorer, stage: Stage, metric: str | None, *, errors_count: bool
) -> list[float | None] | None:
    """Return the value of each case of a step; None where a sample of it has not been graded.

    A case without a value is None: with `errors_count` a sample without a grade has the value 0.

    Args:
        scores: of the target.
        stage: the step.
        metric: whose values; None for those of the first scorer.
        errors_count: the benchmark's policy.
    """
    wanted = [(intent.case, intent.repeat) for intent in intents(stage)]
    part = {name: {key: each[key] for key in wanted if key in each} for name, each in scores.items()}
    if not part or any(len(each) < len(wanted) for each in part.values()):
        return None
    chosen = scores_of_metric({**part, **part_scores(part)}, metric)
    found = case_values(chosen, {}, errors_count=errors_count)
    value = dict(zip(found.cases, found.values, strict=True))
    return [value.get(case) for case in dict.fromkeys(stage.cases)]


def scores_of_metric(scores: Mapping[str, dict[CaseKey, Score]], metric: str | None) -> dict[CaseKey, Score]:
    """Return the scores of a metric, of the first scorer for None; empty where there are none."""
    for each in scores.values():
        if each and metric in {None, next(iter(each.values())).metric}:
            return each
    return {}


def filled(values: Sequence[float | None], keep: Sequence[bool]) -> list[float | None]:
    """Return the values with None for those that are not kept."""
    return [value if kept else None for value, kept in zip(values, keep, strict=True)]
