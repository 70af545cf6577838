"""Requests of a stage's intents."""

from bakeoff.engine.turns import of_repeat
from bakeoff.records import Request, Sampling


def test_each_repeat_has_a_seed_of_its_own() -> None:
    request = Request(prompt="x", sampling=Sampling(seed=7, temperature=0.5))
    assert [of_repeat(request, repeat).sampling.seed for repeat in range(3)] == [7, 8, 9]
    assert of_repeat(request, 2).sampling.temperature == 0.5


def test_without_a_seed_a_repeat_is_the_same_request() -> None:
    request = Request(prompt="x")
    assert of_repeat(request, 5) is request
