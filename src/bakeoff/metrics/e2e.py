"""Time to the whole answer of one sample."""

import msgspec

from bakeoff.metrics import _times
from bakeoff.records import Sample, Target


class E2e(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """done_at - scheduled_at, so waiting for our own turn counts."""

    name: str = "e2e"
    unit: str = "s"

    def measure(self, sample: Sample, target: Target) -> float | None:  # noqa: ARG002  the same for every target
        """Return the seconds, or None where the sample has none."""
        return _times.e2e(sample)
