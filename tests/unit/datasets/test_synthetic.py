from itertools import islice
from pathlib import Path
from random import Random
from statistics import fmean, stdev

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.datasets.synthetic import Length, Synthetic
from bakeoff.records import Case


def take(count: int, seed: int = 0, **options: object) -> list[Case]:
    dataset = msgspec.convert(options, Synthetic)
    return list(islice(dataset.cases(Path(), Random(seed)), count))


def test_fixed_lengths_are_met_by_every_case():
    cases = take(50, prompt_tokens=40, output_tokens=7)
    assert {len(case.fields["prompt"].split(" ")) for case in cases} == {40}
    assert {(case.prompt_tokens, case.output_tokens) for case in cases} == {(40, 7)}


def test_normal_lengths_have_the_asked_mean_and_spread():
    lengths = [case.prompt_tokens or 0 for case in take(2000, prompt_tokens={"mean": 100, "stddev": 15})]
    assert abs(fmean(lengths) - 100) < 5 * 15 / 2000**0.5
    assert 13.5 < stdev(lengths) < 16.5


def test_an_open_answer_length_stays_unknown():
    assert take(1, output_tokens=None)[0].output_tokens is None


def test_the_seed_makes_the_cases():
    assert take(20, seed=1) == take(20, seed=1)
    assert take(20, seed=1) != take(20, seed=2)


def test_no_two_prompts_begin_alike():
    starts = {tuple(case.fields["prompt"].split()[:8]) for case in take(500, prompt_tokens=32)}
    assert len(starts) == 500


def test_ids_are_unique_and_count_up():
    assert [case.id for case in take(2)] == ["synthetic-000001", "synthetic-000002"]


@given(st.integers(1, 50), st.integers(0, 50), st.floats(0.1, 200), st.floats(0, 100), st.integers())
def test_draws_stay_between_min_and_max(low, width, mean, spread, seed):
    length = Length(mean=mean, stddev=spread, min=low, max=low + width)
    assert low <= length.draw(Random(seed)) <= low + width


@pytest.mark.parametrize(
    "options",
    [
        {"prompt_tokens": 0},
        {"prompt_tokens": {"mean": 5, "sd": 1}},
        {"prompt_tokens": {"mean": 5, "min": 9, "max": 3}},
        {"output_tokens": {"mean": -1}},
        {"output_tokens": {"kind": "zipf", "mean": 3}},
    ],
)
def test_impossible_lengths_are_refused(options):
    with pytest.raises(msgspec.ValidationError, match=next(iter(options))):
        take(1, **options)
