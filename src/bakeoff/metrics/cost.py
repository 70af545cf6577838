"""What one sample cost at the target's token prices."""

from decimal import Decimal

import msgspec

from bakeoff.records import Price, Sample, Target, Usage

_PER = 1_000_000


class Cost(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """(uncached · input + cached · cached_input + plain · output + reasoning · reasoning) / 1M + request.

    Uncached is prompt - cached, plain is completion - reasoning; a class without its own price is
    charged as its parent. A class that the server does not report is none of its own: without a
    `cached` count all of the prompt is charged at `input`. None, never 0, where a price or a count that
    the sum needs is unknown, and for hardware by the hour, which no single sample can tell.
    Failed samples count where the server reported their tokens; tokens of earlier attempts are unknown.
    """

    name: str = "cost"
    unit: str = "USD"

    def measure(self, sample: Sample, target: Target) -> float | None:
        """Return USD, or None where they are unknown."""
        exact = usd(sample, target.price)
        return None if exact is None else float(exact)


def usd(sample: Sample, price: Price | None) -> Decimal | None:
    """Return the exact cost of a sample, for sums; None where it is unknown."""
    if price is None or (not sample.ok and sample.usage == Usage()):
        return None
    if price.input is None and price.output is None:
        return price.request
    prompt, completion = _prompt(sample.usage, price), _completion(sample.usage, price)
    if prompt is None or completion is None:
        return None
    return (prompt + completion) / _PER + (price.request or 0)


def _prompt(usage: Usage, price: Price) -> Decimal | None:
    if usage.prompt is None or price.input is None:
        return None
    cached = usage.cached or 0
    cached_price = price.input if price.cached_input is None else price.cached_input
    return (usage.prompt - cached) * price.input + cached * cached_price


def _completion(usage: Usage, price: Price) -> Decimal | None:
    if usage.completion is None or price.output is None:
        return None
    reasoning = usage.reasoning or 0
    reasoning_price = price.output if price.reasoning is None else price.reasoning
    return (usage.completion - reasoning) * price.output + reasoning * reasoning_price
