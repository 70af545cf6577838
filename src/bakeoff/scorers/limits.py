"""An answer was quick enough, or cheap enough."""

from typing import Annotated, Literal

import msgspec

from bakeoff.prices import usd
from bakeoff.records import Case, Grade, Price, Sample
from bakeoff.scorers import _expected

_Limit = Annotated[float, msgspec.Meta(ge=0, le=1e12)]


class LatencyLimit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pass an answer that was whole after at most `threshold` milliseconds.

    A yes or no for each answer; how long answers take is in the metrics `e2e` and `service`. Never measure it
    on cached answers. promptfoo: `latency`, with `since: sent`.

    Attributes:
        threshold: milliseconds.
        since: `due` counts from when the plan meant to send, so that waiting for our own turn counts;
            `sent` from when it was sent.
        metric: the metric that it feeds.
    """

    threshold: _Limit
    since: Literal["due", "sent"] = "due"
    metric: str = "latency_limit"

    def grade(self, answer: str, case: Case, sample: Sample) -> Grade:  # noqa: ARG002  the sample is enough
        """Return pass or fail."""
        start = sample.scheduled_at if self.since == "due" else sample.sent_at
        if start is None or sample.done_at is None:
            return _expected.unknown("the sample has no times")
        took = (sample.done_at - start) / 1e6
        passed = took <= self.threshold
        verb = "within" if passed else "more than"
        reason = f"the answer took {took:.1f} ms, {verb} {self.threshold:g} ms"
        return _expected.judged(passed=passed, parsed=f"{took:.3f}", reason=reason)


class CostLimit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pass an answer that cost at most `threshold` USD.

    The price is named here, because a scorer knows no targets; an answer of a target without a price, or
    without token counts, has no grade. promptfoo: `cost`.

    Attributes:
        threshold: USD for one answer.
        price: of every target, in USD per 1M tokens, as in `models`.
        prices: by name of the target, before `price`.
        metric: the metric that it feeds.
    """

    threshold: _Limit
    price: Price | None = None
    prices: dict[str, Price] = {}
    metric: str = "cost_limit"

    def __post_init__(self) -> None:
        if self.price is None and not self.prices:
            raise ValueError("`cost` needs `price`, or `prices` by the name of the target")

    def grade(self, answer: str, case: Case, sample: Sample) -> Grade:  # noqa: ARG002  the sample is enough
        """Return pass or fail."""
        cost = usd(sample, self.prices.get(sample.target, self.price))
        if cost is None:
            return _expected.unknown("the price of the target, or the sample's token count, is unknown")
        passed = float(cost) <= self.threshold
        verb = "within" if passed else "more than"
        reason = f"the answer cost {cost:f} USD, {verb} {self.threshold:g} USD"
        return _expected.judged(passed=passed, parsed=f"{cost:f}", reason=reason)
