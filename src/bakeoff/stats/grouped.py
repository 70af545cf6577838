"""Race several systems by a few planned looks: O'Brien-Fleming boundaries on every pair, Holm over the pairs.

Asks fewer cases than `Race` where it may look only at times that were fixed before. Knows no requests.
"""

import math
from collections.abc import Hashable, Mapping, Sequence
from itertools import combinations, permutations

from bakeoff.stats.intervals import Interval, mean_t
from bakeoff.stats.looks import obrien_fleming, obrien_fleming_p
from bakeoff.stats.paired import PairedTable, tango, tango_z
from bakeoff.stats.race import (
    Loss,
    PairState,
    PairTest,
    RaceState,
    Terms,
    check_scores,
    check_terms,
    new_losses,
    pair_differences,
    pair_states,
    pair_tests,
    shown_claims,
)
from bakeoff.stats.resampling import sign_flip, sign_test
from bakeoff.stats.special import normal_cdf, t_two_sided

_UNLIKELY = 0.1


class PlannedPair:
    """What planned looks tell of one pair. Values are differences within -1..1, one of each case or cluster.

    At a look, passes are tested by McNemar and scores by sign flips, each together with the test that belongs
    to the interval (score, t): the larger p-value counts, so a difference that is shown is one whose interval
    leaves 0 out.
    """

    def __init__(self, sizes: Sequence[int], *, lead: float = 0.0) -> None:
        """Begin with nothing.

        Args:
            sizes: values at every planned look.
            lead: with one, `p` is against a mean of at most this: 1 where none is above it.
        """
        self._sizes, self._lead = tuple(sizes), lead
        self._values: list[float] = []
        self._ends: list[int] = []
        self._seen: list[float] = []
        self._p = 1.0
        self._surest = 0

    def add(self, values: Sequence[float]) -> None:
        """Take the values up to the next look.

        Raises:
            ValueError: more looks than planned.
        """
        self._values += values
        self._ends.append(len(self._values))
        self._seen.append(look_p(self._values, lead=self._lead) if self._values else 1.0)
        p = obrien_fleming_p(self._sizes, self._seen)
        if p < self._p:
            self._p, self._surest = p, len(self._seen) - 1

    @property
    def n(self) -> int:
        """Return how many values came in."""
        return len(self._values)

    @property
    def mean(self) -> float | None:
        """Return the mean of the values so far; None before the first."""
        return math.fsum(self._values) / len(self._values) if self._values else None

    @property
    def p(self) -> float:
        """Return the repeated p-value, two-sided."""
        return self._p

    @property
    def above(self) -> bool:
        """Return whether the mean was above 0 at the look that showed most."""
        return math.fsum(self._values[: self._ends[self._surest]]) > 0.0 if self._ends else False

    def interval(self, *, level: float = 0.95) -> Interval:
        """Return the repeated interval of the mean: that of the last look, within that of the surest.

        The intervals of all looks together hold the mean with probability `level`.

        Raises:
            ValueError: level outside (0, 1).
        """
        looks = obrien_fleming(self._sizes, alpha=1.0 - level)
        low, high = -1.0, 1.0
        for at in {self._surest, len(self._ends) - 1} if self._ends else ():
            one = _interval(self._values[: self._ends[at]], looks[at].p)
            low, high = max(low, one[0]), min(high, one[1])
        return Interval(low=low, high=max(low, high), level=level)


