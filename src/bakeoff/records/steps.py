"""Loads that choose their next step by what the last ones measured: a sweep, a search."""

from typing import Any

import msgspec


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step of such a load; it becomes a stage of this name.

    Attributes:
        load: kind and options of the load of this step.
        requests: how many requests it sends at most.
    """

    name: str
    load: dict[str, Any]
    requests: int


class StepResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a step measured.

    Attributes:
        request_rate: answers per second over the steady window, None where there was none.
        met: requests that met the latency targets; None where there are no targets.
        sent: requests that were sent, failed ones included.
        valid: the client was not the limit.
    """

    step: Step
    request_rate: float | None
    met: int | None
    sent: int
    valid: bool = True
