"""Mean gap between the events of one streamed answer."""

import msgspec

from bakeoff.metrics import _times
from bakeoff.records import Sample, Target


class ChunkGap(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """(last_token_at - first_token_at) / (events - 1); what a reader sees, however many tokens each held."""

    name: str = "chunk_gap"
    unit: str = "s"

    def measure(self, sample: Sample, target: Target) -> float | None:  # noqa: ARG002  the same for every target
        """Return the seconds, or None for an answer in fewer than two events."""
        span = _times.streaming(sample)
        return None if span is None else span / (sample.chunks - 1)
