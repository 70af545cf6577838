from decimal import Decimal
from typing import Any

import msgspec
import pytest

from bakeoff.metrics.cost import Cost, usd
from bakeoff.records import Price, Usage
from bakeoff.testing.contracts.metrics import SAMPLE, TARGET, bare


def cost(price: Price | None, outcome: str = "ok", **usage: Any) -> Decimal | None:
    return usd(msgspec.structs.replace(SAMPLE, outcome=outcome, usage=Usage(**usage)), price)


def price(**usd_per_million: str) -> Price:
    return Price(**{name: Decimal(value) for name, value in usd_per_million.items()})


def test_classes_are_charged_apart_and_exactly():
    rates = price(input="2.50", output="10", cached_input="1.25", reasoning="12", request="0.001")
    total = cost(rates, prompt=1000, cached=400, completion=300, reasoning=100)
    assert total == Decimal("0.0015") + Decimal("0.0005") + Decimal("0.002") + Decimal("0.0012") + Decimal(
        "0.001"
    )


def test_a_class_without_its_own_price_or_count_is_charged_as_its_parent():
    rates = price(input="2", output="10")
    assert cost(rates, prompt=1000, cached=400, completion=100, reasoning=50) == Decimal("0.003")
    assert cost(price(input="2", output="10", cached_input="1"), prompt=1000, completion=100) == Decimal(
        "0.003"
    )


def test_sums_of_exact_costs_stay_exact():
    one = cost(price(input="0.1", output="0.2"), prompt=1, completion=1)
    assert one is not None
    assert sum([one] * 1000) == Decimal("0.0003")


@pytest.mark.parametrize(
    ("rates", "usage"),
    [
        (None, {"prompt": 1, "completion": 1}),
        (price(gpu_hour="2"), {"prompt": 1, "completion": 1}),
        (price(input="1"), {"prompt": 1, "completion": 1}),
        (price(output="1"), {"prompt": 1, "completion": 1}),
        (price(input="1", output="1"), {"prompt": 1}),
        (price(input="1", output="1"), {"completion": 1}),
        (price(input="1", output="1"), {}),
    ],
)
def test_an_unknown_price_or_count_is_an_unknown_cost(rates, usage):
    assert cost(rates, **usage) is None


def test_free_is_zero_and_known():
    assert cost(price(input="0", output="0"), prompt=5, completion=5) == 0
    free = msgspec.structs.replace(TARGET, price=price(input="0", output="0"))
    assert Cost().measure(SAMPLE, free) == 0.0


def test_a_price_by_request_alone_needs_no_tokens():
    assert cost(price(request="0.005")) == Decimal("0.005")


def test_failed_samples_cost_what_the_server_counted():
    rates = price(input="1", output="1")
    assert cost(rates, outcome="truncated", prompt=1, completion=1) == Decimal("0.000002")
    assert usd(bare("error"), price(request="0.005")) is None


def test_the_metric_is_the_exact_cost_as_a_number():
    target = msgspec.structs.replace(TARGET, price=price(input="0.15", output="0.6"))
    assert Cost().measure(SAMPLE, target) == 100 * 0.15e-6 + 31 * 0.6e-6
    assert Cost().measure(SAMPLE, TARGET) is None
