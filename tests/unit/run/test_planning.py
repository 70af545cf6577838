"""A forecast counts what a run would send, from the prompts that it would send."""

import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from tests.unit.run.specs import load

from bakeoff.decide.forecast.floors import ObservedShare
from bakeoff.decide.forecast.power import Observed
from bakeoff.decide.verdict.rule_hash import rule_hash
from bakeoff.errors import DataError, UsageError
from bakeoff.records import Usage
from bakeoff.run.earlier import Earlier
from bakeoff.run.effort import Effort, Usual
from bakeoff.run.planning import Forecast, forecast
from bakeoff.spec import load_spec

DEMO = Path(__file__).parents[3] / "src" / "bakeoff" / "demo"
PRICE = {"input": 2, "output": 10}
LOAD = {
    "name": "load",
    "synthetic": {"prompt_tokens": 100, "output_tokens": 20},
    "load": {"kind": "constant", "rate": "2/s", "requests": 40},
}


def models(**changes: Any) -> list[dict[str, Any]]:
    return [
        {"name": name, "endpoint": "http://127.0.0.1:9/v1", "model": name, **changes}
        for name in ("old", "new")
    ]


def graded(**changes: Any) -> dict[str, Any]:
    return {"name": "sums", "dataset": "cases.jsonl", "scorers": ["exact"], **changes}


def of(found: Forecast, benchmark: str, target: str = "old") -> Effort:
    return next(one for one in found.efforts if (one.benchmark, one.target) == (benchmark, target))


def test_calls_and_tokens_are_those_of_the_rendered_prompts(tmp_path):
    benchmark = graded(prompt="{{input}} " + "x" * 33, repeats=3, params={"max_tokens": 50})
    found = forecast(load(tmp_path, benchmarks=[benchmark]))
    one = of(found, "sums")
    # "1 + 1? " and 33 letters are 40 characters, so 10 tokens.
    assert (one.calls, one.prompt_tokens, one.output_most, one.output_tokens) == (6, 60, 300, None)
    assert found.calls == 12
    assert "repeats are averaged for each case first, so they are no further cases" in found.notes
    assert found.comparisons[0].n == 2


def test_asked_lengths_need_no_estimate_and_warm_ups_are_told_apart(tmp_path):
    found = forecast(load(tmp_path, benchmarks=[LOAD | {"load": LOAD["load"] | {"warmup": 5}}]))
    one = of(found, "load")
    trials = one.warmup - 5
    assert one.calls == 45 + trials
    assert one.prompt_tokens == 100 * one.calls
    assert one.output_most == 45 * 20 + trials
    assert not one.at_most


def test_money_is_told_by_price_class_at_the_longest_answers(tmp_path):
    benchmark = graded(prompt="x" * 4_000, params={"max_tokens": 100})
    found = forecast(load(tmp_path, models=models(price=PRICE | {"request": 0.5}), benchmarks=[benchmark]))
    one = of(found, "sums")
    assert [(c.price_class, c.tokens, c.usd) for c in one.charges] == [
        ("input", 2000, pytest.approx(0.004)),
        ("output", 200, pytest.approx(0.002)),
        ("request", 2, pytest.approx(1.0)),
    ]
    assert (one.usd, one.usd_most) == (None, pytest.approx(1.006))
    assert (found.usd, found.usd_most) == (None, pytest.approx(2.012))


def test_an_unknown_price_is_named_and_never_nothing(tmp_path):
    two = models(price=PRICE)
    del two[1]["price"]
    budget = {"budget": {"usd_per_1k_requests": 2}}
    found = forecast(load(tmp_path, models=two, decide=budget))
    assert of(found, "sums", "new").usd_most is None
    assert found.usd_most is None
    assert any("money for new: `new` has no price" in line for line in found.unknown)
    assert any(line.startswith("the budget stays open for new") for line in found.cannot)
    assert not any("old" in line for line in found.cannot if "budget" in line)


@pytest.mark.parametrize(
    ("price", "why"),
    [
        ({"input": 2}, "no price for `output`"),
        ({"gpu_hour": 4}, "it is priced by the hour"),
        ({"answering": True}, "its price is that of the models that will answer"),
    ],
)
def test_money_that_cannot_be_told_says_why(tmp_path, price, why):
    found = forecast(
        load(tmp_path, models=models(price=price), decide={"budget": {"usd_per_1k_requests": 2}})
    )
    one = of(found, "sums")
    assert one.usd_most is None
    assert why in one.unpriced
    assert any("budget" in line for line in found.cannot) == ("gpu_hour" not in price)


