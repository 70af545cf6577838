from math import log1p
from pathlib import Path
from random import Random
from statistics import fmean, stdev

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bakeoff.datasets._lengths import Length, sampler
from bakeoff.errors import DataError

BASE = Path()


def draws(count, seed=0, base=BASE, **options):
    draw = sampler(msgspec.convert(options, Length), base)
    rng = Random(seed)
    return [draw(rng) for _ in range(count)]


def test_a_number_and_a_fixed_length_are_always_themselves():
    assert sampler(7, BASE)(Random(0)) == 7
    assert set(draws(20, kind="fixed", mean=12)) == {12}


def test_normal_lengths_are_normal():
    found = draws(5000, mean=1000, stddev=100)
    assert stats.kstest(found, stats.norm(1000, 100).cdf).pvalue > 0.001


def test_lognormal_lengths_have_the_asked_mean_and_spread_of_the_lengths_themselves():
    found = draws(20_000, kind="lognormal", mean=400, stddev=300)
    assert abs(fmean(found) / 400 - 1) < 0.03
    assert abs(stdev(found) / 300 - 1) < 0.08
    law = stats.lognorm(s=log1p(0.75**2) ** 0.5, scale=400 / (1 + 0.75**2) ** 0.5)
    assert stats.kstest(found, law.cdf).pvalue > 0.001


def test_uniform_lengths_are_as_likely_as_one_another():
    found = draws(6000, kind="uniform", min=5, max=10)
    counts = [found.count(length) for length in range(5, 11)]
    assert sum(counts) == 6000
    assert stats.chisquare(counts).pvalue > 0.001


def test_empirical_lengths_come_from_a_list_or_a_file_with_the_same_shares(tmp_path):
    (tmp_path / "lengths.txt").write_text("3\n\n3\n100\n")
    for options in ({"values": [3, 3, 100]}, {"path": "lengths.txt"}):
        found = draws(3000, base=tmp_path, kind="empirical", **options)
        assert set(found) == {3, 100}
        assert abs(found.count(3) / 3000 - 2 / 3) < 0.05


@given(
    st.sampled_from(["normal", "lognormal"]),
    st.integers(1, 50),
    st.integers(0, 50),
    st.floats(0.1, 200),
    st.floats(0, 100),
    st.integers(),
)
def test_draws_stay_between_min_and_max(kind, low, width, mean, spread, seed):
    options = {"mean": mean, "stddev": spread, "min": low, "max": low + width}
    assert all(low <= length <= low + width for length in draws(5, seed, kind=kind, **options))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "needs `mean`"),
        ({"kind": "fixed"}, "needs `mean`"),
        ({"kind": "fixed", "mean": 5, "stddev": 1}, "has no `stddev`"),
        ({"kind": "uniform", "min": 5}, "needs `max`"),
        ({"kind": "uniform", "max": 5, "mean": 3}, "has no `mean`"),
        ({"kind": "empirical"}, "either `values` or `path`"),
        ({"kind": "empirical", "values": [1], "path": "x"}, "either `values` or `path`"),
        ({"kind": "empirical", "values": [0]}, "values"),
        ({"mean": 5, "values": [3]}, "has no `values`"),
        ({"mean": 5, "min": 9, "max": 3}, "`max` 3 is below `min` 9"),
    ],
)
def test_impossible_lengths_are_refused(options, says):
    with pytest.raises(msgspec.ValidationError, match=says):
        msgspec.convert(options, Length)


def test_options_survive_being_stored():
    for options in ({"mean": 5}, {"kind": "uniform", "max": 9}, {"kind": "empirical", "values": [4]}):
        length = msgspec.convert(options, Length)
        assert msgspec.convert(msgspec.to_builtins(length), Length) == length


@pytest.mark.parametrize("content", ["12\n-5\n", "12\n0\n", "12\nabc\n", "12\n1.5\n", "12\n²\n"])
def test_a_file_with_something_else_than_lengths_names_the_line(tmp_path, content):
    (tmp_path / "lengths.txt").write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match="no length") as caught:
        draws(1, base=tmp_path, kind="empirical", path="lengths.txt")
    assert caught.value.where.endswith("lengths.txt:2")


def test_an_empty_or_missing_file_of_lengths_is_refused(tmp_path):
    (tmp_path / "lengths.txt").write_text("\n")
    for name in ("lengths.txt", "other.txt"):
        with pytest.raises(DataError):
            draws(1, base=tmp_path, kind="empirical", path=name)
