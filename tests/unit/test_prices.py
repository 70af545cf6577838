"""Every token is charged once, at the price of its class, and sums are exact."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.prices import (
    CLASSES,
    Spending,
    Tokens,
    amount,
    batched,
    is_complete,
    negatives,
    over,
    tokens_of,
    usd,
)
from bakeoff.records import Attempt, BatchPrice, Price, PriceTier, Rates, Sample, Usage

MILLION = 1_000_000
money = st.decimals(min_value=0, max_value=1000, places=4)
counts = st.integers(min_value=0, max_value=500_000)


def sample(outcome: str = "ok", model: str | None = None, tries: int = 0, **usage: Any) -> Sample:
    return Sample(
        benchmark="b",
        case="c",
        target="t",
        outcome=outcome,
        model=model,
        usage=Usage(**usage),
        attempts=[Attempt(kind="http")] * tries,
    )


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    plain, cached, written, said, thought = (draw(counts) for _ in range(5))
    return Usage(
        prompt=plain + cached + written,
        completion=said + thought,
        cached=cached or None,
        cache_write=written or None,
        reasoning=thought or None,
    )


@st.composite
def prices(draw: st.DrawFn) -> Price:
    optional = st.none() | money
    return Price(
        input=draw(money),
        output=draw(money),
        cached_input=draw(optional),
        cache_write=draw(optional),
        reasoning=draw(optional),
        request=draw(optional),
        tiers=tuple(
            PriceTier(above=start, input=draw(optional), output=draw(optional), reasoning=draw(optional))
            for start in draw(st.lists(st.integers(1, 1_000_000), max_size=3, unique=True))
        ),
    )


@given(usages())
def test_the_classes_of_a_usage_add_up_to_what_was_counted(usage):
    tokens = tokens_of(usage)
    assert tokens is not None
    assert tokens.input + tokens.cached_input + tokens.cache_write == usage.prompt
    assert tokens.output + tokens.reasoning == usage.completion


@given(usages(), money)
def test_with_one_price_for_all_no_token_is_charged_twice(usage, price):
    cost = usd(sample(**msgspec.structs.asdict(usage)), Price(input=price, output=price))
    assert cost == (usage.prompt + usage.completion) * price / MILLION


@given(st.lists(usages(), min_size=1, max_size=8), prices())
def test_a_total_is_exactly_the_sum_of_its_samples(found, price):
    samples = [sample(**msgspec.structs.asdict(usage)) for usage in found]
    spending = Spending(price)
    for each in samples:
        spending.add(each)
    costs = [usd(each, price) for each in samples]
    assert spending.total == sum(cost for cost in costs if cost is not None)
    assert spending.priced == len(samples)


@given(usages(), prices(), st.sampled_from(CLASSES), money)
def test_a_price_of_one_class_changes_the_cost_by_its_own_tokens_alone(usage, price, name, extra):
    price = msgspec.structs.replace(price, tiers=())
    full = msgspec.structs.replace(price, **{n: getattr(price, n) or Decimal(0) for n in CLASSES})
    dearer = msgspec.structs.replace(full, **{name: getattr(full, name) + extra})
    tokens = tokens_of(usage)
    each = sample(**msgspec.structs.asdict(usage))
    before, after = usd(each, full), usd(each, dearer)
    assert before is not None
    assert after is not None
    assert after - before == getattr(tokens, name) * extra / MILLION


def test_tokens_that_were_put_into_a_cache_have_their_own_price():
    price = Price(
        input=Decimal(3), output=Decimal(15), cached_input=Decimal("0.3"), cache_write=Decimal("3.75")
    )
    cost = usd(sample(prompt=10_000, cached=6_000, cache_write=3_000, completion=100), price)
    # 1,000 at 3 + 6,000 at 0.30 + 3,000 at 3.75 + 100 at 15, by the million
    assert cost == Decimal("0.003") + Decimal("0.0018") + Decimal("0.01125") + Decimal("0.0015")


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt": 10, "cached": 11, "completion": 1},
        {"prompt": 10, "cached": 6, "cache_write": 5, "completion": 1},
        {"prompt": 10, "completion": 1, "reasoning": 2},
    ],
)
def test_parts_that_are_more_than_the_whole_are_an_unknown_cost(usage):
    assert usd(sample(**usage), Price(input=Decimal(1), output=Decimal(1))) is None


def test_a_long_prompt_is_charged_at_its_tier_as_a_whole():
    tier = PriceTier(above=200_000, input=Decimal("2.50"), output=Decimal(15))
    price = Price(input=Decimal("1.25"), output=Decimal(10), tiers=(tier,))
    short, long = (usd(sample(prompt=n, completion=1_000), price) for n in (200_000, 200_001))
    assert short == Decimal("0.25") + Decimal("0.01")
    assert long == Decimal("0.5000025") + Decimal("0.015")


def test_the_highest_tier_that_a_prompt_reaches_counts_in_any_order():
    tiers = (PriceTier(above=30, input=Decimal(9)), PriceTier(above=10, input=Decimal(5)))
    price = Price(input=Decimal(1), output=Decimal(0), tiers=tiers)
    found = [usd(sample(prompt=n, completion=0), price) for n in (10, 20, 40)]
    assert found == [Decimal(10) / MILLION, Decimal(100) / MILLION, Decimal(360) / MILLION]


def test_a_tier_without_a_price_for_the_cache_keeps_the_one_of_short_prompts():
    price = Price(
        input=Decimal(2),
        cached_input=Decimal(1),
        output=Decimal(0),
        tiers=(PriceTier(above=1, input=Decimal(4)),),
    )
    assert usd(sample(prompt=10, cached=10, completion=0), price) == Decimal(10) / MILLION


def test_a_router_is_charged_by_the_model_that_answered_with_its_own_price_on_top():
    small, large = (Rates(input=Decimal(n), output=Decimal(n)) for n in (1, 10))
    price = Price(input=Decimal("0.5"), answering=True, models={"small": small, "large": large})
    cheap, dear = (usd(sample(model=name, prompt=100, completion=10), price) for name in ("small", "large"))
    assert cheap == Decimal(110 + 50) / MILLION
    assert dear == Decimal(1100 + 50) / MILLION


@pytest.mark.parametrize("model", ["small-mini", "Small", "smal", None])
def test_a_model_that_is_merely_called_alike_has_no_price(model):
    price = Price(answering=True, models={"small": Rates(input=Decimal(1), output=Decimal(1))})
    assert usd(sample(model=model, prompt=1, completion=1), price) is None
    spending = Spending(price)
    spending.add(sample(model=model, prompt=1, completion=1))
    assert (spending.total, spending.unpriced) == (None, {model or "": 1})


def test_what_nobody_counted_is_told_and_not_summed():
    spending = Spending(Price(input=Decimal(1), output=Decimal(2)))
    spending.add(sample(prompt=10, completion=5, tries=2))
    spending.add(sample("timeout", tries=1))
    spending.add(sample("error", prompt=10, completion=0))
    spending.add(sample())
    assert spending.total == Decimal(30) / MILLION
    assert (spending.requests, spending.priced, spending.failed, spending.retries) == (4, 2, 1, 3)
    assert spending.output == 5


def test_without_a_price_nothing_is_spent_that_is_known():
    spending = Spending(None)
    spending.add(sample(prompt=1, completion=1))
    assert (spending.total, spending.requests) == (None, 1)


def test_a_price_goes_over_another_class_by_class_and_at_every_length():
    base = Price(
        input=Decimal(1),
        output=Decimal(2),
        tiers=(PriceTier(above=100, input=Decimal(3), output=Decimal(4)),),
        models={"x": Rates(request=Decimal(1))},
    )
    made = over(base, Price(input=Decimal(9), gpu_hour=Decimal(2), models={"y": Rates(request=Decimal(2))}))
    assert (made.input, made.output, made.gpu_hour) == (Decimal(9), Decimal(2), Decimal(2))
    assert made.tiers == (PriceTier(above=100, output=Decimal(4)),)
    assert set(made.models) == {"x", "y"}


def test_a_batch_is_the_discount_unless_a_class_has_its_own_price():
    price = Price(
        input=Decimal(2),
        output=Decimal(8),
        request=Decimal("0.1"),
        tiers=(PriceTier(above=5, input=Decimal(4), output=Decimal(10)),),
        batch=BatchPrice(discount=Decimal("0.5"), output=Decimal(3)),
    )
    made = batched(price)
    assert made is not None
    assert (made.input, made.output, made.cached_input, made.request) == (
        Decimal(1), Decimal(3), None, Decimal("0.1")
    )  # fmt: skip
    assert batched(Price(input=Decimal(1), output=Decimal(1))) is None


def test_a_batch_price_of_its_own_holds_at_every_length():
    price = Price(
        input=Decimal(2),
        output=Decimal(8),
        tiers=(PriceTier(above=5, input=Decimal(4), output=Decimal(10)),),
        batch=BatchPrice(discount=Decimal("0.5"), output=Decimal(3)),
    )
    made = batched(price)
    assert made is not None
    assert usd(sample(prompt=10, completion=1), made) == (10 * Decimal(2) + Decimal(3)) / MILLION


@pytest.mark.parametrize(
    ("price", "complete"),
    [
        (Price(), False),
        (Price(input=Decimal(1)), False),
        (Price(output=Decimal(1), request=Decimal(1)), False),
        (Price(input=Decimal(0), output=Decimal(0)), True),
        (Price(request=Decimal(1)), True),
    ],
)
def test_a_price_is_complete_when_every_request_can_be_charged(price, complete):
    assert is_complete(price) == complete


def test_every_price_below_zero_is_found():
    low = Decimal(-1)
    price = Price(
        input=low,
        gpu_hour=low,
        tiers=(PriceTier(above=1, output=low),),
        batch=BatchPrice(reasoning=low),
        models={"m": Rates(request=low, tiers=(PriceTier(above=1, cache_write=low),))},
    )
    assert list(negatives(price)) == [
        "input", "gpu_hour", "tiers[0].output", "batch.reasoning", "models.m.request",
        "models.m.tiers[0].cache_write",
    ]  # fmt: skip


def test_an_amount_is_exact():
    prices_of: dict[str, Decimal] = {name: Decimal("0.1") for name in CLASSES}
    assert amount(Tokens(input=1, reasoning=2), prices_of) == Decimal("0.0000003")


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: BatchPrice(discount=Decimal(50)), "write half price as 0.5"),
        (lambda: Price(tiers=(PriceTier(above=1), PriceTier(above=1))), "same number of tokens"),
    ],
)
def test_a_price_that_cannot_be_meant_is_refused(made, message):
    with pytest.raises(ValueError, match=message):
        made()


def test_a_kept_connection_that_was_closed_is_no_try():
    spending = Spending(Price(input=Decimal(1), output=Decimal(2)))
    closed = sample(prompt=10, completion=5)
    spending.add(msgspec.structs.replace(closed, attempts=[Attempt(kind="reconnect"), Attempt(kind="http")]))
    assert spending.retries == 1
