"""What every target costs, by the token or by the hour; what is unknown is said and never 0."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from tests.unit.decide.parts import benchmark, result, sample, share

from bakeoff.decide.cost.costs import CostInputs, spendings, target_costs
from bakeoff.decide.cost.pricing import with_prices
from bakeoff.prices import Spending
from bakeoff.records import (
    Attempt,
    BatchPrice,
    BenchmarkSpec,
    Choice,
    DecideSpec,
    Estimate,
    ModelSpec,
    Price,
    PriceBook,
    PriceEntry,
    Rates,
    Sample,
    SloSpec,
    Spec,
    StageResult,
    Target,
    TargetCost,
    Usage,
)

DAY = "2026-06-15"
API = Price(input=Decimal(1), output=Decimal(10))
GPU = Price(gpu_hour=Decimal("3.60"))
QUIZ = benchmark(name="quiz", scorers=[Choice(type="exact")])
LOAD = benchmark(name="load", measured=True)
SLO = SloSpec(ttft=0.5, attainment=0.9)
MONTH = 30 * 24 * 3600


def asked(count: int, outcome: str = "ok", **fields: Any) -> list[Sample]:
    """Return samples of 100 prompt and 10 answer tokens: 0.0002 USD each at API's price."""
    usage = Usage(prompt=100, completion=10) if outcome == "ok" else Usage()
    return [sample(f"c{n}", outcome=outcome, **({"usage": usage} | fields)) for n in range(count)]


def stage(rate: float, met: tuple[float, float], tokens: float | None = None, **fields: Any) -> StageResult:
    attained = Estimate(value=sum(met) / 2, unit="share", n=100, low=met[0], high=met[1])
    return StageResult(
        **(
            {
                "benchmark": "load",
                "target": "t",
                "stage": f"{rate:g}/s",
                "request_rate": rate,
                "output_token_rate": tokens,
                "slo_attainment": attained,
            }
            | fields
        )
    )


def costs(
    prices: dict[str, Price | None],
    samples: Sequence[Sample] = (),
    *,
    benchmarks: Sequence[BenchmarkSpec] = (QUIZ,),
    stages: Sequence[StageResult] = (),
    book: PriceBook | None = None,
    metrics: dict[str, Estimate] | None = None,
    quality: str | None = None,
    **rule: Any,
) -> list[TargetCost]:
    """Return the costs of targets that all were asked the same samples in every benchmark."""
    spec = Spec(
        models=[ModelSpec(name=name, price=price) for name, price in prices.items()],
        benchmarks=list(benchmarks),
        decide=DecideSpec(**rule),
        prices=book or PriceBook(),
    )
    targets = with_prices(
        [Target(name=name, provider="openai_chat", model=f"model-{name}") for name in prices], spec, DAY
    )
    spent: dict[tuple[str, str], Spending] = {}
    for target in targets:
        for each in benchmarks:
            spending = spent[each.name, target.name] = Spending(target.price)
            for one in samples:
                spending.add(one)
    return target_costs(
        CostInputs(
            spec=spec,
            targets=targets,
            results=[result(name, metrics or {}) for name in prices],
            stages=stages,
            spent=spent,
            quality=quality,
            day=DAY,
        )
    )


def test_costs_by_the_token_are_means_of_what_was_used():
    (found,) = costs({"t": API}, asked(5), traffic=2.0)
    assert (found.target, found.benchmark, found.basis) == ("t", "quiz", "tokens")
    assert found.per_1k_requests == 0.2
    assert found.per_1m_tokens == 20.0
    assert found.per_month == pytest.approx(0.0002 * 2 * MONTH)
    assert found.traffic == 2.0
    assert (found.capacity, found.replicas, found.per_1k_successes) == (None, None, None)
    assert found.note == "n = 5 requests"


def test_the_interval_is_that_of_the_metric_and_never_below_zero():
    metrics = {"quiz.cost": Estimate(value=0.0002, unit="USD", n=5, low=-0.0001, high=0.0005)}
    (found,) = costs({"t": API}, asked(5), metrics=metrics)
    assert (found.per_1k_requests_low, found.per_1k_requests_high) == (0.0, 0.5)


