"""How often each interval holds the truth, at four sizes and three shares, and where it does not."""

import math
from collections.abc import Callable
from functools import cache
from random import Random

from bakeoff.stats.betting import Betting
from bakeoff.stats.blocks import block_bootstrap
from bakeoff.stats.expansion import ENOUGH
from bakeoff.stats.intervals import (
    Interval,
    MeanInterval,
    QuantileInterval,
    clopper_pearson,
    mean_clustered,
    mean_t,
    quantile_interval,
    wilson,
)
from bakeoff.stats.paired import PairedTable, newcombe_paired, tango
from bakeoff.stats.resampling import bootstrap
from bakeoff.stats.special import binomial_pmf, normal_quantile
from bakeoff.stats.strengths import Game, fit_strengths
from bakeoff.stats.unpaired import Passes, UnpairedResult, compare_means, newcombe_unpaired
from bench._table import show

SIZES = (20, 50, 200, 1_000)
SHARES = (0.5, 0.9, 0.99)
LEVEL, LEAST = 0.95, 0.93
STRENGTH_RESAMPLES = 100

Bounds = Interval | MeanInterval | QuantileInterval | UnpairedResult | None
Row = tuple[str, float, list[float]]


def holds(found: Bounds, truth: float) -> bool:
    """Return whether the interval holds the truth; none at all does not, a missing bound is infinite."""
    if found is None or (isinstance(found, MeanInterval | UnpairedResult) and found.low is None):
        return False
    low = -math.inf if found.low is None else found.low
    high = math.inf if found.high is None else found.high
    return low - 1e-12 <= truth <= high + 1e-12


def wald(k: int, n: int) -> Interval:
    """Return the textbook interval, for comparison only."""
    half = normal_quantile(0.5 + LEVEL / 2.0) * math.sqrt(k / n * (1.0 - k / n) / n)
    return Interval(low=k / n - half, high=k / n + half, level=LEVEL)


def cover(share: float) -> None:
    """Print the tables, then every place of ours that holds the truth less than 93 times in a hundred."""
    rows = [
        *_table("one share, exact sums", _proportions()),
        *_table("difference of two equal shares", _differences(max(20, round(2_000 * share)))),
        *_table("means, quantiles, strengths; a missing bound holds", _scores(max(20, round(300 * share)))),
    ]
    missed = [
        (name, p, *(value if value < LEAST else None for value in values))
        for name, p, values in rows
        if min(values) < LEAST and "not used" not in name
    ]
    show(f"of these, below {LEAST:.0%}", ("interval", "p", *(f"n={n:,}" for n in SIZES)), missed)


def exact(method: Callable[[int, int], Interval], n: int, p: float) -> float:
    """Return the coverage of an interval of one share, summed over all counts."""
    return math.fsum(binomial_pmf(k, n, p) for k in range(n + 1) if holds(method(k, n), p))


def _table(title: str, rows: list[Row]) -> list[Row]:
    columns = ("interval", "p", *(f"n={n:,}" for n in SIZES))
    show(f"coverage of 95 % intervals: {title}", columns, [(name, p, *values) for name, p, values in rows])
    return rows


def _proportions() -> list[Row]:
    methods = (("Wilson", wilson), ("Clopper-Pearson", clopper_pearson), ("Wald (not used)", wald))
    return [(name, p, [exact(method, n, p) for n in SIZES]) for name, method in methods for p in SHARES]


def _differences(draws: int) -> list[Row]:
    """Two systems that are right in the same share of cases, independently of each other."""
    rows: list[Row] = []
    for p in SHARES:
        held = [_hold_difference(n, p, draws) for n in SIZES]
        names = ("Tango", "Newcombe, paired", "Newcombe, unpaired")
        rows += [(name, p, [one[at] for one in held]) for at, name in enumerate(names)]
    return sorted(rows, key=lambda row: row[0])


def _hold_difference(n: int, p: float, draws: int) -> list[float]:
    rng = Random(f"{n} {p}")
    weights = (p * p, p * (1.0 - p), (1.0 - p) * p, (1.0 - p) ** 2)

    @cache
    def held(both: int, only_a: int, only_b: int) -> tuple[bool, bool, bool]:
        table = PairedTable(both=both, only_a=only_a, only_b=only_b, neither=n - both - only_a - only_b)
        apart = newcombe_unpaired(Passes(passed=both + only_a, n=n), Passes(passed=both + only_b, n=n))
        return holds(tango(table), 0.0), holds(newcombe_paired(table), 0.0), holds(apart, 0.0)

    hits = [held(*counts(rng, weights, n)) for _ in range(draws)]
    return [sum(column) / draws for column in zip(*hits, strict=True)]


