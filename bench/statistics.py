"""Do intervals hold the truth and tests keep their error rate? Simulated, with what that costs in cases.

Every table is seeded: the same version prints the same figures. Shares are 0..1.
"""

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
from bakeoff.stats.looks import Look, obrien_fleming
from bakeoff.stats.multiple import holm
from bakeoff.stats.paired import PairedTable, newcombe_paired, tango
from bakeoff.stats.power import paired_cases, unpaired_cases
from bakeoff.stats.quantiles import quantile
from bakeoff.stats.race import Race
from bakeoff.stats.resampling import bootstrap, sign_flip, sign_test
from bakeoff.stats.special import binomial_pmf, normal_quantile, t_two_sided
from bakeoff.stats.unpaired import Passes, newcombe_unpaired
from bench._compared import compare_everything
from bench._table import show

SIZES = (20, 50, 200, 1_000)
SHARES = (0.5, 0.9, 0.99)
LEVEL, ALPHA = 0.95, 0.05
DISAGREEMENT = 0.12

Bounds = Interval | MeanInterval | QuantileInterval | None


def run(share: float = 1.0) -> None:
    """Print coverage, false alarms, power, savings and speed."""
    _proportions()
    _differences(max(20, round(2_000 * share)))
    _scores(max(20, round(300 * share)))
    _power(max(20, round(2_000 * share)))
    _switches(max(20, round(2_000 * share)))
    _early_stops(max(20, round(2_000 * share)))
    _races(max(20, round(200 * share)))
    _clusters(max(20, round(500 * share)))
    _streams(max(20, round(300 * share)))
    compare_everything(max(100, round(20_000 * share)))


def wald(k: int, n: int) -> Interval:
    """Return the textbook interval, for comparison only."""
    half = normal_quantile(0.5 + LEVEL / 2.0) * math.sqrt(k / n * (1.0 - k / n) / n)
    return Interval(low=k / n - half, high=k / n + half, level=LEVEL)


def _proportions() -> None:
    rows = [
        (name, p, *(_exact(method, n, p) for n in SIZES))
        for name, method in (
            ("Wilson", wilson),
            ("Clopper-Pearson", clopper_pearson),
            ("Wald (not used)", wald),
        )
        for p in SHARES
    ]
    _coverage("one share, exact sums", rows)


def _exact(method: Callable[[int, int], Interval], n: int, p: float) -> float:
    return math.fsum(binomial_pmf(k, n, p) for k in range(n + 1) if _holds(method(k, n), p))


def _holds(found: Bounds, truth: float) -> bool:
    """Return whether the interval holds the truth; none at all does not, a missing bound is infinite."""
    if found is None or (isinstance(found, MeanInterval) and found.low is None):
        return False
    low = -math.inf if found.low is None else found.low
    high = math.inf if found.high is None else found.high
    return low - 1e-12 <= truth <= high + 1e-12


def _differences(draws: int) -> None:
    """Two systems that are right in the same share of cases, independently of each other."""
    rows = []
    for p in SHARES:
        paired: dict[str, list[float]] = {"Tango": [], "Newcombe, paired": [], "Newcombe, unpaired": []}
        for n in SIZES:
            held = _hold_difference(n, p, draws)
            for line, one in zip(paired.values(), held, strict=True):
                line.append(one)
        rows += [(name, p, *line) for name, line in paired.items()]
    _coverage(f"difference of two equal shares, {draws:,} draws", sorted(rows, key=lambda row: row[0]))


def _hold_difference(n: int, p: float, draws: int) -> list[float]:
    rng = Random(f"{n} {p}")
    weights = (p * p, p * (1.0 - p), (1.0 - p) * p, (1.0 - p) ** 2)

    @cache
    def held(both: int, only_a: int, only_b: int) -> tuple[bool, bool, bool]:
        table = PairedTable(both=both, only_a=only_a, only_b=only_b, neither=n - both - only_a - only_b)
        apart = newcombe_unpaired(Passes(passed=both + only_a, n=n), Passes(passed=both + only_b, n=n))
        return _holds(tango(table), 0.0), _holds(newcombe_paired(table), 0.0), _holds(apart, 0.0)

    hits = [held(*_counts(rng, weights, n)) for _ in range(draws)]
    return [sum(column) / draws for column in zip(*hits, strict=True)]


