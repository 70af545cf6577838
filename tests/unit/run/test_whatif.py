"""A spec as if prices, traffic or latency targets were others."""

from decimal import Decimal

import pytest

from bakeoff.errors import UsageError
from bakeoff.records import (
    BatchPrice,
    BenchmarkSpec,
    Choice,
    DecideSpec,
    ModelSpec,
    Price,
    PriceBook,
    PriceEntry,
    SloSpec,
    Spec,
)
from bakeoff.run.whatif import changed_spec

HALF = BatchPrice(discount=Decimal("0.5"))
SPEC = Spec(
    models=[
        ModelSpec(name="a", price=Price(input=Decimal(1), output=Decimal(2))),
        ModelSpec(name="v2.5", model="big"),
        ModelSpec(name="c", model="small", price=Price(input=Decimal(1), batch=HALF, as_batch=True)),
    ],
    benchmarks=[
        BenchmarkSpec(name="own", dataset=Choice(type="jsonl"), slo=SloSpec(ttft=1.0, attainment=0.9)),
        BenchmarkSpec(name="plain", dataset=Choice(type="jsonl")),
    ],
    decide=DecideSpec(slo=SloSpec(ttft=0.5, e2e=9.0), traffic=1.0),
    prices=PriceBook(
        entries=(
            PriceEntry(
                model="big", aliases=("big-1",), price=Price(input=Decimal(5), output=Decimal(6), batch=HALF)
            ),
        )
    ),
)


def changed(prices=None, traffic=None, slo=None, spec=SPEC):
    return changed_spec(spec, prices or {}, traffic, slo or {})


def test_nothing_assumed_changes_nothing():
    assert changed() == SPEC


def test_one_class_of_one_target_is_changed_and_all_else_stays():
    found = changed({"a": {"input": "2.5"}})
    assert found.models[0].price == Price(input=Decimal("2.5"), output=Decimal(2))
    assert found.models[1:] == SPEC.models[1:]
    assert SPEC.models[0].price == Price(input=Decimal(1), output=Decimal(2))


def test_a_target_without_a_price_gets_one():
    found = changed({"v2.5": {"gpu_hour": "1.80"}}).models[1].price
    assert found == Price(gpu_hour=Decimal("1.80"))


@pytest.mark.parametrize("name", ["big", "big-1"])
def test_a_name_of_the_price_book_changes_the_book(name):
    found = changed({name: {"output": "60"}})
    assert found.prices.entries[0].price.output == 60
    assert found.prices.entries[0].price.input == 5
    assert found.models == SPEC.models


def test_batch_prices_are_asked_for_by_name():
    assert changed({"v2.5": {"as_batch": "true"}}).models[1].price == Price(as_batch=True)
    found = changed({"a": {"batch": "0.25", "as_batch": "true"}}).models[0].price
    assert found is not None
    assert (found.batch, found.as_batch) == (BatchPrice(discount=Decimal("0.25")), True)
    back = changed({"c": {"as_batch": "false"}}).models[2].price
    assert back is not None
    assert not back.as_batch


def test_traffic_and_targets_are_changed_in_the_rule_and_where_a_benchmark_has_its_own():
    found = changed(traffic=5.0, slo={"ttft": "300ms", "attainment": "0.99", "at_rate": "60/min"})
    assert found.decide.traffic == 5.0
    assert found.decide.slo == SloSpec(ttft=0.3, e2e=9.0, attainment=0.99, at_rate=1.0)
    assert found.benchmarks[0].slo == SloSpec(ttft=0.3, attainment=0.99, at_rate=1.0)
    assert found.benchmarks[1].slo is None


def test_a_run_without_targets_may_get_some():
    bare = Spec(models=SPEC.models)
    assert changed(slo={"tpot": "50ms"}, spec=bare).decide.slo == SloSpec(tpot=0.05)
    with pytest.raises(UsageError, match="needs a time"):
        changed(slo={"attainment": "0.9"}, spec=bare)


@pytest.mark.parametrize(
    ("prices", "message", "hint"),
    [
        (
            {"b": {"input": "1"}},
            "--price: no target and no price in the book is named `b`",
            "targets: a, v2.5",
        ),
        ({"bi": {"input": "1"}}, "is named `bi`. Did you mean `big`?", ""),
        ({"a": {"inptu": "1"}}, "--price a.inptu: there is no such price. Did you mean `input`?", "known:"),
        ({"a": {"tiers": "1"}}, "--price a.tiers: there is no such price", "known: input, cached_input"),
        ({"a": {"input": "cheap"}}, "--price a.input: expected a decimal number", "without a currency sign"),
        ({"a": {"input": "-1"}}, "--price a.input: a price is not negative", ""),
        ({"a": {"batch": "50"}}, "--price a.batch: `discount: 50` is no share", ""),
        ({"a": {"as_batch": "yess"}}, "--price a.as_batch: expected `true` or `false`", ""),
        ({"a": {"as_batch": "true"}}, "`a` has no batch price", "--price a.batch=0.5"),
    ],
)
def test_a_wrong_price_is_refused_with_its_place(prices, message, hint):
    with pytest.raises(UsageError) as caught:
        changed(prices)
    assert message in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("slo", "message"),
    [
        ({"tttf": "1s"}, "--slo tttf: there is no such target. Did you mean `ttft`?"),
        ({"ttft": "fast"}, "--slo ttft: expected a duration"),
        ({"ttft": "0"}, "--slo ttft: must be more than 0"),
        ({"attainment": "95"}, "--slo attainment: must be at most 1"),
        ({"at_rate": "many"}, "--slo at_rate: expected a rate"),
    ],
)
def test_a_wrong_target_is_refused_with_its_place(slo, message):
    with pytest.raises(UsageError, match=r".") as caught:
        changed(slo=slo)
    assert message in caught.value.message


def test_no_traffic_is_no_assumption():
    with pytest.raises(UsageError, match=r"--traffic: 0 requests/s are none"):
        changed(traffic=0.0)