def counts(rng: Random, weights: tuple[float, ...], n: int) -> tuple[int, int, int]:
    """Return how many of n drawn cases both passed, only a, only b."""
    drawn = rng.choices("2ab0", weights, k=n)
    return drawn.count("2"), drawn.count("a"), drawn.count("b")


def _scores(draws: int) -> list[Row]:
    """Beta-distributed scores of mean p; two systems with the same mean; clusters of five; games won by p."""
    methods: dict[str, Callable[[Random, int, float], bool]] = {
        "t, mean of scores": lambda rng, n, p: holds(mean_t(_betas(rng, n, p)), p),
        "BCa, mean difference": lambda rng, n, p: holds(
            bootstrap(_gaps(rng, n, p), resamples=_resamples(n)), 0.0
        ),
        "Welch, unpaired means": lambda rng, n, p: holds(
            compare_means(_betas(rng, n, p), _betas(rng, n, p)), 0.0
        ),
        "t, clusters of 5": lambda rng, n, p: holds(mean_clustered(*_clustered(rng, n, p)), p),
        "BCa, clusters of 5": lambda rng, n, p: holds(_clustered_bca(rng, n, p), 0.0),
        "blocks, requests in a row": lambda rng, n, p: holds(
            block_bootstrap(_gaps(rng, n, p), resamples=500), 0.0
        ),
        "order statistics, quantile p": lambda rng, n, p: holds(
            quantile_interval(sorted(rng.gauss(0.0, 1.0) for _ in range(n)), p), normal_quantile(p)
        ),
        "betting, mean of scores": lambda rng, n, p: holds(_bet(_betas(rng, n, p)), p),
        "Bradley-Terry, prior 1": _strength,
    }
    rows: list[Row] = []
    for name, method in methods.items():
        for p in SHARES:
            rng = Random(f"{name} {p}")
            # Fits of strengths are slow, so there are fewer of them.
            some = max(20, draws // 5) if method is _strength else draws
            rows.append((name, p, [sum(method(rng, n, p) for _ in range(some)) / some for n in SIZES]))
    return rows


def _resamples(n: int) -> int | None:
    return None if n >= ENOUGH else 1_000


def _betas(rng: Random, n: int, p: float) -> list[float]:
    return [rng.betavariate(4.0 * p, 4.0 * (1.0 - p)) for _ in range(n)]


def _gaps(rng: Random, n: int, p: float) -> list[float]:
    return [a - b for a, b in zip(_betas(rng, n, p), _betas(rng, n, p), strict=True)]


def _clustered(rng: Random, n: int, p: float) -> tuple[list[float], list[int]]:
    """Return n scores in clusters of five that share half of their value."""
    shared = _betas(rng, n // 5, p)
    return [0.5 * shared[i // 5] + 0.5 * own for i, own in enumerate(_betas(rng, n, p))], [
        i // 5 for i in range(n)
    ]


def _clustered_bca(rng: Random, n: int, p: float) -> Interval | None:
    a, clusters = _clustered(rng, n, p)
    b, _ = _clustered(rng, n, p)
    gaps = [x - y for x, y in zip(a, b, strict=True)]
    return bootstrap(gaps, clusters=clusters, resamples=_resamples(n // 5))


def _bet(values: list[float]) -> Interval:
    test = Betting(null=0.5, low=0.0, high=1.0)
    test.add(values)
    return test.interval()


def _strength(rng: Random, n: int, p: float) -> bool:
    """Return whether the strength of a player who wins a share p of n games is held."""
    games = [Game(a="a", b="b", score=float(rng.random() < p)) for _ in range(n)]
    found = fit_strengths(games, prior=1.0, resamples=STRENGTH_RESAMPLES)
    one = next(player for player in found.players if player.name == "a")
    assert one.low is not None
    assert one.high is not None
    # Strengths of two players add up to 0, and their gap is the log odds.
    return one.low - 1e-9 <= 0.5 * math.log(p / (1.0 - p)) <= one.high + 1e-9
