import json
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.loads.throughput import Throughput
from bakeoff.loads.trace import Trace
from bakeoff.records import Schedule

LINES = [{"timestamp": at, "prompt_tokens": 5, "output_tokens": 5} for at in (100.0, 100.5, 100.5, 103.0)]


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "trace.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in LINES))
    return str(file)


def due_s(path, count, **options):
    return [at / 1e9 for at in Trace(path=path, **options).schedule(count, Random(0)).due_ns]


def test_requests_are_due_as_long_after_the_first_as_in_the_trace(path):
    assert due_s(path, 4) == [0, 0.5, 0.5, 3]
    assert due_s(path, 2) == [0, 0.5]
    assert Trace(path=path).length() == 4


def test_speed_divides_the_times(path):
    assert due_s(path, 4, speed=2) == [0, 0.25, 0.25, 1.5]
    assert due_s(path, 4, speed=0.5) == [0, 1, 1, 6]


def test_a_longer_plan_starts_the_trace_over_one_mean_gap_later(path):
    assert due_s(path, 9) == [0, 0.5, 0.5, 3, 4, 4.5, 4.5, 7, 8]


def test_the_seed_plays_no_part(path):
    assert Trace(path=path).schedule(4, Random(1)) == Trace(path=path).schedule(4, Random(2))


@given(st.lists(st.integers(0, 10_000_000), min_size=1, max_size=40), st.floats(0.01, 100))
def test_no_gap_of_a_mooncake_trace_is_lost_to_rounding(tmp_path_factory, gaps, speed):
    times, now = [], 1_700_000_000_000
    for gap in gaps:
        now += gap
        times.append(now)
    file = tmp_path_factory.mktemp("traces") / "t.jsonl"
    file.write_text(
        "".join(f'{{"timestamp": {at}, "input_length": 1, "output_length": 1}}\n' for at in times)
    )
    due = Trace(path=str(file), speed=speed).schedule(len(times), Random(0)).due_ns
    for at, sent in zip(times, due, strict=True):
        assert abs(sent - (at - times[0]) * 1e6 / speed) <= 1 + sent * 1e-15


@pytest.mark.parametrize("speed", [0, -1])
def test_a_speed_that_is_not_positive_is_refused(speed):
    with pytest.raises(msgspec.ValidationError, match="speed"):
        msgspec.convert({"path": "t.jsonl", "speed": speed}, Trace)


def test_throughput_has_neither_a_bound_nor_due_times():
    assert Throughput().schedule(500, Random(0)) == Schedule(concurrency=None, due_ns=None)
