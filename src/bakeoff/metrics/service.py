"""Time that the server took for one sample."""

import msgspec

from bakeoff.metrics import _times
from bakeoff.records import Sample, Target


class Service(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """done_at - sent_at: `e2e` without the time that the request waited on our side."""

    name: str = "service"
    unit: str = "s"

    def measure(self, sample: Sample, target: Target) -> float | None:  # noqa: ARG002  the same for every target
        """Return the seconds, or None where the sample has none."""
        return _times.service(sample)