def test_a_price_for_the_request_alone_needs_no_tokens(tmp_path):
    benchmark = graded(params={"max_tokens": None})
    found = forecast(load(tmp_path, models=models(price={"request": 0.01}), benchmarks=[benchmark]))
    assert of(found, "sums").output_most is None
    assert of(found, "sums").usd_most == pytest.approx(0.02)
    unbounded = forecast(load(tmp_path, models=models(price=PRICE), benchmarks=[benchmark]))
    assert of(unbounded, "sums").unpriced == "no `max_tokens` bounds its answers"


def test_a_long_prompt_is_charged_at_its_tier(tmp_path):
    price = PRICE | {"tiers": [{"above": 500, "input": 4}]}
    benchmark = graded(prompt="x" * 4_000, params={"max_tokens": 1})
    found = forecast(load(tmp_path, models=models(price=price), benchmarks=[benchmark]))
    assert of(found, "sums").charges[0].usd_per_1m == 4


def test_an_earlier_run_tells_tokens_money_and_time(tmp_path):
    usage = Usage(prompt=1000, completion=50, cached=600, reasoning=10)
    usual = Usual(n=30, usage=usage, seconds=4.0)
    earlier = Earlier(run="r1", usual={("sums", name): usual for name in ("old", "new")})
    price = PRICE | {"cached_input": 1}
    benchmark = graded(load={"kind": "concurrent", "concurrency": 2}, params={"max_tokens": 100})
    found = forecast(load(tmp_path, models=models(price=price), benchmarks=[benchmark]), earlier)
    one = of(found, "sums")
    assert (one.prompt_tokens, one.tokens_from, one.output_tokens) == (2000, "r1", 100)
    charges = {charge.price_class: charge.tokens for charge in one.charges}
    assert charges == {"input": 800, "cached_input": 1200, "output": 80, "reasoning": 20}
    assert one.usd == pytest.approx((800 * 2 + 1200 * 1 + 100 * 10) / 1e6)
    assert one.usd_most == pytest.approx((2000 * 2 + 200 * 10) / 1e6)
    # Each of the two cases is a block of its own, so no two are under way together.
    assert (one.seconds, one.seconds_from) == (8.0, "latencies of r1")
    assert found.seconds == 16.0
    assert found.earlier == "r1"


def test_an_earlier_run_replaces_assumed_disagreement(tmp_path):
    observed = {"sums.accuracy": {("old", "new"): Observed(disagreement=0.5, n=40)}}
    found = forecast(load(tmp_path), Earlier(run="r1", observed=observed))
    (row,) = found.comparisons
    assert [one.source for one in row.scenarios] == ["40 cases of r1"]


def test_an_open_loop_lasts_as_long_as_its_schedule(tmp_path):
    found = forecast(load(tmp_path, benchmarks=[LOAD]))
    one = of(found, "load")
    assert one.seconds == pytest.approx(19.5)
    assert "its schedule" in one.seconds_from
    limited = LOAD | {"load": {"kind": "constant", "rate": "2/s", "requests": 40, "seconds": 10}}
    one = of(forecast(load(tmp_path, benchmarks=[limited])), "load")
    assert (one.seconds, one.at_most) == (10, True)
    assert "its time limit" in one.seconds_from


def test_a_closed_loop_or_a_search_has_no_known_time(tmp_path):
    search = LOAD | {"load": {"kind": "search", "step_requests": 80}}
    found = forecast(load(tmp_path, benchmarks=[graded(), search], decide={"slo": {"ttft": "1s"}}))
    assert found.seconds is None
    assert of(found, "sums").seconds is None
    assert of(found, "load").seconds_from == "its load chooses its own rates"
    assert of(found, "load").at_most
    assert any(line.startswith("time of sums: the answers set its pace") for line in found.unknown)
    assert [(one.requests, one.misses) for one in found.loads] == [(80, 0)]


