"""What a target costs: for a thousand requests, for a task done right, and for the asked traffic."""

import msgspec


class TargetCost(msgspec.Struct, frozen=True, kw_only=True):
    """Cost of one target in one benchmark, in USD; None is unknown, never zero.

    Attributes:
        basis: "tokens" for prices by token, "hardware" for an hourly price and a measured throughput.
        per_1k_requests: of 1,000 requests.
        per_1m_tokens: of 1,000,000 output tokens.
        per_1k_successes: of 1,000 tasks done right.
        per_month: of a month of the asked traffic.
        capacity: requests per second that one server holds at the latency targets.
        replicas: servers that the asked traffic needs.
        note: what the numbers stand on, or why they are unknown.
    """

    target: str
    benchmark: str
    basis: str
    per_1k_requests: float | None = None
    per_1m_tokens: float | None = None
    per_1k_successes: float | None = None
    per_month: float | None = None
    capacity: float | None = None
    replicas: int | None = None
    note: str = ""