def _counts(rng: Random, weights: tuple[float, ...], n: int) -> tuple[int, int, int]:
    drawn = rng.choices("2ab0", weights, k=n)
    return drawn.count("2"), drawn.count("a"), drawn.count("b")


def _scores(draws: int) -> None:
    """Beta-distributed scores of mean p; two systems with the same mean; clusters of five."""
    methods: dict[str, Callable[[Random, int, float], bool]] = {
        "t, mean of scores": lambda rng, n, p: _holds(mean_t([_beta(rng, p) for _ in range(n)]), p),
        "BCa, mean difference": lambda rng, n, p: _holds(
            bootstrap([_beta(rng, p) - _beta(rng, p) for _ in range(n)], resamples=_resamples(n)), 0.0
        ),
        "t, clusters of 5": lambda rng, n, p: _holds(mean_clustered(*_clustered(rng, n, p)), p),
        "BCa, clusters of 5": lambda rng, n, p: _holds(_clustered_bca(rng, n, p), 0.0),
        "order statistics, quantile p": lambda rng, n, p: _holds(
            quantile_interval(sorted(rng.gauss(0.0, 1.0) for _ in range(n)), p), normal_quantile(p)
        ),
        "betting, mean of scores": lambda rng, n, p: _holds(_bet([_beta(rng, p) for _ in range(n)]), p),
    }
    rows = []
    for name, method in methods.items():
        for p in SHARES:
            rng = Random(f"{name} {p}")
            rows.append((name, p, *(sum(method(rng, n, p) for _ in range(draws)) / draws for n in SIZES)))
    _coverage(f"means and quantiles, {draws:,} draws; a bound that is not given holds", rows)


def _resamples(n: int) -> int | None:
    return None if n >= ENOUGH else 1_000


def _beta(rng: Random, p: float) -> float:
    return rng.betavariate(4.0 * p, 4.0 * (1.0 - p))


