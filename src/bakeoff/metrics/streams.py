"""How many answers were being streamed at a time."""

from array import array
from collections.abc import Iterator

import msgspec

from bakeoff.metrics._batches import in_flight
from bakeoff.records import Estimate, Sample


class Streams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Sum of (last_token_at - first_token_at) / window: the mean number of answers being streamed.

    It is the size of the batch that a server with continuous batching decodes, as the client sees it.
    The window goes from the first token to the last; for the stages of a load it is the steady window.
    """

    name: str = "streams"
    unit: str = "requests"

    def reduce(self, samples: Iterator[Sample]) -> Estimate:
        """Return the mean; its value is None without streamed answers."""
        first, last = array("q"), array("q")
        for sample in samples:
            if sample.ok and sample.first_token_at is not None and sample.last_token_at is not None:
                first.append(sample.first_token_at)
                last.append(sample.last_token_at)
        value = in_flight(zip(first, last, strict=True), min(first), max(last)) if first else None
        return Estimate(value=value, unit=self.unit, n=len(first))
