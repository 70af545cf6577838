"""What the server says of a load stage: figures in the answers, and pages of `/metrics`."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.decide.parts import benchmark

from bakeoff.decide.load.loads import make_folds, stage_results
from bakeoff.decide.load.served import bucket_summary, server_metrics
from bakeoff.engine.gaps import Gaps
from bakeoff.records import Event, LoadSpec, ModelSpec, Plan, Sample, ServerFigures, Spec, StageResult, Usage
from bakeoff.records.scraped import BucketCounts, GaugeSummary, Scrape
from bakeoff.testing.contracts.metrics import TARGET

MS = 1_000_000
PLACE = {"benchmark": "b", "target": "any", "stage": "main"}


def sample(number: int, *, server: ServerFigures | None = None, gap_ms: int = 10, **fields: Any) -> Sample:
    due = number * 100 * MS
    known: dict[str, Any] = {
        "benchmark": "b",
        "case": f"c{number}",
        "target": "any",
        "outcome": "ok",
        "scheduled_at": due,
        "sent_at": due,
        "first_token_at": due + 20 * MS,
        "last_token_at": due + (20 + 10 * gap_ms) * MS,
        "done_at": due + (20 + 10 * gap_ms) * MS,
        "usage": Usage(prompt=5, completion=11, counted_by="server"),
        "chunks": 11,
        "chunk_us": [gap_ms * 1000] * 10,
        "server": server,
    }
    return Sample(**(known | fields))


def fold(samples: list[Sample], *events: Event, metrics: list[str] | None = None) -> tuple[StageResult, Any]:
    load = benchmark(measured=True, load=LoadSpec(), metrics=metrics or [])
    spec = Spec(models=[ModelSpec(name="any")], benchmarks=[load])
    folds = make_folds(spec, [TARGET])
    for each in samples:
        folds["b", "any"].add(each)
    plan = Plan(hash="h", seed=0, targets=[TARGET], stages=[])
    (result,) = stage_results(folds, plan, events)
    return result, dict(folds["b", "any"].estimates([result], 0.95))


def scraped(**fields: Any) -> Event:
    scrape = Scrape(**(PLACE | {"server": "vllm"} | fields))
    return Event(kind="server_metrics", facts=msgspec.to_builtins(scrape))


def test_figures_of_the_server_stand_beside_the_clients():
    figures = ServerFigures(ttft=0.015, e2e=0.11, decode=0.1, decoded=11, drafted=10, accepted=4)
    result, estimates = fold([sample(n, server=figures) for n in range(20)])
    assert result.server is not None
    assert result.server.ttft is not None
    assert (result.server.ttft.n, result.server.ttft.p50) == (20, 0.015)
    assert result.server.ttft_overhead is not None
    assert result.server.ttft_overhead.p50 == pytest.approx(0.005)
    assert result.server.queue is None
    assert estimates["b.server_tpot.p50"].value == pytest.approx(0.01)
    assert estimates["b.draft_acceptance"].value == 0.4
    assert estimates["b.streams"].value == result.streams == pytest.approx(1.0)


def test_a_server_that_says_nothing_leaves_no_rows():
    result, estimates = fold([sample(n) for n in range(5)])
    assert result.server is None
    assert not [name for name in estimates if "server" in name or "overhead" in name or "batch" in name]


def test_a_figure_that_is_asked_for_by_name_is_unknown_then():
    _, estimates = fold([sample(0)], metrics=["server_ttft"])
    assert estimates["b.server_ttft"].value is None


def test_batches_of_a_stage_are_those_of_its_metric():
    figures = ServerFigures(ttft=0.5)
    result, estimates = fold([sample(n, server=figures) for n in range(4)])
    assert result.server is not None
    assert result.server.batch_size is not None
    assert result.server.batch_size.value == estimates["b.batch_size"].value == 4.0
    assert estimates["b.switching_time"].value == 0.0


def test_answers_that_were_not_streamed_have_no_streams():
    plain = [sample(n, first_token_at=None, last_token_at=None, chunks=0, chunk_us=None) for n in range(5)]
    result, estimates = fold(plain)
    assert result.streams is None
    assert "b.streams" not in estimates


def test_pieces_of_a_stage_are_one():
    buckets = BucketCounts(bounds=[1.0, 2.0], counts=[3, 1, 0], sum=4.0)
    first = scraped(gauges={"running": [1, None, 3]}, counters={"requests": 2}, histograms={"ttft": buckets})
    second = scraped(gauges={"running": [8]}, counters={"requests": 3}, histograms={"ttft": buckets})
    lost = scraped(server="", note="no page")
    result, _ = fold([sample(0)], first, second, lost)
    assert result.server is not None
    page = result.server.metrics
    assert page is not None
    assert (page.server, page.note) == ("vllm", "no page")
    assert page.gauges == {"running": GaugeSummary(n=3, mean=4.0, peak=8.0)}
    assert page.counters == {"requests": 5}
    assert (page.histograms["ttft"].n, page.histograms["ttft"].mean) == (8, 1.0)


def test_requests_in_a_step_come_from_counters():
    found = server_metrics(
        [Scrape(**PLACE, server="llama.cpp", counters={"steps": 10, "slots_in_steps": 25})]
    )
    assert found is not None
    assert (found.batch_size, found.counters) == (2.5, {})


def test_nobody_looked_is_none_and_nothing_there_is_a_note():
    assert server_metrics([]) is None
    found = server_metrics([Scrape(**PLACE, note="HTTP 404"), Scrape(**PLACE, note="HTTP 404")])
    assert found is not None
    assert (found.server, found.note, found.gauges, found.batch_size) == ("", "HTTP 404", {}, None)


def test_quantiles_of_buckets_are_read_between_their_bounds():
    found = bucket_summary([BucketCounts(bounds=[1.0, 3.0], counts=[5, 5, 0], sum=15)])
    assert found is not None
    assert (found.p50, found.p90) == (1.0, pytest.approx(2.6))
    beyond = bucket_summary([BucketCounts(bounds=[1.0], counts=[1, 9], sum=50)])
    assert beyond is not None
    assert (beyond.n, beyond.mean, beyond.p50) == (10, 5.0, None)


def test_histograms_that_cannot_be_added_are_left_out():
    one = BucketCounts(bounds=[1.0], counts=[1, 0], sum=1)
    assert bucket_summary([one, msgspec.structs.replace(one, bounds=[2.0])]) is None
    assert bucket_summary([msgspec.structs.replace(one, counts=[0, 0])]) is None


@given(st.lists(st.integers(0, 20), min_size=4, max_size=4).filter(any))
def test_a_bucket_quantile_lies_in_the_bucket_of_its_rank(counts):
    bounds = [1.0, 2.0, 4.0]
    found = bucket_summary([BucketCounts(bounds=bounds, counts=[float(c) for c in counts], sum=1.0)])
    assert found is not None
    values = [index for index, count in enumerate(counts) for _ in range(count)]
    for share, told in ((0.5, found.p50), (0.9, found.p90), (0.99, found.p99)):
        place = values[max(0, -int(-share * len(values) // 1) - 1)]
        low, high = ([0.0, *bounds][place], [*bounds, None][place])
        assert told == high if high is None else told is not None and low <= told <= high


def test_gaps_that_samples_do_not_keep_come_from_the_stages_histogram():
    gaps = Gaps(kept=False)
    samples = [sample(n) for n in range(3)] + [sample(3, gap_ms=30, chunks=6)]
    kept, _ = fold(samples)
    stripped = [gaps.take(each) for each in samples]
    assert all(each.chunk_us is None for each in stripped)
    counted, _ = fold(stripped, Event(kind="gaps_counted", facts=PLACE | gaps.facts()))
    assert kept.itl is not None
    assert counted.itl is not None
    assert counted.chunk_gap is not None
    assert (counted.itl.n, counted.chunk_gap.n) == (30, 40)
    assert counted.itl.p50 == pytest.approx(kept.itl.p50, rel=2e-3)
    assert counted.chunk_gap.max == 0.03


def test_a_stage_that_kept_times_only_in_part_has_all_its_gaps():
    gaps = Gaps(kept=False)
    samples = [sample(0), gaps.take(sample(1, gap_ms=20))]
    result, _ = fold(samples, Event(kind="gaps_counted", facts=PLACE | gaps.facts()))
    assert result.itl is not None
    assert (result.itl.n, result.itl.min, result.itl.max) == (20, 0.01, 0.02)
    assert result.itl.mean == pytest.approx(0.015)