def test_a_success_costs_what_all_requests_cost_over_those_that_were_right():
    (found,) = costs({"t": API}, asked(4), metrics={"quiz.accuracy": share(0.5, spread=0.25)})
    assert found.per_1k_successes == pytest.approx(0.4)
    assert found.per_1k_successes_low == pytest.approx(0.2 / 0.75)
    assert found.per_1k_successes_high == pytest.approx(0.8)
    assert "successes by quiz.accuracy of 50.0%" in found.note


def test_where_no_success_is_certain_its_cost_has_no_upper_end():
    (found,) = costs({"t": API}, asked(4), metrics={"quiz.accuracy": share(0.1, spread=0.1)})
    assert found.per_1k_successes == pytest.approx(2.0)
    assert found.per_1k_successes_high is None


def test_the_deciding_metric_of_the_benchmark_says_what_a_success_is():
    metrics = {"quiz.accuracy": share(0.5), "quiz.strict": share(0.25)}
    (found,) = costs({"t": API}, asked(4), metrics=metrics, quality="quiz.strict")
    assert found.per_1k_successes == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("estimate", "note"),
    [
        (share(0.0), "no answer was right by quiz.accuracy, so a success has no price"),
        (Estimate(value=3.0, unit="score", n=4), "quiz.accuracy is no share of right answers"),
    ],
)
def test_a_success_without_a_price_says_why(estimate, note):
    (found,) = costs({"t": API}, asked(4), metrics={"quiz.accuracy": estimate})
    assert found.per_1k_successes is None
    assert found.per_1k_requests == 0.2
    assert note in found.note


def test_an_unknown_success_rate_leaves_the_price_of_a_success_open():
    (found,) = costs({"t": API}, asked(4), metrics={"quiz.accuracy": share(None)})
    assert (found.per_1k_successes, found.per_1k_requests) == (None, 0.2)
    (other,) = costs({"t": API}, asked(4), benchmarks=[LOAD], metrics={"load.e2e": share(0.5)})
    assert other.per_1k_successes is None


def test_what_nobody_counted_is_left_out_and_told():
    samples = [
        *asked(2),
        *asked(3, "timeout"),
        *asked(1, usage=Usage(prompt=1)),
        *asked(1, attempts=[Attempt(kind="http"), Attempt(kind="http")]),
    ]
    (found,) = costs({"t": API}, samples)
    assert found.per_1k_requests == 0.2
    assert found.note == (
        "n = 3 requests; 3 failed without token counts and are left out; 1 answers came without token "
        "counts that add up and are left out; 2 earlier tries, whose tokens nobody told, are left out"
    )


def test_failed_requests_with_token_counts_are_paid_for():
    (found,) = costs({"t": API}, [*asked(1), *asked(1, "truncated", usage=Usage(prompt=300, completion=30))])
    assert found.per_1k_requests == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("price", "samples", "why"),
    [
        (None, asked(1), "unknown: `model-t` has no price in the spec; add `price` to the model"),
        (
            Price(input=Decimal(1)),
            asked(1),
            "unknown: `model-t` has no price for `output`; give both `input` and `output`",
        ),
        (API, asked(2, usage=Usage()), "unknown: no answer came with token counts"),
        (API, [], "unknown: no request was sent"),
    ],
)
def test_an_unknown_cost_is_none_and_says_why(price, samples, why):
    (found,) = costs({"t": price}, samples, traffic=1.0)
    assert (found.per_1k_requests, found.per_1m_tokens, found.per_month) == (None, None, None)
    assert found.note.startswith(why)


def test_the_price_that_was_used_stands_in_the_cost():
    entry = PriceEntry(model="model-t", price=API, since="2026-01-01", source="vendor")
    (found,) = costs({"t": None}, asked(1), book=PriceBook(file="prices.yaml", entries=(entry,)))
    (used,) = found.prices
    assert (used.model, used.price, used.origin, used.source) == ("model-t", API, "prices.yaml", "vendor")
    assert (used.since, used.until, used.day) == ("2026-01-01", None, DAY)