def test_servers_that_the_run_starts_are_counted_as_long_as_it_sends(tmp_path):
    two = [
        {"name": "cloud", "source": "m.gguf", "accelerators": "L4:2", "price": {"gpu_hour": 3}},
        {"name": "here", "source": "n.gguf"},
    ]
    for name in ("m.gguf", "n.gguf"):
        (tmp_path / name).touch()
    found = forecast(load(tmp_path, models=two, benchmarks=[LOAD]))
    cloud, here = found.hardware
    assert found.seconds == pytest.approx(39)
    assert cloud.hours == pytest.approx(39 / 3600)
    assert cloud.gpu_hours == pytest.approx(78 / 3600)
    assert cloud.usd == pytest.approx(3 * 39 / 3600)
    assert (here.accelerators, here.gpu_hours, here.usd) == ("", None, None)
    assert found.plan_hash is None
    assert (found.usd, found.usd_most) == (None, None)
    assert not any("cloud" in line for line in found.unknown)
    unknown = forecast(load(tmp_path, models=two))
    assert (unknown.hardware[0].hours, unknown.hardware[0].usd) == (None, None)
    assert "money for cloud: it is priced by the hour, and the time is unknown" in unknown.unknown


def test_a_rented_endpoint_is_paid_for_the_whole_run(tmp_path):
    two = models(price=PRICE)
    two[0]["price"] = {"gpu_hour": 36}
    found = forecast(load(tmp_path, models=two, benchmarks=[LOAD]))
    assert [(one.target, one.started, one.gpu_hours) for one in found.hardware] == [("old", False, None)]
    tokens = of(found, "load", "new").usd_most
    assert tokens is not None
    assert found.usd_most == pytest.approx(36 * 39 / 3600 + tokens)


def test_the_rule_and_its_further_margins_are_the_questions(tmp_path):
    rule = {
        "incumbent": "old",
        "quality": {"metric": "words.accuracy", "margin": 0.05},
        "rules": [
            {"metric": "sums.accuracy", "margin": 0.02},
            {"metric": "load.ttft.p95", "margin": 0.1},
            {"metric": "sums.accuracy", "at_least": 0.5},
        ],
    }
    found = forecast(load(tmp_path, benchmarks=[graded(), graded(name="words"), LOAD], decide=rule))
    assert [(row.metric, row.a, row.b, row.margin) for row in found.comparisons] == [
        ("words.accuracy", "new", "old", 0.05),
        ("sums.accuracy", "new", "old", 0.02),
    ]


def test_a_benchmark_for_one_model_compares_nothing(tmp_path):
    found = forecast(load(tmp_path, benchmarks=[graded(models=["new"])]))
    assert found.comparisons == []
    assert [one.target for one in found.efforts] == ["new"]
    assert found.cannot[0].startswith("no benchmark grades the answers of two targets")


def test_clusters_and_limits_count_the_cases_that_are_asked(tmp_path):
    loaded = load(tmp_path, benchmarks=[graded(fields={"cluster": "doc"}, load={"requests": 5})])
    rows = [
        {"id": f"c{n}", "input": str(n), "reference": "1", "doc": f"d{n // 3}"}
        if n < 9
        else {"id": "x", "input": "9"}
        for n in range(9)
    ]
    (tmp_path / "cases.jsonl").write_bytes(b"\n".join(map(msgspec.json.encode, rows)) + b"\n")
    found = forecast(loaded)
    (row,) = found.comparisons
    assert row.n == 5
    assert row.scenarios[0].icc == 0.2
    assert row.scenarios[0].effective == pytest.approx(5 / (1 + (13 / 5 - 1) * 0.2))


def test_likelihoods_take_a_call_for_each_choice(tmp_path):
    asked = graded(multiple_choice="prompt_logprobs", scorers=[])
    loaded = load(tmp_path, benchmarks=[asked])
    row = {"id": "a", "question": "2 + 2?", "choices": ["3", "4", "5"], "answer": 1}
    (tmp_path / "cases.jsonl").write_bytes(msgspec.json.encode(row) + b"\n")
    found = forecast(loaded)
    one = of(found, "sums")
    assert (one.calls, one.output_most) == (3, 3)
    assert one.prompt_tokens * 4 >= 3 * len("Question: 2 + 2?\nAnswer: 3")
    assert any("counted as asked by `prompt_logprobs`" in note for note in found.notes)


def test_later_turns_send_what_was_said_before(tmp_path):
    said = [{"from": "human", "value": "x" * 400}, {"from": "gpt", "value": "y"}]
    (tmp_path / "talk.json").write_bytes(msgspec.json.encode([{"id": "t", "conversations": said * 2}]))
    talk = {"type": "sharegpt", "path": "talk.json", "turns": "live"}
    benchmark = {"name": "talk", "dataset": talk, "measured": True, "params": {"max_tokens": 30}}
    one = of(forecast(load(tmp_path, benchmarks=[benchmark])), "talk")
    assert one.calls == 2
    assert one.prompt_tokens == 100 + (100 + 30 + 100)


