"""How late one request went out."""

import msgspec

from bakeoff.metrics import _times
from bakeoff.records import Sample, Target


class Lag(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """sent_at of the first attempt - scheduled_at: the client's own delay, opening a connection included.

    It stands for every request that was sent, also one that failed later: its outcome does not change
    when it left. Waiting before a retry is no lag.
    """

    name: str = "lag"
    unit: str = "s"

    def measure(self, sample: Sample, target: Target) -> float | None:  # noqa: ARG002  the same for every target
        """Return the seconds, or None for a request that was never sent."""
        tries = (attempt.sent_at for attempt in sample.attempts if attempt.sent_at is not None)
        sent_at = next(tries, sample.sent_at)
        return None if sent_at is None else (sent_at - sample.scheduled_at) / _times.NS
