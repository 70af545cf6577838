"""How many requests the server computed together."""

from collections import Counter
from collections.abc import Iterator

import msgspec

from bakeoff.metrics._batches import find_batches, served, told_size
from bakeoff.records import Estimate, Sample


class BatchSize(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The batch size of more than half of the requests, as the server told it; else an estimate.

    The estimate is the SambaNova kit's: of the answers in the order of their ends, consecutive ones with the
    very same server time to first token are one batch, of the next power of two of their number. It fits
    servers that compute in fixed batches. None where answers overlapped and none shared that time, as with
    servers that batch continuously: `streams` says how many were under way there.
    """

    name: str = "batch_size"
    unit: str = "requests"

    def reduce(self, samples: Iterator[Sample]) -> Estimate:
        """Return the size; its value is None where the answers cannot tell."""
        listed = list(samples)
        told = Counter(size for each in listed if (size := told_size(each)) is not None)
        found = find_batches((one for each in listed if (one := served(each)) is not None), told)
        return Estimate(value=found.size, unit=self.unit, n=found.n, note=found.note)
