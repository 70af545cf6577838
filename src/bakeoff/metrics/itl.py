"""Inter-token latency: the gaps between tokens."""

import msgspec

from bakeoff.metrics import _times
from bakeoff.records import Sample, Target


class Itl(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Mean gap between tokens: (last_token_at - first_token_at) / (tokens - 1).

    Only where every event held one token and as a rule came by itself; None elsewhere, because a gap
    between events is not a gap between tokens (that one is `chunk_gap`). Tokens that came together with
    the first are not counted.
    """

    name: str = "itl"
    unit: str = "s"

    def measure(self, sample: Sample, target: Target) -> float | None:  # noqa: ARG002  the same for every target
        """Return the seconds, or None where the sample has none."""
        span = _times.streaming(sample)
        if span is None or not _times.token_per_chunk(sample):
            return None
        return span / (sample.chunks - sample.first_chunks) if sample.chunks > sample.first_chunks else None


def token_gaps(sample: Sample) -> list[float] | None:
    """Return every gap between tokens in seconds, to be pooled over samples; None where `itl` is."""
    if sample.chunk_us is None or _times.streaming(sample) is None or not _times.token_per_chunk(sample):
        return None
    return [gap / 1e6 for gap in sample.chunk_us]
