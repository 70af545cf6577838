"""What a sample cost at given token prices: the one formula, for metrics and scorers alike."""

from decimal import Decimal

from bakeoff.records import Price, Sample, Usage

_PER = 1_000_000


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
