"""Values that depend on each other: repeats of a case, and requests that follow each other."""

from random import Random

from bakeoff.stats.blocks import block_bootstrap, compare_neighbours
from bakeoff.stats.intervals import mean_t
from bakeoff.stats.resampling import bootstrap, sign_flip
from bakeoff.stats.special import t_two_sided
from bench._coverage import holds
from bench._table import show

ALPHA = 0.05
CASES, ANSWERS = 60, 4
SIZES = (60, 200, 500)


def repeated(draws: int) -> None:
    """Two equal systems, each of which finds other cases easy: how often p <= 0.05, and coverage."""
    rows = []
    for spread in (0.0, 0.2, 0.4):
        rng = Random(f"repeats {spread}")
        pooled = averaged = held = 0
        for _ in range(draws):
            gaps = [_case(rng, spread) for _ in range(CASES)]
            one = mean_t([gap for case in gaps for gap in case])
            pooled += one.se is not None and t_two_sided(one.mean / one.se, one.n - 1) <= ALPHA
            means = [sum(case) / ANSWERS for case in gaps]
            averaged += sign_flip(means, draws=1_000).p <= ALPHA
            held += holds(bootstrap(means, resamples=1_000), 0.0)
        rows.append((spread, pooled / draws, averaged / draws, held / draws))
    columns = ("spread", "answers as cases: false", "means, sign flip: false", "means, BCa: coverage")
    show(f"{ANSWERS} answers to each of {CASES} cases, {draws:,} draws", columns, rows)


def _case(rng: Random, spread: float) -> list[int]:
    """Return the differences of the answers to one case."""
    a, b = (min(1.0, max(0.0, rng.gauss(0.6, spread))) for _ in range(2))
    return [(rng.random() < a) - (rng.random() < b) for _ in range(ANSWERS)]


def in_a_row(draws: int) -> None:
    """Differences that remember the one before by `memory`, or come in slow spells of about 20 requests."""
    rows = []
    for memory in (0.0, 0.3, 0.6, 0.9, None):
        for n in SIZES:
            rng = Random(f"streams {memory} {n}")
            held, alarms = [0, 0, 0, 0], 0
            for _ in range(draws):
                values = _spells(rng, n) if memory is None else _stream(rng, n, memory)
                used = compare_neighbours(values, [0.0] * n)
                alarms += used.p <= ALPHA
                batches = [at * 16 // n for at in range(n)]
                held[0] += holds(block_bootstrap(values, block=1, resamples=500), 0.0)
                held[1] += holds(bootstrap(values, clusters=batches, resamples=500), 0.0)
                held[2] += holds(block_bootstrap(values, resamples=500), 0.0)
                held[3] += used.low is not None and used.high is not None and used.low <= 0.0 <= used.high
            name = "slow spells" if memory is None else f"memory {memory}"
            rows.append((name, n, *(each / draws for each in (*held, alarms))))
    columns = (
        "differences",
        "n",
        "single",
        "16 batches, BCa",
        "blocks",
        "longer blocks (used)",
        "used: false",
    )
    show(f"requests in a row, {draws:,} draws: coverage and false alarms", columns, rows)


def _stream(rng: Random, n: int, memory: float) -> list[float]:
    values = [0.0]
    for _ in range(n + 49):
        values.append(memory * values[-1] + rng.gauss(0.0, 1.0))
    return values[50:]


def _spells(rng: Random, n: int) -> list[float]:
    """Return the differences of two servers, each three times as slow for a tenth of the time."""
    return [a - b for a, b in zip(_server(rng, n), _server(rng, n), strict=True)]


def _server(rng: Random, n: int) -> list[float]:
    times, slow = [], rng.random() < 0.1
    for _ in range(n):
        slow = not slow if rng.random() < (1 / 20 if slow else 1 / 180) else slow
        times.append((0.3 if slow else 0.1) * rng.lognormvariate(0.0, 0.3))
    return times
