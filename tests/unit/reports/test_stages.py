"""What one pass over a stage's samples leaves behind, checked against the samples themselves."""

from array import array

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.records import Sample, Usage
from bakeoff.records.view import StageView
from bakeoff.reports.stages import MOST_KEPT, StageReading, cells
from bakeoff.stats.quantiles import quantile

SECOND = 10**9
moments = st.integers(0, 10**11)


def sample(number: int = 0, **fields: object) -> Sample:
    plain = Sample(benchmark="load", case=f"s{number}", target="a", outcome="ok")
    return msgspec.structs.replace(plain, **fields)


def read(samples: list[Sample], most_cells: int = 250) -> StageView:
    reading = StageReading()
    for one in samples:
        reading.add(one)
    return reading.finish("load", "main", "a", most_cells=most_cells)[0]


def spaced(count: int, every: int = SECOND, takes: int = 2 * SECOND) -> list[Sample]:
    return [
        sample(
            n,
            scheduled_at=n * every,
            sent_at=n * every,
            first_token_at=n * every + 1,
            done_at=n * every + takes,
        )
        for n in range(count)
    ]


@given(st.lists(moments, min_size=1, max_size=60))
def test_box_is_the_five_numbers_of_every_answer(times: list[int]) -> None:
    view = read([sample(n, first_token_at=time) for n, time in enumerate(times)])
    ordered = sorted(time / 1e9 for time in times)
    (box,) = view.boxes
    assert (box.min, box.max, box.n) == (ordered[0], ordered[-1], len(times))
    assert (box.q1, box.median, box.q3) == tuple(quantile(ordered, share) for share in (0.25, 0.5, 0.75))


def test_failed_requests_have_no_latency_but_count_as_in_flight() -> None:
    failed = [sample(n, outcome="timeout", sent_at=0, first_token_at=5, done_at=SECOND) for n in range(3)]
    view = read(failed)
    assert view.boxes == []
    assert view.activity is not None
    assert view.activity.in_flight == pytest.approx([3.0] * 10)
    assert sum(view.activity.finished) == 0


@given(st.integers(1, 3000))
def test_kept_requests_are_few_and_evenly_spread(count: int) -> None:
    line = read(spaced(count)).timeline
    assert line is not None
    assert line.total == count
    assert min(count, MOST_KEPT // 2) <= len(line.due) <= MOST_KEPT
    steps = {round(b - a) for a, b in zip(line.due, line.due[1:], strict=False)}
    assert len(steps) <= 1
    assert line.due[-1] + max(steps, default=1) > count - 1


def test_timeline_is_in_the_order_of_due_times_and_counts_from_the_first() -> None:
    late = sample(1, scheduled_at=9 * SECOND, sent_at=10 * SECOND, done_at=11 * SECOND, outcome="error")
    early = sample(0, scheduled_at=4 * SECOND)
    line = read([late, early]).timeline
    assert line is not None
    assert (line.due, line.sent, line.done) == ([0.0, 5.0], [None, 6.0], [None, 7.0])
    assert line.ok == [True, False]


def test_gaps_between_tokens_and_between_events_are_kept_apart() -> None:
    streamed = {"first_token_at": 0, "last_token_at": 20_000_000, "chunks": 3, "chunk_us": [10_000, 10_000]}
    tokens = sample(0, usage=Usage(completion=3), **streamed)
    events = sample(1, usage=Usage(completion=12), **streamed)
    assert [(box.metric, box.n, box.median) for box in read([tokens]).boxes[1:]] == [("itl", 2, 0.01)]
    assert [(box.metric, box.n, box.median) for box in read([events]).boxes[1:]] == [("chunk_gap", 2, 0.01)]


def test_gaps_of_chosen_requests_say_of_how_many() -> None:
    one = sample(first_token_at=0, last_token_at=1000, chunks=2, chunk_us=[1], usage=Usage(completion=2))
    whole = next(box for box in read([one] * 10).boxes if box.metric == "itl")
    part = next(box for box in read([one] * 1000).boxes if box.metric == "itl")
    assert whole.requests is None
    assert part.requests == part.n < 1000


@given(st.lists(st.tuples(moments, st.integers(1, 10**10)), min_size=1, max_size=200), st.integers(0, 10**9))
def test_activity_keeps_the_time_in_flight_and_the_counts(spans: list[tuple[int, int]], offset: int) -> None:
    samples = [
        sample(n, scheduled_at=start, sent_at=start + offset, done_at=start + offset + takes)
        for n, (start, takes) in enumerate(spans)
    ]
    found = read(samples).activity
    assert found is not None
    total = sum(takes for _, takes in spans) / 1e9
    assert sum(found.in_flight) * found.width == pytest.approx(total, rel=1e-6, abs=1e-6)
    assert sum(found.finished) * found.width == pytest.approx(len(spans))
    assert sum(found.sent) * found.width == pytest.approx(len(spans))
    assert 10 <= len(found.in_flight) <= 120


def test_steady_load_reads_as_its_concurrency() -> None:
    found = read(spaced(200)).activity
    assert found is not None
    middle = found.in_flight[10:-10]
    assert middle == pytest.approx([2.0] * len(middle), abs=0.5)


def test_stage_without_any_time_has_no_activity() -> None:
    assert read([sample(sent_at=0, done_at=0)]).activity is None
    assert read([sample()]).activity is None


prompts = st.lists(st.tuples(st.integers(-1, 10**5), st.floats(0, 100)), min_size=1, max_size=400)


@given(prompts, st.integers(1, 250))
def test_cells_count_every_request_once_and_keep_the_sums(pairs: list[tuple[int, float]], most: int) -> None:
    known = [(prompt, time) for prompt, time in pairs if prompt >= 0]
    found = cells(array("i", (p for p, _ in pairs)), array("d", (t for _, t in pairs)), most=most)
    if found is None:
        assert known == []
        return
    assert sum(found.counts) == found.n == len(known)
    assert len(found.counts) <= max(most, 1)
    columns = zip(found.counts, found.tokens, found.seconds, strict=True)
    tokens, seconds = map(sum, zip(*((n * a, n * b) for n, a, b in columns), strict=True))
    assert tokens == pytest.approx(sum(p for p, _ in known), rel=1e-6, abs=1e-6)
    assert seconds == pytest.approx(sum(t for _, t in known), rel=1e-6, abs=1e-6)


def test_few_requests_stand_alone() -> None:
    found = cells(array("i", [7, -1, 5]), array("d", [0.2, 0.9, 0.1]), most=2)
    assert found is not None
    assert (found.tokens, found.seconds, found.cells) == ([5.0, 7.0], [0.1, 0.2], 0)


def test_who_stamped_and_who_counted_is_told() -> None:
    samples = [sample(n, stamped_by="kernel", usage=Usage(prompt=1, counted_by="server")) for n in range(3)]
    view = read([*samples, sample(9)])
    assert view.stamped_by == {"kernel": 3, "read": 1}
    assert view.counted_by == {"server": 3, "nobody": 1}
