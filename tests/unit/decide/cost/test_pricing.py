"""Prices are found by exact name, on their days, and what is missing or out of date is said."""

from decimal import Decimal
from typing import Any

import pytest

from bakeoff.decide.cost.pricing import answer_prices, day_of, entry_of, price_of, with_prices
from bakeoff.records import (
    BatchPrice,
    Event,
    ModelSpec,
    Price,
    PriceBook,
    PriceEntry,
    PriceTier,
    Spec,
    Target,
)

TODAY = "2026-06-15"


def usd(value: str) -> Price:
    return Price(input=Decimal(value), output=Decimal(value))


def entry(model: str, value: str = "1", **fields: Any) -> PriceEntry:
    return PriceEntry(**({"model": model, "price": usd(value)} | fields))


def book(*entries: PriceEntry) -> PriceBook:
    return PriceBook(file="prices.yaml", source="price page", entries=entries)


def model(price: Price | None = None) -> ModelSpec:
    return ModelSpec(name="t", price=price)


BOOK = book(entry("gpt-5", "10", aliases=("gpt-5-2026-01-01",)), entry("gpt-5-nano", "0.1"))


@pytest.mark.parametrize(
    ("name", "value"),
    [("gpt-5", "10"), ("gpt-5-2026-01-01", "10"), ("gpt-5-nano", "0.1")],
)
def test_a_name_or_an_alias_finds_its_price(name, value):
    found = price_of(model(), name, BOOK, TODAY)
    assert found.price == usd(value)
    assert found.used is not None
    assert (found.used.model, found.used.origin, found.used.source) == (name, "prices.yaml", "price page")
    assert (found.used.day, found.problem) == (TODAY, "")


@pytest.mark.parametrize("name", ["gpt-5-mini", "gpt-5.4-mini", "gpt", "GPT-5", "gpt-5 ", ""])
def test_a_name_that_merely_begins_like_another_is_another_model(name):
    found = price_of(model(), name, BOOK, TODAY)
    assert found.used is None
    assert found.problem.startswith(f"`{name}` has no price in the spec and prices.yaml has none")


def test_without_a_price_of_its_own_name_a_target_is_charged_by_who_answers():
    found = price_of(model(), "model-router", BOOK, TODAY)
    assert found.price is not None
    assert found.price.answering
    assert set(found.price.models) == {"gpt-5", "gpt-5-2026-01-01", "gpt-5-nano"}


def test_without_a_book_there_is_no_price():
    found = price_of(model(), "m", PriceBook(), TODAY)
    assert (found.price, found.problem) == (None, "`m` has no price in the spec")


def test_the_spec_goes_over_the_book_class_by_class():
    found = price_of(model(Price(output=Decimal(7))), "gpt-5", BOOK, TODAY)
    assert found.price == Price(input=Decimal(10), output=Decimal(7))
    assert found.used is not None
    assert found.used.origin == "prices.yaml, and the spec"


def test_a_price_in_the_spec_needs_no_book():
    found = price_of(model(usd("3")), "unheard-of", BOOK, TODAY)
    assert (found.price, found.problem) == (usd("3"), "")


def test_a_hosted_target_takes_nothing_from_the_book():
    own = Price(gpu_hour=Decimal(2))
    found = price_of(model(own), "gpt-5", BOOK, TODAY)
    assert found.price == own
    assert found.used is not None
    assert found.used.origin == "the spec"


def test_half_a_price_is_told():
    found = price_of(model(Price(input=Decimal(1))), "m", PriceBook(), TODAY)
    assert (found.problem, found.hint) == ("`m` has no price for `output`", "give both `input` and `output`")
    assert "`input`" in price_of(model(Price(output=Decimal(1))), "m", PriceBook(), TODAY).problem
    both = price_of(model(Price(cached_input=Decimal(1))), "m", PriceBook(), TODAY)
    assert both.problem == "`m` has no price for `input` and `output`"


@pytest.mark.parametrize(
    ("day", "value"),
    [("2026-01-01", "1"), ("2026-05-31", "1"), ("2026-06-01", "2"), ("2030-01-01", "2")],
)
def test_the_price_of_the_day_counts(day, value):
    prices = book(
        entry("m", "1", since="2026-01-01", until="2026-05-31"), entry("m", "2", since="2026-06-01")
    )
    found = price_of(model(), "m", prices, day)
    assert found.price == usd(value)


def test_an_expired_price_is_none_and_says_what_to_do():
    prices = book(entry("m", until="2026-05-31"), entry("m", until="2025-05-31"))
    found = price_of(model(), "m", prices, TODAY)
    assert found.price is None
    assert found.problem == "the price of `m` in prices.yaml expired on 2026-05-31"
    assert "or a later `until` where it still holds" in found.hint
    early = price_of(model(), "m", book(entry("m", since="2027-01-01")), TODAY)
    assert early.problem.endswith("begins on 2027-01-01")
    assert "an earlier `since`" in early.hint


