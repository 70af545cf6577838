"""Do intervals hold the truth and tests keep their error rate? Simulated, with what that costs in cases.

Every table is seeded: the same version prints the same figures. Shares are 0..1.
"""

import math
from collections.abc import Callable
from random import Random

from bakeoff.stats.betting import Betting
from bakeoff.stats.intervals import mean_t
from bakeoff.stats.looks import Look, obrien_fleming
from bakeoff.stats.multiple import holm
from bakeoff.stats.power import paired_cases, unpaired_cases
from bakeoff.stats.quantiles import quantile
from bakeoff.stats.race import Race
from bakeoff.stats.resampling import bootstrap, sign_flip, sign_test
from bakeoff.stats.special import normal_quantile, t_two_sided
from bakeoff.stats.unpaired import Passes, fisher_exact, newcombe_unpaired
from bench._compared import compare_everything
from bench._coverage import counts, cover, holds
from bench._dependent import in_a_row, repeated
from bench._figures import quote
from bench._table import show

ALPHA = 0.05
DISAGREEMENT = 0.12


def run(share: float = 1.0) -> None:
    """Print coverage, false alarms, power, savings and speed."""
    cover(share)
    quote()
    _power(max(20, round(2_000 * share)))
    _switches(max(20, round(2_000 * share)))
    _early_stops(max(20, round(2_000 * share)))
    _races(max(20, round(200 * share)))
    _clusters(max(20, round(500 * share)))
    repeated(max(5, round(300 * share)))
    in_a_row(max(3, round(200 * share)))
    _tails(max(20, round(300 * share)))
    compare_everything(max(100, round(20_000 * share)))


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
        paired = apart = fisher = 0
        for _ in range(draws):
            both, only_a, only_b = counts(rng, _weights(0.8, gap), n)
            paired += sign_test(only_a, only_b) <= ALPHA
            a = Passes(passed=both + only_a, n=n)
            b = Passes(passed=sum(rng.choices((1, 0), (0.8, 0.2), k=n)), n=n)
            apart += not holds(newcombe_unpaired(a, b), 0.0)
            fisher += fisher_exact(a, b) <= ALPHA
        rows.append((f"{gap:.0%}", n, paired / draws, apart / draws, fisher / draws))
    columns = ("true gap", "n", "exact McNemar", "unpaired, Newcombe", "unpaired, Fisher")
    show("power, 80 % right, 12 % differ", columns, rows)


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
                up = sum(rng.choices((1, 0), (0.3, 0.7), k=incumbent.count(False)))
                down = sum(rng.choices((1, 0), (0.075, 0.925), k=incumbent.count(True)))
                tests.append((up > down, sign_test(up, down), _z_significant(up, down)))
            adjusted = holm([p for _, p, _ in tests])
            plain += any(better and found for better, _, found in tests)
            corrected += any(
                better and p is not None and p <= ALPHA
                for (better, *_), p in zip(tests, adjusted, strict=True)
            )
        rows.append((k, plain / draws, corrected / draws))
    show(
        "false switches from the incumbent, nobody is better, n=200, 12 % differ",
        ("k", "z test, unadjusted", "exact, Holm"),
        rows,
    )


def _early_stops(draws: int) -> None:
    """Look early at up to 1,000 cases, with the share of cases that differ beside the gap."""
    settings = ((0.0, 0.12), (0.02, 0.12), (0.05, 0.12), (0.05, 0.2), (0.1, 0.2))
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
        for gap, differ in settings:
            rng = Random(f"stops {gap} {differ}")
            weights = ((differ + gap) / 2.0, (differ - gap) / 2.0, 1.0 - differ)
            ends = [rule(rng.choices((1, -1, 0), weights, k=1_000)) for _ in range(draws)]
            cells += [sum(found for found, _ in ends) / draws, sum(n for _, n in ends) / draws]
        rows.append((name, *cells))
    columns = ["rule"] + [f"{g:.0%}/{d:.0%} {what}" for g, d in settings for what in ("found", "n")]
    title = (
        f"stopping early, {draws:,} draws: gap/share that differs, share that claims a difference, mean cases"
    )
    show(title, columns, rows)


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
            held += holds(bootstrap(values, clusters=clusters, resamples=1_000), 0.0)
        rows.append((icc, ignored / draws, flipped / draws, held / draws))
    columns = ("ICC", "ignored: false", "cluster sign flip: false", "cluster BCa: coverage")
    show(f"clusters of 5, n=200, {draws:,} draws", columns, rows)


def _tails(draws: int) -> None:
    """The spread of an estimated p99."""
    tails = []
    for n in (100, 1_000, 10_000):
        rng = Random(f"p99 {n}")
        truth = math.exp(0.5 * normal_quantile(0.99))
        drawn = [
            sorted(rng.lognormvariate(0.0, 0.5) for _ in range(n)) for _ in range(max(40, draws * 400 // n))
        ]
        between = sorted(quantile(values, 0.99) / truth - 1.0 for values in drawn)
        above = sorted(values[n * 99 // 100] / truth - 1.0 for values in drawn)
        tails.append((n, *(quantile(found, q) for found in (between, above) for q in (0.025, 0.975))))
    columns = ("n", "interpolated, low", "high", "rank above, low", "high")
    show("95 % spread of an estimated p99, lognormal 0.5, as a share of the truth", columns, tails)