class GroupedRace:
    """Pairwise tests of k systems at planned looks, and who is left."""

    def __init__(
        self,
        names: Sequence[str],
        sizes: Sequence[int],
        *,
        alpha: float = 0.05,
        margin: float | None = None,
        terms: Terms = Terms(),  # noqa: B008  it is frozen
    ) -> None:
        """Begin a race of scores within 0..1; differences below `margin` are as good as none.

        Args:
            names: who races.
            sizes: cases, or clusters where there are any, at every planned look.
            alpha: chance of any wrong claim that somebody is worse; likewise of any that they are close.
            margin: None where equals are not told apart from those that are nearly so.
            terms: what drops somebody.

        Raises:
            ValueError: fewer than two names, a doubled one, sizes that do not grow, alpha or
                margin outside (0, 1), a lead outside 0..1, or a reference that is no name.
        """
        if len(names) < 2 or len(set(names)) < len(names):
            raise ValueError("a race needs at least two names, each once")
        obrien_fleming(sizes, alpha=alpha)
        if margin is not None and not 0.0 < margin < 1.0:
            raise ValueError(f"a margin lies between 0 and 1, got {margin}")
        check_terms(terms, names, span=1.0)
        self._names, self._alpha, self._margin, self._terms = tuple(names), alpha, margin, terms
        self._pairs = {pair: PlannedPair(sizes) for pair in combinations(names, 2)}
        self._ahead = {
            (winner, loser): PlannedPair(sizes, lead=lead)
            for winner, loser in permutations(names, 2)
            if (lead := terms.lead_of(winner))
        }
        self._losses: list[Loss] = []
        self._n = 0

    def add(
        self, scores: Mapping[str, Sequence[float | None]], *, groups: Sequence[Hashable] | None = None
    ) -> RaceState:
        """Take the scores of the cases up to the next look, and look; see `Race.add`.

        Raises:
            ValueError: as `Race.add`, and more looks than planned.
        """
        remaining = self.state.remaining
        check_scores(scores, remaining, low=0.0, high=1.0)
        for a, b in combinations(remaining, 2):
            differences = pair_differences(scores[a], scores[b], groups)
            self._pairs[a, b].add(differences)
            for winner, values in (((a, b), differences), ((b, a), [-each for each in differences])):
                if winner in self._ahead:
                    self._ahead[winner].add(values)
        self._n += len(scores[remaining[0]])
        found = {pair: (self._p_ahead(*pair), self._p_ahead(*pair[::-1])) for pair in self._pairs}
        claims = shown_claims(found, {pair: test.n for pair, test in self._pairs.items()}, self._alpha)
        self._losses += new_losses(claims, remaining, self._terms)
        return self.state

    def _p_ahead(self, winner: str, loser: str) -> float:
        """Return the one-sided p-value against "the first is not better by more than its lead"."""
        test = self._ahead.get((winner, loser))
        if test is not None:
            return test.p / 2.0
        first = self._pairs.get((winner, loser))
        if first is not None:
            return first.p / 2.0 if first.above else 1.0
        second = self._pairs[loser, winner]
        return 1.0 if second.above else second.p / 2.0

    @property
    def state(self) -> RaceState:
        """Return where the race stands."""
        out = {loss.name for loss in self._losses}
        remaining = tuple(name for name in self._names if name not in out)
        decided = len(remaining) == 1
        tied = not decided and self._all_close(remaining)
        return RaceState(
            state="decided" if decided else "tied" if tied else "open",
            remaining=remaining,
            losses=tuple(self._losses),
            n=self._n,
        )

    def tests(self) -> tuple[PairTest, ...]:
        """Return how every pair stands."""
        return pair_tests(self._pairs)

    def pairs(self) -> tuple[PairState, ...]:
        """Return what is known of every pair; a pair stops when one of the two is dropped."""
        return pair_states(self._pairs, level=1.0 - self._alpha / len(self._pairs))

    def _all_close(self, remaining: Sequence[str]) -> bool:
        """Return whether every remaining pair is shown to differ by less than the margin.

        Two one-sided tests a pair; both have to hold, so each may use Bonferroni's whole share.
        """
        if self._margin is None or not self._n:
            return False
        level = 1.0 - min(0.5, 2.0 * self._alpha / len(self._pairs))
        found = [self._pairs[pair].interval(level=level) for pair in combinations(remaining, 2)]
        return all(-self._margin < each.low and each.high < self._margin for each in found)


def look_p(differences: Sequence[float], *, lead: float = 0.0) -> float:
    """Return the two-sided p-value of "the mean is 0" at one look, the larger one of two tests.

    With a `lead`, it is twice the one-sided one of "the mean is at most the lead", and 1 where it is: of
    passes by Tango's score and t, of scores by t and by flips around the lead.

    Raises:
        ValueError: no differences, or NaN.
    """
    if lead and math.fsum(differences) <= lead * len(differences):
        return 1.0
    ahead = [each - lead for each in differences]
    up, down = sum(each > 0.0 for each in ahead), sum(each < 0.0 for each in ahead)
    if not up + down:
        return 1.0
    passes = all(each in {-1.0, 0.0, 1.0} for each in differences)
    if passes and not lead:
        score = 2.0 * normal_cdf(-abs(up - down) / math.sqrt(up + down))
        return max(score, sign_test(up, down))
    found = mean_t(ahead)
    if found.se is None:
        return sign_test(up, down)
    p = t_two_sided(found.mean / found.se, found.groups - 1)
    if passes:
        losses = sum(each < 0.0 for each in differences)
        return max(p, 2.0 * normal_cdf(-tango_z(_table(len(differences), up, losses), lead)))
    # Flips take time, and what t does not show no boundary asks about.
    return p if p > _UNLIKELY else max(p, sign_flip(ahead).p)


def _interval(values: Sequence[float], p: float) -> tuple[float, float]:
    """Return the interval of the mean that belongs to a look's p-value."""
    level = 1.0 - p
    if not values or level >= 1.0:
        return -1.0, 1.0
    up, down = sum(each > 0.0 for each in values), sum(each < 0.0 for each in values)
    if all(each in {-1.0, 0.0, 1.0} for each in values):
        found = tango(_table(len(values), up, down), level=level)
        return found.low, found.high
    mean = mean_t(values, level=level)
    if mean.low is None or mean.high is None:
        # All of one size: how many unseen ones could be of the other sign is all there is to bound.
        found = tango(_table(len(values), up, down), level=level)
        size = abs(values[0])
        return size * found.low, size * found.high
    return mean.low, mean.high


def _table(n: int, up: int, down: int) -> PairedTable:
    return PairedTable(both=0, only_a=up, only_b=down, neither=n - up - down)
