"""A load that was not what was asked for says so."""

import pytest
from tests.unit.decide.parts import benchmark

from bakeoff.decide.load.offered import load_warnings
from bakeoff.records import BenchmarkSpec, Choice, StageCheck
from bakeoff.records.result import StageResult
from bakeoff.testing.load_views import describe


def stage(
    *, due: float | None = None, asked: float | None = None, tokens: float | None = None
) -> StageResult:
    check = StageCheck(
        benchmark="b", target="t", stage="main", valid=True, reasons=[], facts={"asked_rate": due}
    )
    told = None if tokens is None else describe([tokens] * 10)
    return StageResult(
        benchmark="b", target="t", stage="main", asked_rate=asked, client=check, output_tokens=told
    )


def made_up(**options: object) -> BenchmarkSpec:
    return benchmark(dataset=Choice(type="synthetic", options=options))


@pytest.mark.parametrize(
    ("due", "asked", "warned"),
    [(16.3, 20.0, True), (23.0, 20.0, True), (18.5, 20.0, False), (None, 20.0, False), (16.3, None, False)],
)
def test_a_rate_that_chance_put_far_from_the_asked_one_is_told(due, asked, warned):
    told = list(load_warnings([made_up()], [stage(due=due, asked=asked)]))
    assert bool(told) is warned
    if warned:
        assert told[0].startswith(
            f"b on t, main: the random gaps of this seed made {due:.3g} requests/s due, not 20"
        )


@pytest.mark.parametrize(
    ("asked", "tokens", "warned"),
    [
        (20, 10.0, True),
        ({"mean": 20, "stddev": 3}, 17.0, True),
        (20, 19.0, False),
        (None, 10.0, False),
        (20, None, False),
    ],
)
def test_answers_shorter_than_asked_are_told(asked, tokens, warned):
    told = list(load_warnings([made_up(output_tokens=asked)], [stage(tokens=tokens)]))
    assert bool(told) is warned
    if warned:
        assert f"answers had {tokens:.3g} tokens on average, not the 20 asked for" in told[0]


def test_answers_to_prompts_of_ones_own_have_no_asked_length():
    assert not list(load_warnings([benchmark()], [stage(tokens=1.0)]))
