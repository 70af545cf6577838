"""Gaps between events as one histogram for a stage, where samples do not keep their own."""

import msgspec

from bakeoff.metrics.itl import token_gaps
from bakeoff.records import Sample
from bakeoff.stats.histogram import Histogram

_US = 1000


class Gaps:
    """Takes the times of tokens out of samples when told so, and counts them. Values are nanoseconds."""

    def __init__(self, *, kept: bool) -> None:
        self._kept = kept
        self._tokens, self._chunks = Histogram(), Histogram()

    def take(self, sample: Sample) -> Sample:
        """Return the sample as it is to be stored."""
        if self._kept or sample.chunk_us is None:
            return sample
        whole = token_gaps(sample) is not None
        (self._tokens if whole else self._chunks).record_many(gap * _US for gap in sample.chunk_us)
        return msgspec.structs.replace(sample, chunk_us=None)

    def facts(self) -> dict[str, object]:
        """Return what an event at the end of the stage keeps: nothing where the samples hold their gaps."""
        if self._kept:
            return {}
        packed = {"itl": self._tokens.pack(), "chunk_gap": self._chunks.pack()}
        return {"gaps_ns": msgspec.to_builtins(packed)}