def test_without_a_day_the_latest_price_counts():
    prices = book(entry("m", "1", until="2026-05-31"), entry("m", "2", since="2026-06-01"))
    found = entry_of(prices, "m", None)
    assert found is not None
    assert found.price == usd("2")


def test_a_router_knows_the_prices_of_the_day_and_the_specs_own_first():
    prices = book(
        entry("a", "1", until="2026-01-01"),
        entry("b", "2"),
        entry("half", price=Price(input=Decimal(1))),
        entry("router", price=Price(input=Decimal("0.5"), answering=True)),
    )
    own = Price(models={"b": usd("9")})
    found = price_of(model(own), "router", prices, TODAY)
    assert found.price is not None
    assert found.price.answering
    assert found.price.input == Decimal("0.5")
    assert {name: rates.input for name, rates in found.price.models.items()} == {"b": Decimal(9)}
    assert found.used is not None
    assert found.used.price.models == {}


def test_the_prices_of_answers_say_where_they_come_from():
    prices = book(entry("a", "1", source="vendor", since="2026-01-01"))
    price = price_of(model(Price(answering=True, models={"x": usd("4")})), "router", prices, TODAY).price
    assert price is not None
    own, theirs = answer_prices(price, ["x", "a"], prices, TODAY)
    assert (own.model, own.origin, own.price.input) == ("x", "the spec", Decimal(4))
    assert (theirs.origin, theirs.source, theirs.since) == ("prices.yaml", "vendor", "2026-01-01")


def test_batch_prices_are_used_only_where_asked_for():
    price = Price(input=Decimal(2), output=Decimal(4), batch=BatchPrice(discount=Decimal("0.5")))
    prices = book(entry("m", price=price), entry("n", "1"))
    usual, waiting = (
        price_of(model(Price(as_batch=asked)), "m", prices, TODAY).price for asked in (False, True)
    )
    assert usual is not None
    assert waiting is not None
    assert (usual.input, waiting.input) == (Decimal(2), Decimal(1))
    without = price_of(model(Price(as_batch=True)), "n", prices, TODAY)
    assert without.price is None
    assert without.problem == "`n` has no batch price"


def test_a_router_in_batches_knows_only_models_with_a_batch_price():
    price = Price(input=Decimal(2), output=Decimal(4), batch=BatchPrice(discount=Decimal("0.5")))
    prices = book(entry("m", price=price), entry("n", "1"))
    found = price_of(model(Price(answering=True, as_batch=True)), "router", prices, TODAY).price
    assert found is not None
    assert {name: rates.input for name, rates in found.models.items()} == {"m": Decimal(1)}


def test_tiers_of_the_book_give_way_to_the_specs_price():
    price = Price(input=Decimal(1), output=Decimal(2), tiers=(PriceTier(above=10, input=Decimal(5)),))
    found = price_of(model(Price(input=Decimal(3))), "m", book(entry("m", price=price)), TODAY).price
    assert found is not None
    assert found.tiers == (PriceTier(above=10),)


def test_targets_get_the_prices_of_the_spec_as_it_is_now():
    targets = [
        Target(name=name, provider="openai_chat", model=sent, price=usd("99"), notes=("kept",))
        for name, sent in (("t", "gpt-5"), ("old", "m"), ("strange", "x"))
    ]
    prices = book(*BOOK.entries, entry("m", until="2026-01-01"))
    spec = Spec(models=[ModelSpec(name="t"), ModelSpec(name="old")], prices=prices)
    t, old, strange = with_prices(targets, spec, TODAY)
    assert (t.price, t.notes) == (usd("10"), ("kept",))
    assert old.price is None
    assert old.notes[0] == "kept"
    assert old.notes[1].startswith("the price of `m` in prices.yaml expired on 2026-01-01; add its price")
    assert strange.price == usd("99")
    assert with_prices([old], spec, TODAY)[0].notes == old.notes


def test_a_run_has_the_day_on_which_it_began():
    began = Event(kind="run_started", facts={"anchor": {"wall_ns": 1_781_500_000_000_000_000}})
    assert day_of([Event(kind="other"), began]) == TODAY
    assert day_of([Event(kind="run_started"), Event(kind="other")]) is None


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"since": "2026-13-01"}, "no day"),
        ({"until": "20260131"}, "write it as 2026-01-31"),
        ({"since": "2026-02-01", "until": "2026-01-31"}, "is before"),
    ],
)
def test_a_date_that_is_none_is_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        entry("m", **fields)
