"""Compare two systems on the same cases: the difference a - b with its interval and test.

Sequences run side by side, one value per case (repeats are averaged before, see `repeats`).
"""

import math
from collections.abc import Callable, Hashable, Sequence

import msgspec

from bakeoff.stats.checks import check_finite, check_level, check_same_length
from bakeoff.stats.intervals import Interval, wilson
from bakeoff.stats.resampling import FlipTest, bootstrap, sign_flip, sign_test
from bakeoff.stats.special import normal_quantile


class PairedTable(msgspec.Struct, frozen=True, kw_only=True):
    """The four counts of paired passes and failures."""

    both: int
    only_a: int
    only_b: int
    neither: int

    @property
    def n(self) -> int:
        """Return the number of pairs."""
        return self.both + self.only_a + self.only_b + self.neither

    @property
    def difference(self) -> float:
        """Return share(a) - share(b) = (only_a - only_b) / n.

        Raises:
            ValueError: there are no pairs.
        """
        if self.n == 0:
            raise ValueError("no pairs, so no difference")
        return (self.only_a - self.only_b) / self.n


class PairedResult(msgspec.Struct, frozen=True, kw_only=True):
    """The mean of a - b over `n` pairs in `groups` independent groups, its interval, and how it was tested.

    `low` and `high` are None where the data show no spread. `only_a` and `only_b` count the cases that
    just one of the two passed; for scores, those where it scored higher.
    """

    difference: float
    low: float | None
    high: float | None
    level: float
    p: float
    n: int
    groups: int
    only_a: int
    only_b: int
    test: str


def tabulate(a: Sequence[bool], b: Sequence[bool]) -> PairedTable:
    """Count the pairs of outcomes.

    Raises:
        ValueError: unequal lengths.
    """
    check_same_length(a, b)
    both = sum(one and other for one, other in zip(a, b, strict=True))
    passed_a = sum(map(bool, a))
    passed_b = sum(map(bool, b))
    return PairedTable(
        both=both,
        only_a=passed_a - both,
        only_b=passed_b - both,
        neither=len(a) - passed_a - passed_b + both,
    )


def mcnemar(table: PairedTable, *, mid_p: bool = False) -> float:
    """Return the exact two-sided p-value of McNemar's test: a sign test on the discordant pairs.

    1.0 where no pair is discordant; `mid_p` as in `sign_test`.

    Raises:
        ValueError: a negative count.
    """
    return sign_test(table.only_a, table.only_b, mid_p=mid_p)


def tango(table: PairedTable, *, level: float = 0.95) -> Interval:
    """Return Tango's score interval of the paired difference of shares (Statistics in Medicine 17, 1998).

    All D with |b - c - n D| <= z sqrt(n (2 q + D (1 - D))), b = only_a, c = only_b, and q the most likely
    share of only_b given D: q = (sqrt(B^2 - 8 n C) - B) / 4n, B = (2n - b + c) D - b - c, C = -c D (1 - D).
    Keeps its level also where few or no pairs are discordant. Without pairs it is -1..1.

    Raises:
        ValueError: a negative count, level outside (0, 1).
    """
    check_level(level)
    _check_table(table)
    if table.n == 0:
        return Interval(low=-1.0, high=1.0, level=level)
    z = normal_quantile(0.5 + level / 2.0)
    return Interval(
        low=_tango_low(table.only_a, table.only_b, table.n, z),
        high=-_tango_low(table.only_b, table.only_a, table.n, z),
        level=level,
    )


def tango_z(table: PairedTable, difference: float) -> float:
    """Return Tango's score of "the difference of shares is this", positive where the one seen is larger.

    See `tango`, which is made of the differences whose score is at most z. Infinite where the table cannot
    come from such a difference.

    Raises:
        ValueError: a negative count, or a difference outside -1..1.
    """
    _check_table(table)
    if not -1.0 <= difference <= 1.0:
        raise ValueError(f"a difference of shares lies between -1 and 1, got {difference}")
    b, c, n = table.only_a, table.only_b, table.n
    gap = b - c - n * difference
    if gap < 0.0:
        return -tango_z(msgspec.structs.replace(table, only_a=c, only_b=b), -difference)
    spread = math.sqrt(n * _tango_variance(b, c, n, difference)) if n else 0.0
    return gap / spread if spread else math.inf if gap else 0.0


def _tango_variance(b: int, c: int, n: int, d: float) -> float:
    """Return the variance of one pair's difference, most likely given that its mean is `d`."""
    big_b = (2 * n - b + c) * d - b - c
    root = math.sqrt(max(0.0, big_b * big_b + 8.0 * n * c * d * (1.0 - d)))
    return max(0.0, 2.0 * (root - big_b) / (4.0 * n) + d * (1.0 - d))


def _tango_low(b: int, c: int, n: int, z: float) -> float:
    """Return the lower bound; the upper one is the lower one of the swapped counts, negated."""

    def above(d: float) -> bool:
        return b - c - n * d > z * math.sqrt(n * _tango_variance(b, c, n, d))

    return _last_true(above, -1.0, (b - c) / n)


