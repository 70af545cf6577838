"""What a target costs: for a thousand requests, for a task done right, and for the asked traffic."""

import msgspec

from bakeoff.records.price import Price


class PriceUsed(msgspec.Struct, frozen=True, kw_only=True):
    """A price that a cost stands on.

    Attributes:
        model: the name that it was found by; of a router's answers, the model that answered.
        origin: where it stands: the spec, the price book, or both.
        source: where it was read, as the price book says.
        since: its first day, where the price book says.
        until: its last day, where the price book says.
        day: the day on which it was looked up; None where that is unknown.
    """

    model: str
    price: Price
    origin: str
    source: str = ""
    since: str | None = None
    until: str | None = None
    day: str | None = None


class BreakEven(msgspec.Struct, frozen=True, kw_only=True):
    """The traffic from which hosting a target is cheaper than paying another one by the token.

    Servers come whole: just above what they hold, one more is needed, and the other may be cheaper again.

    Attributes:
        against: the target that is paid by the token.
        from_rate: requests per second above which hosting first is cheaper; None where it never is, or where
            that is unknown.
        always_from: requests per second above which it always is.
        always_from_low: the same at the upper end of the measured throughput's interval; None is unknown.
        always_from_high: at its lower end; None is unknown, or `may_never`.
        may_never: at the lower end of the throughput's interval, hosting is never cheaper.
        note: why there is none, or what the figures stand on.
    """

    against: str
    from_rate: float | None = None
    always_from: float | None = None
    always_from_low: float | None = None
    always_from_high: float | None = None
    may_never: bool = False
    note: str = ""


class TargetCost(msgspec.Struct, frozen=True, kw_only=True):
    """Cost of one target in one benchmark, in USD; None is unknown, never zero.

    Attributes:
        basis: "tokens" for prices by token, "hardware" for an hourly price and a measured throughput.
        per_1k_requests: of 1,000 requests.
        per_1k_requests_low: the lower end of its interval.
        per_1k_requests_high: the upper end.
        per_1m_tokens: of 1,000,000 output tokens.
        per_1k_successes: of 1,000 tasks done right.
        per_1k_successes_low: at the upper end of the success rate's interval.
        per_1k_successes_high: at its lower end.
        per_month: of a month of 30 days of the asked traffic.
        traffic: requests per second that were asked for.
        capacity: requests per second that one server holds at the latency targets, as far as was shown.
        capacity_low: the lower end of its 95 % interval; None where it is unknown.
        capacity_high: its upper end.
        capacity_below: requests per second at which it was shown not to hold them.
        replicas: servers that the asked traffic needs.
        utilisation: share of these servers' capacity that the asked traffic uses.
        break_even: against each target that is paid by the token in the same benchmark.
        prices: the prices that were used.
        note: what the numbers stand on, or why they are unknown.
    """

    target: str
    benchmark: str
    basis: str
    per_1k_requests: float | None = None
    per_1k_requests_low: float | None = None
    per_1k_requests_high: float | None = None
    per_1m_tokens: float | None = None
    per_1k_successes: float | None = None
    per_1k_successes_low: float | None = None
    per_1k_successes_high: float | None = None
    per_month: float | None = None
    traffic: float | None = None
    capacity: float | None = None
    capacity_below: float | None = None
    replicas: int | None = None
    utilisation: float | None = None
    break_even: list[BreakEven] = []
    prices: list[PriceUsed] = []
    note: str = ""
    capacity_low: float | None = None
    capacity_high: float | None = None
