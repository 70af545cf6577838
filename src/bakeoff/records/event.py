"""Events of a run: what happened when, beside the samples."""

from typing import Any

import msgspec

EVENT_VERSION = 1


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One line of `events.jsonl`; `at` is ns on the run's monotonic clock."""

    kind: str
    at: int = 0
    facts: dict[str, Any] = {}
    v: int = EVENT_VERSION
