"""What samples cost at given token prices: the one formula, for metrics, scorers and totals alike.

It knows records of prices and of samples, no spec and no price book.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal

import msgspec

from bakeoff.records import BatchPrice, Price, PriceTier, Rates, Sample, Usage

CLASSES = ("input", "cached_input", "cache_write", "output", "reasoning")
"""The classes of tokens that have prices, each token in exactly one of them."""

_PER = 1_000_000
_FREE = Decimal(0)
_NOTHING = Usage()


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """The tokens of a sample, or of many, by the class that prices them; no token is in two classes."""

    input: int = 0
    cached_input: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0


def tokens_of(usage: Usage) -> Tokens | None:
    """Split what a server counted into classes.

    A class that the server does not report is none of its own. None where the prompt or the answer was not
    counted, and where the parts are more than the whole, because then nobody knows which count is right.
    """
    if usage.prompt is None or usage.completion is None:
        return None
    cached, written, thought = usage.cached or 0, usage.cache_write or 0, usage.reasoning or 0
    if cached + written > usage.prompt or thought > usage.completion:
        return None
    return Tokens(
        input=usage.prompt - cached - written,
        cached_input=cached,
        cache_write=written,
        output=usage.completion - thought,
        reasoning=thought,
    )


def tier_of(rates: Rates, prompt: int) -> PriceTier | None:
    """Return the tier that a prompt of so many tokens falls into; None below the first."""
    reached = [tier for tier in rates.tiers if prompt > tier.above]
    return max(reached, key=lambda tier: tier.above, default=None)


def token_prices(
    rates: Rates, tier: PriceTier | None = None, *, missing: Decimal | None = None
) -> dict[str, Decimal] | None:
    """Return USD per 1M tokens of every class; None where the input or the output has no price.

    Args:
        rates: of short prompts.
        tier: of this prompt's length.
        missing: what is charged where input or output has no price.
    """
    if tier is not None:
        own = {name: value for name in CLASSES if (value := getattr(tier, name)) is not None}
        rates = msgspec.structs.replace(rates, **own)
    prompt = missing if rates.input is None else rates.input
    answer = missing if rates.output is None else rates.output
    if prompt is None or answer is None:
        return None
    return {
        "input": prompt,
        "cached_input": prompt if rates.cached_input is None else rates.cached_input,
        "cache_write": prompt if rates.cache_write is None else rates.cache_write,
        "output": answer,
        "reasoning": answer if rates.reasoning is None else rates.reasoning,
    }


def amount(tokens: Tokens, prices: Mapping[str, Decimal]) -> Decimal:
    """Return the exact USD of tokens."""
    total = tokens.input * prices["input"] + tokens.output * prices["output"]
    # Most answers have none of the others, and a million samples may come through here.
    if tokens.cached_input:
        total += tokens.cached_input * prices["cached_input"]
    if tokens.cache_write:
        total += tokens.cache_write * prices["cache_write"]
    if tokens.reasoning:
        total += tokens.reasoning * prices["reasoning"]
    return total / _PER


def usd(sample: Sample, price: Price | None) -> Decimal | None:
    """Return the exact cost of a sample, for sums; None where it is unknown."""
    if price is None or (not sample.ok and sample.usage == _NOTHING):
        return None
    if not price.answering:
        return _at(sample.usage, price)
    rates = price.models.get(sample.model or "")
    answer = None if rates is None else _at(sample.usage, rates)
    # What a router does not charge for is free on top of the answer.
    extra = _at(sample.usage, price, missing=_FREE) if has_rates(price) else _FREE
    return None if answer is None or extra is None else answer + extra


def has_rates(rates: Rates) -> bool:
    """Tell whether anything is charged by the token or by the request."""
    return rates.request is not None or any(getattr(rates, name) is not None for name in CLASSES)


def is_complete(rates: Rates) -> bool:
    """Tell whether every request of known length can be charged."""
    if rates.input is None and rates.output is None:
        return rates.request is not None
    return rates.input is not None and rates.output is not None


def _at(usage: Usage, rates: Rates, *, missing: Decimal | None = None) -> Decimal | None:
    if rates.input is None and rates.output is None:
        return rates.request
    tokens = tokens_of(usage)
    tier = tier_of(rates, usage.prompt or 0) if rates.tiers else None
    prices = token_prices(rates, tier, missing=missing)
    if tokens is None or prices is None:
        return None
    return amount(tokens, prices) + (rates.request or 0)


def over(base: Price, top: Price) -> Price:
    """Return `base` with every class that `top` gives charged at `top`'s price.

    Tiers of `base` give way as well: a class of `top` holds at every length, unless `top` has tiers itself.
    """
    given = {name for name in CLASSES if getattr(top, name) is not None}
    tiers = top.tiers or tuple(
        msgspec.structs.replace(tier, **dict.fromkeys(given, None)) for tier in base.tiers
    )
    own = {
        name: value
        for name in (*CLASSES, "request", "gpu_hour", "batch")
        if (value := getattr(top, name)) is not None
    }
    return msgspec.structs.replace(
        base,
        **own,
        tiers=tiers,
        as_batch=top.as_batch or base.as_batch,
        answering=top.answering or base.answering,
        models={**base.models, **top.models},
    )


def batched(price: Price) -> Price | None:
    """Return what answers that may wait cost; None where there is no such price."""
    batch = price.batch
    if batch is None:
        return None
    classes = {name: _waiting(getattr(price, name), name, batch) for name in CLASSES}
    # A batch price of its own holds at every length.
    tiers = tuple(
        msgspec.structs.replace(
            tier,
            **{
                name: _discounted(getattr(tier, name), batch) if _own(batch, name) is None else None
                for name in CLASSES
            },
        )
        for tier in price.tiers
    )
    return msgspec.structs.replace(price, **classes, tiers=tiers)


def _own(batch: BatchPrice, name: str) -> Decimal | None:
    found: Decimal | None = getattr(batch, name)
    return found


def _waiting(price: Decimal | None, name: str, batch: BatchPrice) -> Decimal | None:
    own = _own(batch, name)
    return _discounted(price, batch) if own is None else own


def _discounted(price: Decimal | None, batch: BatchPrice) -> Decimal | None:
    return None if price is None else price * (1 - batch.discount)


class Spending:
    """Add up what the samples of one target cost, exactly, whatever their number.

    Attributes:
        requests: samples that were sent.
        priced: those of them whose cost is known.
        failed: those without an answer and without token counts, which cost what nobody knows.
        retries: earlier tries, of which no server told the tokens; a kept connection that was closed is none.
        output: tokens of the answers whose cost is known.
        unpriced: answers of a router by the name of the model, where that model has no price.
        models: answers of a router by the name of the model, where it has one.
    """

    def __init__(self, price: Price | None) -> None:
        self._price = price
        self.requests = self.priced = self.failed = self.retries = self.output = 0
        self.unpriced: dict[str, int] = {}
        self.models: dict[str, int] = {}
        self._total = _FREE

    def add(self, sample: Sample) -> None:
        """Take one sample."""
        self.requests += 1
        self.retries += sum(attempt.kind != "reconnect" for attempt in sample.attempts)
        silent = not sample.ok and sample.usage == _NOTHING
        self.failed += silent
        if self._price is None or silent:
            return
        if self._price.answering:
            name = sample.model or ""
            counted = self.models if name in self._price.models else self.unpriced
            counted[name] = counted.get(name, 0) + 1
        cost = usd(sample, self._price)
        if cost is not None:
            self.priced += 1
            self.output += sample.usage.completion or 0
            self._total += cost

    @property
    def total(self) -> Decimal | None:
        """Return the USD of the samples whose cost is known; None where there is none."""
        return self._total if self.priced else None


def negatives(price: Price) -> Iterator[str]:
    """Yield the keys of every price below zero."""
    yield from _below_zero(price, "", (*CLASSES, "request", "gpu_hour"))
    for at, tier in enumerate(price.tiers):
        yield from _below_zero(tier, f"tiers[{at}].", CLASSES)
    if price.batch is not None:
        yield from _below_zero(price.batch, "batch.", CLASSES)
    for name, rates in price.models.items():
        yield from _below_zero(rates, f"models.{name}.", (*CLASSES, "request"))
        for at, tier in enumerate(rates.tiers):
            yield from _below_zero(tier, f"models.{name}.tiers[{at}].", CLASSES)


def _below_zero(holder: msgspec.Struct, path: str, names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        value: Decimal | None = getattr(holder, name)
        if value is not None and value < 0:
            yield f"{path}{name}"
