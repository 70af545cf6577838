from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.stats.histogram import Histogram, PackedHistogram
from bakeoff.stats.quantiles import quantile

HOURS = 24 * 3600 * 10**9
times = st.one_of(st.integers(0, 5000), st.integers(0, HOURS))
samples = st.lists(times, max_size=60)


def filled(values: list[int]) -> Histogram:
    histogram = Histogram()
    histogram.record_many(values)
    return histogram


@given(st.lists(times, min_size=1, max_size=60), st.floats(0.0, 1.0))
def test_quantiles_are_within_a_thousandth_of_the_exact_ones(values: list[int], q: float) -> None:
    exact = quantile([float(value) for value in sorted(values)], q)
    assert filled(values).quantile(q) == pytest.approx(exact, rel=0.001, abs=1e-9)


@given(st.lists(times, min_size=1, max_size=60))
def test_mean_and_extremes_are_exact(values: list[int]) -> None:
    histogram = filled(values)
    assert histogram.mean == sum(values) / len(values)
    assert (histogram.n, histogram.min, histogram.max) == (len(values), min(values), max(values))
    assert histogram.quantiles([0.0, 1.0]) == [min(values), max(values)]


@given(samples, samples, samples)
def test_merge_is_exact_commutative_and_associative(a: list[int], b: list[int], c: list[int]) -> None:
    everything = filled(a + b + c).pack()
    one, two, three = filled(a), filled(b), filled(c)
    assert one.merged(two).merged(three).pack() == everything
    assert three.merged(two.merged(one)).pack() == everything
    assert one.pack() == filled(a).pack()


@given(samples)
def test_packing_survives_json(values: list[int]) -> None:
    packed = filled(values).pack()
    text = msgspec.json.encode(packed)
    again = Histogram.unpack(msgspec.json.decode(text, type=PackedHistogram))
    assert again.pack() == packed
    assert again.n == len(values)


@given(st.integers(0, HOURS))
def test_every_bucket_is_narrower_than_a_thousandth(value: int) -> None:
    # Values around it keep the clamp to min and max from hiding the bucket's own error.
    assert filled([0, value, 2 * HOURS]).quantile(0.5) == pytest.approx(value, rel=2**-10)


def test_values_below_1024_are_exact() -> None:
    assert filled([0, *range(1024), 10**9]).quantiles([i / 1025 for i in range(1, 1025)]) == pytest.approx(
        range(1024)
    )


def test_recording_a_negative_value_is_refused() -> None:
    with pytest.raises(ValueError, match="from 0 up"):
        Histogram().record(-1)


def test_an_empty_histogram_has_neither_mean_nor_quantile() -> None:
    empty = Histogram()
    assert (empty.n, empty.min, empty.max) == (0, None, None)
    assert empty.merged(empty).pack() == empty.pack()
    with pytest.raises(ValueError, match="no mean"):
        _ = empty.mean
    with pytest.raises(ValueError, match="no quantile"):
        empty.quantile(0.5)


def test_quantile_refuses_a_share_outside_0_to_1() -> None:
    with pytest.raises(ValueError, match="share"):
        filled([1]).quantile(1.5)


def test_unpacking_refuses_another_layout_and_torn_columns() -> None:
    packed = filled([1, 2]).pack()
    with pytest.raises(ValueError, match="layout"):
        Histogram.unpack(msgspec.structs.replace(packed, layout="log2-12"))
    with pytest.raises(ValueError, match="zip"):
        Histogram.unpack(msgspec.structs.replace(packed, counts=[1]))


def test_many_values_stay_compact() -> None:
    rng = Random(1)
    values = [int(rng.lognormvariate(18.0, 1.0)) for _ in range(200_000)]
    histogram = Histogram()
    histogram.record_many(values)
    assert len(histogram.pack().counts) < 6000
