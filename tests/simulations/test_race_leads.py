"""How often a race with an accepted loss or a reference drops whom it should not, by seeded races.

The bars are where a rate of exactly 5 % would fail once in about a thousand times.
"""

from collections.abc import Callable, Sequence
from random import Random

import pytest
from tests.simulations.test_race_rates import allowed, in_clusters_of_five, independent

from bakeoff.stats.grouped import GroupedRace
from bakeoff.stats.race import Loss, Race, Terms

STEP, STEPS = 40, 15
Make = Callable[[Sequence[str], Terms], Race | GroupedRace]
METHODS: list[Make] = [
    lambda names, terms: Race(names, terms=terms),
    lambda names, terms: GroupedRace(names, [STEP * 3 * at for at in range(1, 6)], terms=terms),
]
both_methods = pytest.mark.parametrize("make", METHODS, ids=["anytime", "planned looks"])


def followed(race: Race | GroupedRace, shares: dict[str, float], rng: Random) -> Race | GroupedRace:
    step = STEP if isinstance(race, Race) else 3 * STEP
    for _ in range(STEP * STEPS // step):
        if race.add({name: independent(rng, share, step) for name, share in shares.items()}).state != "open":
            break
    return race


def wrong(losses: tuple[Loss, ...], shares: dict[str, float], terms: Terms) -> bool:
    """Tell whether somebody was dropped who is not worse by more than the terms want."""
    gaps = [(shares[loss.winner] - shares[loss.name], terms.lead_of(loss.winner)) for loss in losses]
    return any(gap <= lead + 1e-9 for gap, lead in gaps)


@pytest.mark.timeout(240)
@both_methods
@pytest.mark.parametrize(
    "shares",
    [
        {"a": 0.8, "b": 0.7},
        {"a": 0.98, "b": 0.88},
        {"a": 0.8, "b": 0.7, "c": 0.75},
    ],
    ids=str,
)
def test_whoever_loses_no_more_than_the_lead_is_hardly_ever_dropped(
    make: Make, shares: dict[str, float]
) -> None:
    races, terms = 300 if make is METHODS[0] else 120, Terms(lead=0.1)
    found = [followed(make("".join(shares), terms), shares, Random(seed)) for seed in range(races)]
    assert sum(wrong(race.state.losses, shares, terms) for race in found) <= allowed(races)


@pytest.mark.timeout(240)
@both_methods
def test_without_a_lead_the_same_target_is_mostly_dropped(make: Make) -> None:
    # The scenario above can fail: ten points behind is shown to be worse, by any amount, nearly always.
    shares = {"a": 0.8, "b": 0.7}
    found = [followed(make("ab", Terms()), shares, Random(seed)) for seed in range(40)]
    assert sum(race.state.remaining == ("a",) for race in found) > 20


@both_methods
def test_whoever_loses_more_than_the_lead_is_dropped(make: Make) -> None:
    shares = {"a": 0.9, "b": 0.5}
    found = [followed(make("ab", Terms(lead=0.1)), shares, Random(seed)) for seed in range(20)]
    assert all(race.state.remaining == ("a",) for race in found)


@pytest.mark.timeout(240)
@both_methods
@pytest.mark.parametrize("kind", ["scores", "halves"])
def test_scores_keep_the_error_rate_with_a_lead(make: Make, kind: str) -> None:
    races, terms = 120, Terms(lead=0.05)
    step = STEP if make is METHODS[0] else 3 * STEP
    dropped = 0
    for seed in range(races):
        rng, race = Random(seed), make("ab", terms)
        for _ in range(STEP * STEPS // step):
            a = [rng.betavariate(6, 2) if kind == "scores" else rng.choice((0.5, 1.0)) for _ in range(step)]
            b = [max(0.0, each - rng.choice((0.0, 0.1))) for each in a]
            if race.add({"a": a, "b": b}).losses:
                dropped += 1
                break
    assert dropped <= allowed(races)


@pytest.mark.timeout(240)
@both_methods
def test_a_reference_keeps_its_rate_of_wrong_drops(make: Make) -> None:
    shares, terms = {"now": 0.8, "near": 0.7, "same": 0.8}, Terms(lead=0.1, reference="now")
    races = 120
    found = [followed(make(list(shares), terms), shares, Random(seed)) for seed in range(races)]
    assert sum(wrong(race.state.losses, shares, terms) for race in found) <= allowed(races)


@pytest.mark.timeout(240)
@both_methods
def test_clusters_keep_the_error_rate_with_a_lead(make: Make) -> None:
    races, terms, shares = 120, Terms(lead=0.1), {"a": 0.6, "b": 0.5}
    step, dropped = (STEP, 0) if make is METHODS[0] else (3 * STEP, 0)
    groups = [at // 5 for at in range(step)]
    clusters = [step // 5 * look for look in range(1, STEP * STEPS // step + 1)]
    for seed in range(races):
        rng = Random(seed)
        race = make("ab", terms) if make is METHODS[0] else GroupedRace("ab", clusters, terms=terms)
        for _ in clusters:
            scores = {name: in_clusters_of_five(rng, share, step) for name, share in shares.items()}
            if race.add(scores, groups=groups).losses:
                dropped += 1
                break
    assert dropped <= allowed(races)
