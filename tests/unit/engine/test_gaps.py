import msgspec
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.engine.gaps import Gaps
from bakeoff.stats.histogram import Histogram, PackedHistogram
from bakeoff.testing.contracts.metrics import SAMPLE


def test_kept_times_stay_in_their_sample():
    gaps = Gaps(kept=True)
    assert gaps.take(SAMPLE) is SAMPLE
    assert gaps.facts() == {}


def test_times_that_are_not_kept_are_counted_by_what_they_are():
    gaps = Gaps(kept=False)
    chunked = msgspec.structs.replace(SAMPLE, chunks=8, chunk_us=[40_000] * 7)
    whole = msgspec.structs.replace(SAMPLE, chunk_us=None)
    assert [gaps.take(each).chunk_us for each in (SAMPLE, chunked, whole)] == [None, None, None]
    facts = msgspec.convert(gaps.facts()["gaps_ns"], dict[str, PackedHistogram])
    tokens, chunks = (Histogram.unpack(facts[name]) for name in ("itl", "chunk_gap"))
    assert (tokens.n, tokens.min, tokens.max) == (30, 10_000_000, 10_000_000)
    assert (chunks.n, chunks.min) == (7, 40_000_000)


@given(st.lists(st.integers(0, 10**9), max_size=50))
def test_counting_a_value_several_times_is_counting_it_again(values):
    once, often = Histogram(), Histogram()
    once.record_many(values + values)
    for value in values:
        often.record(value, 2)
    assert once.pack() == often.pack()
