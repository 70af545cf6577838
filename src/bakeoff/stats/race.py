"""Race several systems over the same cases: after each look, drop who is shown to be worse than another.

Every pair is tested by betting, so looking often costs nothing; Holm over all pairs keeps the chance of any
wrong claim, at any look, below alpha. Knows no requests and no money.
"""

import math
from collections.abc import Hashable, Mapping, Sequence
from itertools import combinations, permutations
from operator import attrgetter
from typing import Literal, Protocol

import msgspec

from bakeoff.stats.betting import Betting
from bakeoff.stats.checks import check_same_length
from bakeoff.stats.intervals import Interval
from bakeoff.stats.multiple import holm


class Loss(msgspec.Struct, frozen=True, kw_only=True):
    """Who was shown to be worse than whom, after how many cases, with which Holm-adjusted p-value."""

    name: str
    winner: str
    n: int
    p: float


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What has to be shown before somebody is dropped.

    Attributes:
        lead: by how much more than this another has to be better.
        reference: whoever is shown to be better than this one, by however little, may take its place.
            Others are dropped when it is better than they by more than `lead`, or when one who may take its
            place is better than they by however little; it is dropped itself when all that are left may
            take its place. None holds everybody against everybody.
        drops: False asks everybody to the end, whatever is shown.
    """

    lead: float = 0.0
    reference: str | None = None
    drops: bool = True

    def lead_of(self, winner: str) -> float:
        """Return by how much more than this a winner has to be better to drop another."""
        return self.lead if self.reference in {None, winner} else 0.0


class PairTest(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one pair: mean of a - b over `n` cases, `p` adjusted over all pairs of the race."""

    a: str
    b: str
    n: int
    difference: float | None
    p: float


class PairState(PairTest, frozen=True, kw_only=True):
    """What is known of one pair, with its always-valid interval.

    The interval is Bonferroni's share of the level, so that all intervals hold at once.
    """

    interval: Interval


class RaceState(msgspec.Struct, frozen=True, kw_only=True):
    """Where the race stands.

    Attributes:
        state: `open` while cases can still decide, `decided` when one is left, `tied` when all that are left
            differ by less than the margin.
        remaining: names not shown to be worse than another, in the order given.
        losses: who was dropped, in the order of the looks.
        n: cases that were taken by the remaining ones.
    """

    state: Literal["open", "decided", "tied"]
    remaining: tuple[str, ...]
    losses: tuple[Loss, ...]
    n: int


