"""Running counts: what one process counts, and several together."""

from hypothesis import given
from hypothesis import strategies as st

from bakeoff.engine.live import LiveStage, StageCounts, merged
from bakeoff.records import Sample, Stage, Usage
from bakeoff.stats.histogram import Histogram

STAGE = Stage(name="main", benchmark="b", target="t", cases=["c"], requests=9, load={}, seconds=30.0)
MS = 1_000_000


def sample(
    outcome: str = "ok", e2e: int = 40 * MS, tokens: int | None = 5, ttft: int | None = 10 * MS
) -> Sample:
    return Sample(
        benchmark="b",
        case="c",
        target="t",
        outcome=outcome,
        scheduled_at=MS,
        first_token_at=None if ttft is None else MS + ttft,
        done_at=MS + e2e,
        usage=Usage(completion=tokens),
    )


def counted(*samples: Sample, sent: int = 0, before: int = 0) -> StageCounts:
    live = LiveStage(STAGE, total=9, before=before)
    for _ in range(sent):
        live.send()
    for each in samples:
        live.add(each)
    return live.counts()


def test_latencies_and_tokens_are_those_of_whole_answers():
    counts = counted(sample(), sample("error", tokens=None), sample(ttft=None), sent=4, before=2)
    assert (counts.key, counts.total, counts.seconds) == (("b", "t", "main"), 9, 30.0)
    assert (counts.done, counts.ended, counts.sent) == (5, 3, 4)
    assert counts.outcomes == {"ok": 2, "error": 1}
    assert counts.tokens == 10
    assert Histogram.unpack(counts.ttft).n == 1
    assert Histogram.unpack(counts.e2e).n == 2


def test_tokens_that_a_server_does_not_count_are_unknown():
    assert counted(sample(), sample(tokens=None)).tokens is None
    assert merged([counted(sample()), counted(sample(tokens=None))]).tokens is None


def test_a_stamp_before_the_due_time_counts_as_no_time():
    assert counted(sample(ttft=-5)).ttft.min == 0


def test_one_process_is_its_own_sum():
    alone = counted(sample())
    assert merged([alone]) is alone


@given(st.lists(st.tuples(st.integers(0, 10**12), st.sampled_from(["ok", "error"]), st.integers(0, 2))))
def test_processes_together_count_what_one_would(rows: list[tuple[int, str, int]]):
    parts = [counted(*(sample(o, e) for e, o, at in rows if at == number), sent=1) for number in range(3)]
    whole = counted(*(sample(o, e) for e, o, _ in rows), sent=3)
    both = merged(parts)
    assert (both.outcomes, both.tokens, both.sent) == (whole.outcomes, whole.tokens, whole.sent)
    assert (both.ttft, both.e2e) == (whole.ttft, whole.e2e)
    assert both.began == min(part.began for part in parts)
