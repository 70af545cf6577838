"""Time to first answer token of one sample."""

import msgspec

from bakeoff.metrics import _times
from bakeoff.records import Sample, Target


class Ttfa(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """first_answer_at - scheduled_at: the first token after the reasoning."""

    name: str = "ttfa"
    unit: str = "s"

    def measure(self, sample: Sample, target: Target) -> float | None:  # noqa: ARG002  the same for every target
        """Return the seconds, or None where the sample has none."""
        return _times.ttfa(sample)
