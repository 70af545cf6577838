"""Time to first token of one sample."""

import msgspec

from bakeoff.metrics import _times
from bakeoff.records import Sample, Target


class Ttft(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """first_token_at - scheduled_at, so waiting for our own turn counts; reasoning is a token too."""

    name: str = "ttft"
    unit: str = "s"

    def measure(self, sample: Sample, target: Target) -> float | None:  # noqa: ARG002  the same for every target
        """Return the seconds, or None where the sample has none."""
        return _times.ttft(sample)