def test_a_router_is_priced_by_who_answered():
    entries = [
        PriceEntry(model=name, price=Price(input=Decimal(usd), output=Decimal(usd)))
        for name, usd in (("small", 1), ("large", 10))
    ]
    book = PriceBook(entries=tuple(entries))
    samples = [*asked(3, model="small"), *asked(1, model="large")]
    (found,) = costs({"t": Price(answering=True)}, samples, book=book)
    # 110 tokens each: 3 at 1 and 1 at 10 USD per million, over 4 requests.
    assert found.per_1k_requests == pytest.approx(1000 * (3 * 110 + 1100) / 4 / 1e6)
    assert "priced by the models that answered: small (3), large (1)" in found.note
    assert [used.model for used in found.prices] == ["model-t", "small", "large"]
    assert found.prices[1].origin == "the price book"


def test_an_answering_model_without_a_price_makes_the_cost_unknown_by_name():
    price = Price(answering=True, models={"small": Rates(input=Decimal(1), output=Decimal(1))})
    (found,) = costs({"t": price}, [*asked(3, model="small"), *asked(2, model="small-2"), *asked(1)])
    assert found.per_1k_requests is None
    assert found.note == (
        "unknown: the price book has no price for models that answered: `small-2` (2), `no name` (1)"
    )


def test_batch_prices_are_told():
    price = Price(
        input=Decimal(2), output=Decimal(20), batch=BatchPrice(discount=Decimal("0.5")), as_batch=True
    )
    (found,) = costs({"t": price}, asked(1))
    assert found.per_1k_requests == 0.2
    assert "at batch prices, for answers that may wait" in found.note


def test_a_full_server_is_the_least_that_hosting_can_cost():
    (found,) = costs({"t": GPU}, benchmarks=[LOAD], stages=[stage(2.0, (0.95, 1.0), 100.0)], slo=SLO)
    # 3.60 USD an hour, 7,200 requests of 50 tokens an hour.
    assert found.basis == "hardware"
    assert found.per_1k_requests == pytest.approx(0.5)
    assert found.per_1m_tokens == pytest.approx(10.0)
    assert (found.capacity, found.replicas, found.per_month) == (2.0, None, None)
    assert found.note.startswith("at full load, the least it can cost: $3.60 per hour of a server; capacity:")


def test_servers_for_a_traffic_are_whole_and_their_month_is_paid():
    (found,) = costs(
        {"t": GPU},
        benchmarks=[LOAD],
        stages=[stage(2.0, (0.95, 1.0)), stage(3.0, (0.1, 0.2))],
        slo=SLO,
        traffic=5.0,
        quality="quiz.accuracy",
        metrics={"quiz.accuracy": share(0.5)},
    )
    assert (found.replicas, found.capacity_below) == (3, 3.0)
    assert found.per_1k_requests == pytest.approx(0.6)
    assert found.per_month == pytest.approx(3.6 * 3 * 720)
    assert found.per_month == pytest.approx((found.per_1k_requests or 0) / 1000 * 5 * MONTH)
    assert found.per_1k_successes == pytest.approx(1.2)
    assert found.per_1m_tokens is None
    assert "5 requests/s on 3 servers at $3.60 per hour, 83% used" in found.note


def test_one_server_is_told_in_the_singular():
    (found,) = costs({"t": GPU}, benchmarks=[LOAD], stages=[stage(2.0, (0.95, 1.0))], slo=SLO, traffic=1.0)
    assert "1 requests/s on 1 server at" in found.note


def test_a_rate_that_was_not_shown_to_meet_the_targets_is_no_capacity():
    (found,) = costs({"t": GPU}, benchmarks=[LOAD], stages=[stage(2.0, (0.8, 1.0))], slo=SLO, traffic=1.0)
    assert (found.capacity, found.replicas, found.per_1k_requests) == (None, None, None)
    assert "no stage was shown to meet the latency targets for 90% of requests" in found.note