class Race:
    """Pairwise always-valid tests of k systems and who is left."""

    __slots__ = (
        "_ahead",
        "_alpha",
        "_close",
        "_high",
        "_losses",
        "_low",
        "_n",
        "_names",
        "_pairs",
        "_sign",
        "_terms",
    )

    def __init__(
        self,
        names: Sequence[str],
        *,
        alpha: float = 0.05,
        margin: float | None = None,
        low: float = 0.0,
        high: float = 1.0,
        higher_is_better: bool = True,
        terms: Terms = Terms(),  # noqa: B008  it is frozen
    ) -> None:
        """Begin a race of scores within low..high; differences below `margin` are as good as none.

        Without a margin the race of equals only ends when the cases do. `terms` say what drops somebody.

        Raises:
            ValueError: fewer than two names, a doubled one, alpha outside (0, 1), not low < high, margin
                outside (0, high - low), a lead outside 0..(high - low), or a reference that is no name.
        """
        if len(names) < 2 or len(set(names)) < len(names):
            raise ValueError("a race needs at least two names, each once")
        if not 0.0 < alpha < 1.0:
            raise ValueError(f"alpha lies between 0 and 1, got {alpha}")
        span = high - low
        if not 0.0 < span < math.inf:
            raise ValueError(f"scores need low < high, got {low} and {high}")
        if margin is not None and not 0.0 < margin < span:
            raise ValueError(f"a margin lies between 0 and {span:g}, got {margin}")
        check_terms(terms, names, span=span)
        self._names, self._alpha, self._low, self._high = tuple(names), alpha, low, high
        self._sign, self._terms = (1.0 if higher_is_better else -1.0), terms
        self._pairs = {pair: Betting(low=-span, high=span) for pair in combinations(names, 2)}
        self._close: dict[tuple[str, str], tuple[Betting, Betting]] = {}
        if margin is not None:
            self._close = {
                pair: (
                    Betting(null=-margin, low=-span, high=span),
                    Betting(null=margin, low=-span, high=span),
                )
                for pair in self._pairs
            }
        self._ahead = {
            (winner, loser): Betting(null=self._sign * lead, low=-span, high=span)
            for winner, loser in permutations(names, 2)
            if (lead := terms.lead_of(winner))
        }
        self._losses: list[Loss] = []
        self._n = 0

    def add(
        self, scores: Mapping[str, Sequence[float | None]], *, groups: Sequence[Hashable] | None = None
    ) -> RaceState:
        """Take the scores of the next cases, one sequence per remaining name, and look.

        Args:
            scores: None where there is none; a pair is compared on the cases that both have.
            groups: the cluster of each case, a whole cluster in one look: a pair bets on the mean
                difference of each.

        Raises:
            ValueError: a remaining name is missing, unequal lengths, NaN, or a score outside low..high.
        """
        remaining = self._remaining()
        check_scores(scores, remaining, low=self._low, high=self._high)
        for a, b in combinations(remaining, 2):
            differences = pair_differences(scores[a], scores[b], groups)
            self._pairs[a, b].add(differences)
            for test in self._close.get((a, b), ()):
                test.add(differences)
            for winner, values in (((a, b), differences), ((b, a), [-each for each in differences])):
                if winner in self._ahead:
                    self._ahead[winner].add(values)
        self._n += len(scores[remaining[0]])
        self._drop()
        return self.state

    @property
    def state(self) -> RaceState:
        """Return where the race stands."""
        remaining = self._remaining()
        state: Literal["open", "decided", "tied"] = "decided" if len(remaining) == 1 else "open"
        if state == "open" and self._all_close(remaining):
            state = "tied"
        return RaceState(state=state, remaining=remaining, losses=tuple(self._losses), n=self._n)

    def tests(self) -> tuple[PairTest, ...]:
        """Return how every pair stands; quicker than `pairs` where a pair has many different differences."""
        return pair_tests(self._pairs)

    def pairs(self) -> tuple[PairState, ...]:
        """Return what is known of every pair; a pair stops when one of the two is dropped."""
        return pair_states(self._pairs, level=1.0 - self._alpha / len(self._pairs))

    def _remaining(self) -> tuple[str, ...]:
        out = {loss.name for loss in self._losses}
        return tuple(name for name in self._names if name not in out)

    def _drop(self) -> None:
        """Drop whom the claims so far drop; p-values only fall, so what was shown stays shown."""
        found = {pair: (self._p_ahead(*pair), self._p_ahead(*pair[::-1])) for pair in self._pairs}
        claims = shown_claims(found, {pair: test.n for pair, test in self._pairs.items()}, self._alpha)
        self._losses += new_losses(claims, self._remaining(), self._terms)

    def _p_ahead(self, winner: str, loser: str) -> float:
        """Return the one-sided p-value against "the first is not better by more than its lead"."""
        test = self._ahead.get((winner, loser))
        if test is None:
            pair, turned = (winner, loser), (loser, winner)
            test, sign = (self._pairs[pair], 1.0) if pair in self._pairs else (self._pairs[turned], -1.0)
            return test.p_above if sign * self._sign > 0.0 else test.p_below
        return test.p_above if self._sign > 0.0 else test.p_below

    def _all_close(self, remaining: Sequence[str]) -> bool:
        """Return whether every remaining pair is shown to differ by less than the margin.

        Two one-sided tests a pair; both have to hold, so each may use Bonferroni's whole share.
        """
        if not self._close:
            return False
        bar = self._alpha / len(self._pairs)
        tests = [self._close[pair] for pair in combinations(remaining, 2)]
        return all(above.p_above <= bar and below.p_below <= bar for above, below in tests)


class SequentialTest(Protocol):
    """A test of one pair's differences that may be looked at again and again."""

    @property
    def n(self) -> int:
        """Return how many differences came in."""
        ...

    @property
    def mean(self) -> float | None:
        """Return their mean."""
        ...

    @property
    def p(self) -> float:
        """Return the two-sided p-value."""
        ...

    def interval(self, *, level: float = 0.95) -> Interval:
        """Return the interval of the mean."""
        ...