def _clustered(rng: Random, n: int, p: float) -> tuple[list[float], list[int]]:
    """Return n scores in clusters of five that share half of their value."""
    shared = [_beta(rng, p) for _ in range(n // 5)]
    return [0.5 * shared[i // 5] + 0.5 * _beta(rng, p) for i in range(n)], [i // 5 for i in range(n)]


def _clustered_bca(rng: Random, n: int, p: float) -> Interval | None:
    a, clusters = _clustered(rng, n, p)
    b, _ = _clustered(rng, n, p)
    gaps = [x - y for x, y in zip(a, b, strict=True)]
    return bootstrap(gaps, clusters=clusters, resamples=_resamples(n // 5))


def _bet(values: list[float]) -> Interval:
    test = Betting(null=0.5, low=0.0, high=1.0)
    test.add(values)
    return test.interval()


def _coverage(title: str, rows: list[tuple[str | float, ...]]) -> None:
    show(f"coverage of 95 % intervals: {title}", ("interval", "p", *(f"n={n:,}" for n in SIZES)), rows)


def _power(draws: int) -> None:
    sizes = [
        (f"{gap:.0%}", unpaired_cases(gap, 0.8), *(paired_cases(gap, d) for d in (0.05, 0.1, 0.2, 0.3)))
        for gap in (0.01, 0.02, 0.03, 0.05, 0.1)
    ]
    columns = ("true gap", "unpaired, 80 %", "paired, 5 % differ", "10 %", "20 %", "30 %")
    show("cases for 80 % power at 5 %, two-sided", columns, sizes)
    rows = []
    for gap, n in ((0.05, 200), (0.05, 500), (0.03, 1_000)):
        rng = Random(f"power {gap} {n}")
        paired = apart = 0
        for _ in range(draws):
            both, only_a, only_b = _counts(rng, _weights(0.8, gap), n)
            paired += sign_test(only_a, only_b) <= ALPHA
            table = newcombe_unpaired(
                Passes(passed=both + only_a, n=n),
                Passes(passed=sum(rng.choices((1, 0), (0.8, 0.2), k=n)), n=n),
            )
            apart += not table.low <= 0.0 <= table.high
        rows.append((f"{gap:.0%}", n, paired / draws, apart / draws))
    show("power, 80 % right, 12 % differ", ("true gap", "n", "exact McNemar", "unpaired"), rows)


def _weights(share_b: float, gap: float) -> tuple[float, float, float, float]:
    """Return the chances of both, only a, only b, neither."""
    only_a, only_b = (DISAGREEMENT + gap) / 2.0, (DISAGREEMENT - gap) / 2.0
    return share_b - only_b, only_a, only_b, 1.0 - share_b - only_a


def _switches(draws: int) -> None:
    """An incumbent and k equals, 200 cases: how often one of them is called better."""
    rows = []
    for k in (3, 5, 10):
        rng = Random(f"switches {k}")
        plain = corrected = 0
        for _ in range(draws):
            incumbent = [rng.random() < 0.8 for _ in range(200)]
            tests = []
            for _ in range(k):
                up = sum(rng.choices((1, 0), (0.8, 0.2), k=incumbent.count(False)))
                down = sum(rng.choices((1, 0), (0.2, 0.8), k=incumbent.count(True)))
                tests.append((up > down, sign_test(up, down), _z_significant(up, down)))
            adjusted = holm([p for _, p, _ in tests])
            plain += any(better and found for better, _, found in tests)
            corrected += any(
                better and p is not None and p <= ALPHA
                for (better, *_), p in zip(tests, adjusted, strict=True)
            )
        rows.append((k, plain / draws, corrected / draws))
    show(
        "false switches from the incumbent, nobody is better, n=200",
        ("k", "z test, unadjusted", "exact, Holm"),
        rows,
    )


def _early_stops(draws: int) -> None:
    """Look early at up to 1,000 cases where 12 % differ (20 % for the gap of 10 points)."""
    looks = obrien_fleming((200, 400, 600, 800, 1_000))
    rules: dict[str, Callable[[list[int]], tuple[bool, int]]] = {
        "exact McNemar once": lambda drawn: (_mcnemar(drawn) <= ALPHA, len(drawn)),
        "z test every 10, to 500": _peek,
        "O'Brien-Fleming, 5 looks": lambda drawn: _grouped(drawn, looks),
        "betting every 10": _betting,
    }
    rows = []
    for name, rule in rules.items():
        cells: list[float] = []
        for gap, differ in ((0.0, 0.12), (0.02, 0.12), (0.05, 0.12), (0.1, 0.2)):
            rng = Random(f"stops {gap}")
            weights = ((differ + gap) / 2.0, (differ - gap) / 2.0, 1.0 - differ)
            ends = [rule(rng.choices((1, -1, 0), weights, k=1_000)) for _ in range(draws)]
            cells += [sum(found for found, _ in ends) / draws, sum(n for _, n in ends) / draws]
        rows.append((name, *cells))
    columns = ["rule"] + [
        f"{gap} {what}" for gap in ("0 pt", "2 pt", "5 pt", "10 pt") for what in ("found", "n")
    ]
    show(f"stopping early, {draws:,} draws: share that claims a difference, mean cases", columns, rows)


def _mcnemar(drawn: list[int]) -> float:
    return sign_test(drawn.count(1), drawn.count(-1))


def _z_significant(up: int, down: int) -> bool:
    """Return what the large-sample test says that is used most: (b - c)^2 > z^2 (b + c)."""
    return (up - down) ** 2 > normal_quantile(1.0 - ALPHA / 2.0) ** 2 * (up + down)


def _peek(drawn: list[int]) -> tuple[bool, int]:
    up = down = 0
    for at in range(0, 500, 10):
        up, down = up + drawn[at : at + 10].count(1), down + drawn[at : at + 10].count(-1)
        if _z_significant(up, down):
            return True, at + 10
    return False, 500


def _grouped(drawn: list[int], looks: tuple[Look, ...]) -> tuple[bool, int]:
    for look in looks:
        if _mcnemar(drawn[: look.n]) <= look.p:
            return True, look.n
    return False, len(drawn)


def _betting(drawn: list[int]) -> tuple[bool, int]:
    test = Betting()
    for at in range(0, len(drawn), 10):
        test.add(drawn[at : at + 10])
        if test.p <= ALPHA:
            return True, at + 10
    return False, len(drawn)


def _races(draws: int) -> None:
    """Races of k systems over 1,000 cases, a look every 20: wrong drops, calls sent, of all k x 1,000."""
    fields = {
        "5 equals": [0.7] * 5,
        "one 5 pt ahead of 4": [0.75, *[0.7] * 4],
        "one 15 pt ahead of 4": [0.85, *[0.7] * 4],
        "spread over 20 pt": [0.8, 0.75, 0.7, 0.65, 0.6],
    }
    rows = []
    for name, shares in fields.items():
        wrong = decided = calls = 0
        for seed in range(draws):
            false, done, sent = _one_race(Random(f"{name} {seed}"), shares)
            wrong, decided, calls = wrong + false, decided + done, calls + sent
        rows.append((name, wrong / draws, decided / draws, 1.0 - calls / draws / (1_000 * len(shares))))
    show(f"races of five, {draws:,} draws", ("systems", "a wrong drop", "one left", "calls saved"), rows)


def _one_race(rng: Random, shares: list[float]) -> tuple[bool, bool, int]:
    truth = {f"m{at}": share for at, share in enumerate(shares)}
    race, sent = Race(list(truth)), 0
    state = race.state
    for _ in range(50):
        hard = [rng.random() for _ in range(20)]
        # Half of the cases are as hard for everybody, the other half for each on its own.
        scores = {
            name: [float((rng.random() if at % 2 else h) < truth[name]) for at, h in enumerate(hard)]
            for name in state.remaining
        }
        sent += 20 * len(state.remaining)
        state = race.add(scores)
        if state.state != "open":
            break
    false = any(truth[loss.winner] <= truth[loss.name] for loss in state.losses)
    return false, state.state == "decided", sent


def _clusters(draws: int) -> None:
    """200 differences in 40 clusters of 5, no effect: how often p <= 0.05."""
    rows = []
    for icc in (0.0, 0.2, 0.5, 0.8):
        rng = Random(f"clusters {icc}")
        ignored = flipped = held = 0
        clusters = [i // 5 for i in range(200)]
        for _ in range(draws):
            shared = [rng.gauss(0.0, math.sqrt(icc)) for _ in range(40)]
            values = [shared[i // 5] + rng.gauss(0.0, math.sqrt(1.0 - icc)) for i in range(200)]
            one = mean_t(values)
            ignored += one.se is not None and t_two_sided(one.mean / one.se, 199) <= ALPHA
            flipped += sign_flip(values, clusters=clusters, draws=1_000).p <= ALPHA
            held += _holds(bootstrap(values, clusters=clusters, resamples=1_000), 0.0)
        rows.append((icc, ignored / draws, flipped / draws, held / draws))
    columns = ("ICC", "ignored: false", "cluster sign flip: false", "cluster BCa: coverage")
    show(f"clusters of 5, n=200, {draws:,} draws", columns, rows)


def _streams(draws: int) -> None:
    """Values that remember the one before by `memory`: coverage of the mean, n=500; and the spread of p99."""
    rows = []
    for memory in (0.0, 0.3, 0.6, 0.9):
        rng = Random(f"streams {memory}")
        held = [0, 0]
        for _ in range(draws):
            values = [0.0]
            for _ in range(549):
                values.append(memory * values[-1] + rng.gauss(0.0, 1.0))
            for at, block in enumerate((1, None)):
                held[at] += _holds(block_bootstrap(values[50:], block=block, resamples=500), 0.0)
        rows.append((memory, held[0] / draws, held[1] / draws))
    show(f"requests in a row, n=500, {draws:,} draws: coverage", ("memory", "single", "blocks"), rows)
    tails = []
    for n in (100, 1_000, 10_000):
        rng = Random(f"p99 {n}")
        truth = math.exp(0.5 * normal_quantile(0.99))
        found = sorted(
            quantile(sorted(rng.lognormvariate(0.0, 0.5) for _ in range(n)), 0.99) / truth - 1.0
            for _ in range(max(40, draws * 100 // n))
        )
        tails.append((n, quantile(found, 0.025), quantile(found, 0.975)))
    show(
        "95 % spread of an estimated p99, lognormal 0.5, as a share of the truth", ("n", "low", "high"), tails
    )
