"""Prices: what a target costs, and the book that holds the prices of many models."""

from datetime import date
from decimal import Decimal

import msgspec

from bakeoff.records.units import Count


class PriceTier(msgspec.Struct, frozen=True, kw_only=True):
    """Prices of requests with long prompts; a class without a price here keeps the one of short prompts.

    Attributes:
        above: the whole request is charged at these prices where its prompt has more tokens than this.
        input: USD per 1M prompt tokens.
        output: USD per 1M answer tokens.
        cached_input: USD per 1M prompt tokens that the server had cached.
        cache_write: USD per 1M prompt tokens that the server put into its cache.
        reasoning: USD per 1M reasoning tokens.
    """

    above: Count
    input: Decimal | None = None
    output: Decimal | None = None
    cached_input: Decimal | None = None
    cache_write: Decimal | None = None
    reasoning: Decimal | None = None


class BatchPrice(msgspec.Struct, frozen=True, kw_only=True):
    """What answers cost that may come hours later: a discount, or prices of its own.

    Attributes:
        discount: share by which every token price is lower: 0.5 is half price.
        input: USD per 1M prompt tokens, in place of the discounted price; so are the other classes.
        output: USD per 1M answer tokens.
        cached_input: USD per 1M prompt tokens that the server had cached.
        cache_write: USD per 1M prompt tokens that the server put into its cache.
        reasoning: USD per 1M reasoning tokens.
    """

    discount: Decimal = Decimal(0)
    input: Decimal | None = None
    output: Decimal | None = None
    cached_input: Decimal | None = None
    cache_write: Decimal | None = None
    reasoning: Decimal | None = None

    def __post_init__(self) -> None:
        """Refuse a discount that is no share."""
        if not 0 <= self.discount <= 1:
            raise ValueError(f"`discount: {self.discount}` is no share; write half price as 0.5")


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """USD per 1M tokens of each class; a class without its own price is charged as its parent.

    `cached_input` and `cache_write` fall back to `input`, `reasoning` to `output`.

    Attributes:
        input: USD per 1M prompt tokens.
        output: USD per 1M answer tokens.
        cached_input: USD per 1M prompt tokens that the server had cached.
        cache_write: USD per 1M prompt tokens that the server put into its cache.
        reasoning: USD per 1M reasoning tokens.
        request: USD per request, whatever its length.
        tiers: other prices for long prompts.
    """

    input: Decimal | None = None
    output: Decimal | None = None
    cached_input: Decimal | None = None
    cache_write: Decimal | None = None
    reasoning: Decimal | None = None
    request: Decimal | None = None
    tiers: tuple[PriceTier, ...] = ()

    def __post_init__(self) -> None:
        """Refuse two tiers that begin at one length."""
        starts = [tier.above for tier in self.tiers]
        if len(set(starts)) < len(starts):
            raise ValueError("two `tiers` begin `above` the same number of tokens")


class Price(Rates, frozen=True, kw_only=True):
    """USD per 1M tokens of each class; a class without its own price is charged as its parent.

    `cached_input` and `cache_write` fall back to `input`, `reasoning` to `output`.

    Attributes:
        input: USD per 1M prompt tokens.
        output: USD per 1M answer tokens.
        cached_input: USD per 1M prompt tokens that the server had cached.
        cache_write: USD per 1M prompt tokens that the server put into its cache.
        reasoning: USD per 1M reasoning tokens.
        request: USD per request, whatever its length.
        tiers: other prices for long prompts.
        gpu_hour: USD per hour of all the hardware of one server of a self-hosted target.
        batch: the price of answers that may wait; no cost uses it unless `as_batch` says so.
        as_batch: charge the prices of `batch`, to see what waiting would save.
        answering: a router: charge each answer at the price book's price of the model that gave it, and the
            prices beside this on top, as the router's own.
        models: prices by the name of the model that answered, before the price book's.
    """

    gpu_hour: Decimal | None = None
    batch: BatchPrice | None = None
    as_batch: bool = False
    answering: bool = False
    models: dict[str, Rates] = {}


class PriceEntry(msgspec.Struct, frozen=True, kw_only=True):
    """The price of one model over some time.

    Attributes:
        model: the name that is sent in the request, or stands in the answer; compared letter by letter.
        aliases: further names of the same model.
        since: the first day of the price, as YEAR-MONTH-DAY.
        until: its last day.
        source: where the price was read.
        price: the prices.
    """

    model: str
    aliases: tuple[str, ...] = ()
    since: str | None = None
    until: str | None = None
    source: str = ""
    price: Price

    def __post_init__(self) -> None:
        """Refuse what is no day of the calendar."""
        days = [_day(name, text) for name, text in (("since", self.since), ("until", self.until)) if text]
        if len(days) > 1 and days[0] > days[1]:
            raise ValueError(f"`until: {self.until}` is before `since: {self.since}`")

    @property
    def names(self) -> tuple[str, ...]:
        """Return every name that this entry prices."""
        return (self.model, *self.aliases)

    def holds_on(self, day: str) -> bool:
        """Tell whether the price held on a day, given as YEAR-MONTH-DAY."""
        return (self.since or "") <= day and (self.until is None or day <= self.until)


class PriceBook(msgspec.Struct, frozen=True, kw_only=True):
    """Prices of models by name.

    Attributes:
        file: the file that they were read from.
        source: where the prices were read, for entries that do not say.
        entries: the prices.
    """

    file: str = ""
    source: str = ""
    entries: tuple[PriceEntry, ...] = ()


def _day(name: str, text: str) -> date:
    try:
        if len(text) != len("2026-01-31"):
            raise ValueError  # noqa: TRY301  the other spellings of ISO 8601 do not sort as texts
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"`{name}: {text}` is no day; write it as 2026-01-31") from None