def test_the_targets_of_a_benchmark_win_over_those_of_the_rule():
    strict = benchmark(name="load", measured=True, slo=SloSpec(ttft=0.1, attainment=0.99))
    (found,) = costs({"t": GPU}, benchmarks=[strict], stages=[stage(2.0, (0.95, 1.0))], slo=SLO)
    assert found.capacity is None


def test_a_quality_benchmark_takes_the_throughput_of_a_load():
    quiz, load = costs(
        {"t": GPU},
        benchmarks=[QUIZ, LOAD],
        stages=[stage(2.0, (0.95, 1.0))],
        metrics={"quiz.accuracy": share(0.5)},
    )
    assert (quiz.benchmark, quiz.per_1k_requests, quiz.per_1k_successes) == ("quiz", 0.5, 1.0)
    assert "throughput of load, whose requests may be longer or shorter" in quiz.note
    assert "throughput of load" not in load.note


@pytest.mark.parametrize(
    ("benchmarks", "why"),
    [
        ([QUIZ], "no benchmark with `measured: true` asked it"),
        ([QUIZ, LOAD], "no stage was shown to meet"),
    ],
)
def test_without_a_throughput_hosting_has_no_price(benchmarks, why):
    found = costs({"t": GPU}, benchmarks=benchmarks, stages=[stage(2.0, (0.1, 1.0))], slo=SLO)[0]
    assert found.per_1k_requests is None
    assert why in found.note


def test_token_prices_of_a_hosted_target_are_told_to_be_unused():
    both = Price(gpu_hour=Decimal(1), input=Decimal(1), output=Decimal(1))
    (found,) = costs({"t": both}, benchmarks=[LOAD], stages=[stage(2.0, (0.95, 1.0))])
    assert "token prices of a hosted target are not used" in found.note


def test_hosting_breaks_even_against_each_target_by_the_token():
    api = Price(input=Decimal(5), output=Decimal(50))  # 0.001 USD a request
    found = costs(
        {"t": GPU, "api": api, "free": None},
        asked(3),
        benchmarks=[LOAD],
        stages=[stage(1.25, (0.95, 1.0))],
    )
    (even,) = found[0].break_even
    assert (even.against, even.from_rate, even.always_from) == ("api", 1.0, 4.0)
    assert found[1].break_even == []


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        ({"request_rate_low": 1.125, "request_rate_high": 2.0}, (1.0, 8.0, False)),
        ({"request_rate_low": 0.0, "request_rate_high": 2.0}, (None, None, False)),
        ({}, (None, None, False)),
    ],
)
def test_a_break_even_has_the_interval_of_the_throughput(ends, expected):
    api = Price(input=Decimal(5), output=Decimal(50))  # 0.001 USD a request
    stages = [stage(1.25, (0.95, 1.0), **ends)]
    own = costs({"t": GPU, "api": api}, asked(3), benchmarks=[LOAD], stages=stages)[0]
    (even,) = own.break_even
    assert (even.always_from_low, even.always_from_high, even.may_never) == expected
    assert own.capacity_low == ends.get("request_rate_low")


def test_a_benchmark_that_did_not_ask_a_target_has_no_cost_of_it():
    some = benchmark(name="load", measured=True, models=["t"])
    found = costs({"t": API, "u": API}, asked(1), benchmarks=[QUIZ, some])
    assert [(one.benchmark, one.target) for one in found] == [("quiz", "t"), ("quiz", "u"), ("load", "t")]


def test_a_target_that_no_model_of_the_spec_names_keeps_its_price():
    target = Target(name="old", provider="openai_chat", model="m", price=API)
    spending = Spending(API)
    for one in asked(2):
        spending.add(one)
    inputs = CostInputs(
        spec=Spec(models=[], benchmarks=[QUIZ]),
        targets=[target],
        results=[],
        stages=[],
        spent={("quiz", "old"): spending},
    )
    assert target_costs(inputs)[0].per_1k_requests == 0.2


def test_without_samples_nothing_was_spent():
    assert spendings({}, {}, [], []) == {}
