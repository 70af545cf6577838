"""How long comparing ten systems takes."""

import time
from collections.abc import Callable
from itertools import combinations
from random import Random

from bakeoff.stats.best import Scores, chances
from bakeoff.stats.paired import compare_passes, compare_scores
from bakeoff.stats.race import Race
from bench._table import show


def compare_everything(n: int) -> None:
    """Ten systems over n cases: all 45 pairs, chances of being best, a race."""
    rng = Random(1)
    hard = [rng.random() for _ in range(n)]
    right = [[rng.random() < 0.4 + 0.5 * h for h in hard] for _ in range(10)]
    scores = [[min(1.0, max(0.0, h + rng.gauss(0.0, 0.2))) for h in hard] for _ in range(10)]
    clusters = [i // 4 for i in range(n)]
    named = [Scores(name=str(i), values=values) for i, values in enumerate(scores)]
    works: dict[str, Callable[[], object]] = {
        "passes: 45 McNemar tests, Tango intervals": lambda: [
            compare_passes(a, b) for a, b in combinations(right, 2)
        ],
        "scores: 45 sign flips, BCa intervals": lambda: [
            compare_scores(a, b) for a, b in combinations(scores, 2)
        ],
        "the same in clusters of 4": lambda: [
            compare_scores(a, b, clusters=clusters) for a, b in combinations(scores, 2)
        ],
        "chance of being best": lambda: chances(named),
        "a race with a look every 200": lambda: _race_through(scores),
    }
    rows = [(what, _seconds(work)) for what, work in works.items()]
    show(f"ten systems, {n:,} cases each, seconds (target: under 10 each)", ("what", "s"), rows)


def _race_through(scores: list[list[float]]) -> None:
    race = Race([str(i) for i in range(len(scores))])
    for at in range(0, len(scores[0]), 200):
        race.add({str(i): values[at : at + 200] for i, values in enumerate(scores)})


def _seconds(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began
