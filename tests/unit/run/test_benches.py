"""Benchmarks are made ready, and what cannot work is refused before anything is sent."""

import asyncio
from typing import Any

import msgspec
import pytest
from tests.unit.run.specs import load

from bakeoff.errors import DataError, TemplateError, UsageError
from bakeoff.records import BenchmarkSpec, Choice, Deployment, Sample, SloSpec
from bakeoff.run.benches import (
    check_templates,
    load_benchmark_cases,
    make_benches,
    make_lanes,
    make_scorers,
)
from bakeoff.run.models import prepare
from bakeoff.spec import LoadedSpec
from bakeoff.wire import Client


def graded(*scorers: Choice) -> BenchmarkSpec:
    return BenchmarkSpec(name="b", dataset=Choice(type="jsonl"), scorers=list(scorers))


def test_cases_come_in_sending_order_by_benchmark(tmp_path):
    loaded = load(tmp_path)
    found = load_benchmark_cases(loaded.spec, loaded.base)
    assert {name: [case.id for case in cases] for name, cases in found.items()} == {"sums": ["one", "two"]}


def test_a_case_that_a_scorer_cannot_grade_is_refused_before_anything_is_sent(tmp_path):
    loaded = load(tmp_path)
    (tmp_path / "cases.jsonl").write_text('{"id": "one", "input": "1 + 1?"}\n')
    with pytest.raises(DataError, match="cannot grade 1 of 1 cases"):
        load_benchmark_cases(loaded.spec, loaded.base)


def test_an_endless_data_set_gives_what_the_load_asks_for(tmp_path):
    data = {"type": "synthetic", "prompt_tokens": {"mean": 5}, "output_tokens": {"mean": 5}}
    one = {"name": "load", "dataset": data, "load": {"kind": "concurrent", "requests": 7, "warmup": 2}}
    for measured, count in ((True, 9), (False, 7)):
        loaded = load(tmp_path, benchmarks=[one | {"measured": measured}])
        assert len(load_benchmark_cases(loaded.spec, loaded.base)["load"]) == count


def test_scorers_have_names_of_their_own():
    found = make_scorers(
        graded(
            Choice(type="exact"),
            Choice(type="contains", options={"value": "x", "metric": "has_x"}),
            Choice(type="exact", options={"metric": "strict"}),
        )
    )
    assert [(named.name, named.scorer.metric) for named in found] == [
        ("exact", "accuracy"),
        ("contains", "has_x"),
        ("exact-2", "strict"),
    ]


def test_two_scorers_of_one_metric_are_refused_since_it_would_be_of_neither():
    with pytest.raises(UsageError, match="`exact` and `numeric` both feed the metric `accuracy`") as caught:
        make_scorers(graded(Choice(type="exact"), Choice(type="numeric")))
    assert "metric: numeric_accuracy" in caught.value.hint


def test_benches_know_their_cases_scorers_and_latency_targets(tmp_path):
    loaded = load(tmp_path)
    spec = msgspec.structs.replace(
        loaded.spec,
        benchmarks=[
            loaded.spec.benchmarks[0],
            BenchmarkSpec(name="load", dataset=Choice(type="jsonl"), measured=True, slo=SloSpec(e2e=1.0)),
        ],
    )
    cases = load_benchmark_cases(loaded.spec, loaded.base)
    benches = make_benches(spec, cases | {"load": []})
    assert list(benches["sums"].cases) == ["one", "two"]
    assert [named.name for named in benches["sums"].scorers] == ["exact"]
    meets = benches["load"].meets
    assert meets is not None
    quick = Sample(benchmark="load", case="c", target="t", outcome="ok", done_at=500_000_000)
    assert meets(quick)
    assert not meets(msgspec.structs.replace(quick, done_at=1_500_000_000))
    assert not meets(msgspec.structs.replace(quick, outcome="error"))
    assert benches["sums"].meets is None


def candidates_of(loaded: LoadedSpec) -> Any:
    return asyncio.run(prepare(loaded.spec, loaded.base, lambda _: None))


def test_templates_are_tried_on_the_cases_and_the_form_is_told(tmp_path):
    loaded = load(tmp_path)
    cases = load_benchmark_cases(loaded.spec, loaded.base)
    assert check_templates(loaded.spec, candidates_of(loaded), cases) == {"sums": "chat"}
    one = {"name": "sums", "dataset": "cases.jsonl", "prompt": "{{ missing }}", "scorers": ["exact"]}
    broken = load(tmp_path, benchmarks=[one])
    with pytest.raises(TemplateError, match="missing"):
        check_templates(broken.spec, candidates_of(broken), cases)


def lanes_of(loaded: LoadedSpec, *, key: str | None = "made-up-key") -> Any:
    deployments = {
        model.name: Deployment(target=model.name, endpoint="http://127.0.0.1:9/v1", api_key=key)
        for model in loaded.spec.models
    }
    forms: Any = {one.name: "chat" for one in loaded.spec.benchmarks}
    return make_lanes(loaded.spec, candidates_of(loaded), deployments, forms, Client())


def test_there_is_a_lane_for_every_benchmark_and_target_with_the_servers_key(tmp_path):
    lanes = lanes_of(load(tmp_path))
    assert set(lanes) == {("sums", "old"), ("sums", "new")}
    assert b"Authorization: Bearer made-up-key\r\n" in lanes["sums", "old"].route.head
    assert b"Authorization" not in lanes_of(load(tmp_path), key=None)["sums", "old"].route.head


def test_a_header_of_the_users_own_wins_over_the_key(tmp_path):
    models = [{"name": "m", "endpoint": "http://127.0.0.1:9/v1", "headers": {"authorization": "Basic x"}}]
    head = lanes_of(load(tmp_path, models=models))["sums", "m"].route.head
    assert b"authorization: Basic x\r\n" in head
    assert b"Bearer" not in head


def test_a_benchmarks_parameters_go_over_those_of_the_model(tmp_path):
    one = {"name": "sums", "dataset": "cases.jsonl", "scorers": ["exact"], "params": {"max_tokens": 3}}
    loaded = load(tmp_path, benchmarks=[one], sampling={"max_tokens": 9, "temperature": 0.3})
    lane = lanes_of(loaded)["sums", "old"]
    case = load_benchmark_cases(loaded.spec, loaded.base)["sums"][0]
    sampling = lane.renderer.render(case).sampling
    assert (sampling.max_tokens, sampling.temperature, sampling.extra) == (3, 0.3, {})
