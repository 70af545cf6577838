"""What it costs a server to switch between models or shapes."""

from collections import Counter
from collections.abc import Iterator

import msgspec

from bakeoff.metrics._batches import find_batches, served
from bakeoff.records import Estimate, Sample


class SwitchingTime(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Greatest minus least server time to first token over the requests of the largest batch (`batch_size`).

    This is the SambaNova kit's definition: on an endpoint that serves several models, some requests wait
    until their model, length or batch size is loaded, others find it there. It is a range, so it grows with
    the number of requests.
    """

    name: str = "switching_time"
    unit: str = "s"

    def reduce(self, samples: Iterator[Sample]) -> Estimate:
        """Return the time; its value is None where batches are unknown."""
        answers = (one for each in samples if (one := served(each)) is not None)
        found = find_batches(answers, Counter())
        return Estimate(value=found.switching, unit=self.unit, n=found.n, note=found.note)