def _last_true(holds: Callable[[float], bool], low: float, high: float) -> float:
    """Return where `holds` turns false between low and high, by halving to the last bits."""
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def newcombe_paired(table: PairedTable, *, level: float = 0.95) -> Interval:
    """Return Newcombe's square-and-add interval of the paired difference (method 10; Stat. Med. 17, 1998).

    D - sqrt(x^2 - 2 f x y + y^2) with x = p_a - l_a, y = u_b - p_b from the Wilson bounds l, u of each share,
    mirrored for the upper bound; f is the phi coefficient of the table, its numerator reduced by n/2 when
    positive. Where one system never fails alone it covers less than Tango's (0.932 and 0.967 of a nominal
    0.95 at n = 200, 5 % only_a). Without pairs it is -1..1.

    Raises:
        ValueError: a negative count, level outside (0, 1).
    """
    check_level(level)
    _check_table(table)
    n = table.n
    if n == 0:
        return Interval(low=-1.0, high=1.0, level=level)
    passed_a = table.both + table.only_a
    passed_b = table.both + table.only_b
    share_a, share_b = passed_a / n, passed_b / n
    of_a = wilson(passed_a, n, level=level)
    of_b = wilson(passed_b, n, level=level)
    phi = _corrected_phi(table)

    def reach(x: float, y: float) -> float:
        return math.sqrt(max(0.0, x * x - 2.0 * phi * x * y + y * y))

    return Interval(
        low=table.difference - reach(share_a - of_a.low, of_b.high - share_b),
        high=table.difference + reach(of_a.high - share_a, share_b - of_b.low),
        level=level,
    )


def _corrected_phi(table: PairedTable) -> float:
    passed_a = table.both + table.only_a
    passed_b = table.both + table.only_b
    margins = passed_a * (table.n - passed_a) * passed_b * (table.n - passed_b)
    if margins == 0:
        return 0.0
    cross = table.both * table.neither - table.only_a * table.only_b
    corrected = max(cross - table.n / 2.0, 0.0) if cross > 0 else float(cross)
    return corrected / math.sqrt(margins)


def _check_table(table: PairedTable) -> None:
    if min(table.both, table.only_a, table.only_b, table.neither) < 0:
        raise ValueError(f"counts are at least 0, got {table}")


def compare_passes(
    a: Sequence[bool],
    b: Sequence[bool],
    *,
    clusters: Sequence[Hashable] | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> PairedResult:
    """Compare passes and failures: exact McNemar with Tango's interval.

    With `clusters` that hold more than one case, McNemar would overstate: whole clusters are flipped and
    redrawn instead, as for scores.

    Raises:
        ValueError: no pairs, unequal lengths, level outside (0, 1).
    """
    if clusters is not None and len(set(clusters)) < len(clusters):
        return compare_scores(a, b, clusters=clusters, level=level, seed=seed)
    table = tabulate(a, b)
    interval = tango(table, level=level)
    return PairedResult(
        difference=table.difference,
        low=interval.low,
        high=interval.high,
        level=level,
        p=mcnemar(table),
        n=table.n,
        groups=table.n,
        only_a=table.only_a,
        only_b=table.only_b,
        test="exact McNemar, Tango interval",
    )


def compare_scores(
    a: Sequence[float],
    b: Sequence[float],
    *,
    clusters: Sequence[Hashable] | None = None,
    level: float = 0.95,
    seed: int = 0,
    shares: bool = True,
) -> PairedResult:
    """Compare scores: sign-flip permutation test with a BCa bootstrap interval of the mean difference.

    Where no case differs and all scores are within 0..1, the interval is Tango's without a discordant pair:
    it bounds how many unseen cases could differ, where resampling would claim certainty. Without `shares`,
    as for seconds and money, there is none then.

    Raises:
        ValueError: no pairs, NaN or an infinity, unequal lengths, level outside (0, 1).
    """
    check_level(level)
    check_same_length(a, b)
    check_finite(a)
    check_finite(b)
    differences = [one - other for one, other in zip(a, b, strict=True)]
    groups = len(differences) if clusters is None else len(set(clusters))
    flipped = sign_flip(differences, clusters=clusters, seed=seed)
    interval = bootstrap(differences, clusters=clusters, level=level, seed=seed)
    if shares and not any(differences) and all(0.0 <= value <= 1.0 for value in a):
        interval = tango(PairedTable(both=groups, only_a=0, only_b=0, neither=0), level=level)
        test = "no case differs, Tango interval"
    else:
        test = _flip_name(flipped, "clusters" if groups < len(differences) else "")
    return PairedResult(
        difference=math.fsum(differences) / len(differences),
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        level=level,
        p=flipped.p,
        n=len(differences),
        groups=groups,
        only_a=sum(value > 0.0 for value in differences),
        only_b=sum(value < 0.0 for value in differences),
        test=test,
    )


def _flip_name(flipped: FlipTest, unit: str) -> str:
    how = "exact" if flipped.draws is None else f"{flipped.draws:,} draws"
    if flipped.approximate:
        how = "saddlepoint"
    over = f" over {unit}" if unit else ""
    return f"sign-flip permutation{over} ({how}), BCa bootstrap interval"