def test_the_texts_of_content_parts_are_counted(tmp_path):
    parts = [{"type": "text", "text": "x" * 80}, {"type": "image_url", "image_url": {"url": "data:,"}}]
    loaded = load(tmp_path, benchmarks=[graded(fields={"messages": "said"})])
    row = {"id": "a", "said": [{"role": "user", "content": parts}], "reference": "2"}
    (tmp_path / "cases.jsonl").write_bytes(msgspec.json.encode(row) + b"\n")
    assert of(forecast(loaded), "sums").prompt_tokens == 20


def test_a_scorer_that_waits_is_counted_apart(tmp_path):
    code = {"type": "python", "value": "1.0", "allow_code": True}
    found = forecast(load(tmp_path, benchmarks=[graded(scorers=[code], repeats=2)]))
    assert [(one.benchmark, one.scorer, one.answers) for one in found.gradings] == [("sums", "python", 8)]


def test_races_and_caches_are_noted(tmp_path):
    notes = " ".join(forecast(load(tmp_path, decide={"race": True}, cache=True)).notes)
    assert "a race may end earlier" in notes
    budget = {"race": True, "budget": {"usd_per_1k_requests": 1}}
    open_ones = " ".join(forecast(load(tmp_path, decide=budget)).notes)
    assert "where `decide.budget` should rule out whoever leads on" in open_ones
    assert "where `decide." not in notes
    assert "answers that the cache holds" in notes


def test_the_rule_is_named_and_the_plan_hash_needs_its_addresses(tmp_path):
    loaded = load(tmp_path)
    found = forecast(loaded)
    assert found.rule_hash == rule_hash(loaded.spec.decide)
    assert found.plan_hash is not None
    path = tmp_path / "bakeoff.yaml"
    text = path.read_text()
    for known in ("old-served", "http://127.0.0.1:9/v1"):
        path.write_text(text.replace(known, "${NOT_SET}"))
        assert forecast(load_spec(path, {}, for_requests=False)).plan_hash is None


def test_a_spec_without_benchmarks_or_data_is_refused(tmp_path):
    with pytest.raises(UsageError, match="no benchmarks"):
        forecast(load(tmp_path, benchmarks=[]))
    loaded = load(tmp_path)
    (tmp_path / "cases.jsonl").unlink()
    with pytest.raises(DataError):
        forecast(loaded)


def test_weights_and_keys_may_be_missing(tmp_path):
    load(tmp_path)
    document = yaml.safe_load((tmp_path / "bakeoff.yaml").read_text())
    document["models"][0]["api_key"] = "${NO_SUCH_KEY}"
    document["models"][1] = {"name": "new", "source": "absent.gguf"}
    (tmp_path / "bakeoff.yaml").write_text(yaml.safe_dump(document))
    found = forecast(load_spec(tmp_path / "bakeoff.yaml", {}, for_requests=False))
    assert [one.target for one in found.efforts] == ["old", "new"]


def test_the_demo_can_be_forecast_without_its_weights(tmp_path):
    for name in ("quickstart.yaml", "quickstart.jsonl"):
        shutil.copy(DEMO / name, tmp_path / name)
    found = forecast(load_spec(tmp_path / "quickstart.yaml", {}, for_requests=False))
    assert found.comparisons[0].n == 128
    assert found.loads[0].misses == 0
    assert {one.target for one in found.hardware} == {"smollm2-135m", "gemma3-270m"}
    assert Decimal(found.calls) > 256


def test_floors_on_graded_metrics_are_sized(tmp_path):
    rules = [{"metric": "sums.output_tokens", "at_least": 0.5}]
    asked = {"quality": {"at_least": 0.8}, "rules": rules}
    (floor,) = forecast(load(tmp_path, decide=asked)).floors
    assert (floor.metric, floor.floor, floor.n) == ("sums.accuracy", 0.8, 2)
    assert floor.passes is None
    seen = {"old": ObservedShare(share=0.9, n=50), "gone": ObservedShare(share=0.9, n=50)}
    found = forecast(load(tmp_path, decide=asked), Earlier(run="r1", shares={"sums.accuracy": seen}))
    assert [one.target for one in found.floors[0].scenarios] == ["old"]
    assert any("for old, right on 90 % of 50 cases of r1" in line for line in found.cannot)