def pair_tests(tests: Mapping[tuple[str, str], SequentialTest]) -> tuple[PairTest, ...]:
    """Return how every pair stands, Holm-adjusted over all of them."""
    adjusted = holm([test.p for test in tests.values()])
    return tuple(
        PairTest(a=a, b=b, n=test.n, difference=test.mean, p=1.0 if p is None else p)
        for ((a, b), test), p in zip(tests.items(), adjusted, strict=True)
    )


def pair_states(tests: Mapping[tuple[str, str], SequentialTest], *, level: float) -> tuple[PairState, ...]:
    """Return how every pair stands, with an interval of this level."""
    return tuple(
        PairState(
            a=one.a,
            b=one.b,
            n=one.n,
            difference=one.difference,
            p=one.p,
            interval=tests[one.a, one.b].interval(level=level),
        )
        for one in pair_tests(tests)
    )


def check_scores(
    scores: Mapping[str, Sequence[float | None]], remaining: Sequence[str], *, low: float, high: float
) -> None:
    """Refuse a look that lacks a name, or whose scores do not run side by side within low..high."""
    for name in remaining:
        if name not in scores:
            raise ValueError(f"`{name}` is still in the race and has no scores")
        check_same_length(scores[name], scores[remaining[0]])
        if not all(score is None or low <= score <= high for score in scores[name]):
            raise ValueError(f"a score of `{name}` lies outside {low:g}..{high:g}")


def pair_differences(
    a: Sequence[float | None], b: Sequence[float | None], groups: Sequence[Hashable] | None = None
) -> list[float]:
    """Return a - b of each case that both have a score of; with `groups`, the mean of each group's.

    Raises:
        ValueError: unequal lengths.
    """
    check_same_length(a, b)
    if groups is None:
        return [x - y for x, y in zip(a, b, strict=True) if x is not None and y is not None]
    check_same_length(a, groups)
    found: dict[Hashable, list[float]] = {}
    for x, y, group in zip(a, b, groups, strict=True):
        if x is not None and y is not None:
            found.setdefault(group, []).append(x - y)
    return [math.fsum(each) / len(each) for each in found.values()]


def check_terms(terms: Terms, names: Sequence[str], *, span: float) -> None:
    """Refuse terms that no race between these names, of scores so far apart, could fulfil."""
    if not 0.0 <= terms.lead < span:
        raise ValueError(f"a lead is at least 0 and below {span:g}, got {terms.lead}")
    if terms.reference is not None and terms.reference not in names:
        raise ValueError(f"the reference `{terms.reference}` is not in the race")


def shown_claims(
    found: Mapping[tuple[str, str], tuple[float, float]], sizes: Mapping[tuple[str, str], int], alpha: float
) -> list[Loss]:
    """Return who is shown to be behind whom, Holm-adjusted over all pairs.

    Each direction of a pair is tested at half the level, so both together claim wrongly no more often than
    the level says.

    Args:
        found: one-sided p-values of each pair: that the first is ahead, that the second is.
        sizes: how many cases each pair has.
        alpha: chance of any wrong claim.
    """
    adjusted = holm([min(1.0, 2.0 * min(sides)) for sides in found.values()])
    claims: list[Loss] = []
    for p, (pair, sides) in zip(adjusted, found.items(), strict=True):
        if p is not None and p <= alpha:
            winner, loser = pair if sides[0] < sides[1] else pair[::-1]
            claims.append(Loss(name=loser, winner=winner, n=sizes[pair], p=p))
    return claims


def new_losses(claims: Sequence[Loss], remaining: Sequence[str], terms: Terms) -> list[Loss]:
    """Return who is dropped by claims, the surest first.

    One always stays: a circle of claims would drop everybody.
    """
    left, losses, reference = list(remaining), list[Loss](), terms.reference
    ordered = sorted(claims, key=attrgetter("p")) if terms.drops else []
    better = {claim.winner: claim for claim in ordered if claim.name == reference}
    for claim in ordered:
        counts = reference in {None, claim.winner} or claim.winner in better
        if counts and claim.name != reference and claim.name in left and len(left) > 1:
            left.remove(claim.name)
            losses.append(claim)
    others = [name for name in left if name != reference]
    if reference in left and others and all(name in better for name in others):
        losses.append(min((better[name] for name in others), key=attrgetter("p")))
    return losses
