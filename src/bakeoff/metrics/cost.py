"""What one sample cost at the target's token prices."""

import msgspec

from bakeoff.prices import usd
from bakeoff.records import Sample, Target


class Cost(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tokens of each class · the price of the class / 1M, added up, + the price of the request.

    `input` counts prompt - cached - written to a cache, `output` counts completion - reasoning; a class
    without its own price is charged as its parent, all of a long prompt's request at its tier. A class that
    the server does not report is none of its own: without a `cached` count all of the prompt is charged at
    `input`. A router that is priced by who answers is charged
    at the price of the model that gave the answer. None, never 0, where a price or a count that
    the sum needs is unknown, and for hardware by the hour, which no single sample can tell.
    Failed samples count where the server reported their tokens; tokens of earlier attempts are unknown.
    """

    name: str = "cost"
    unit: str = "USD"

    def measure(self, sample: Sample, target: Target) -> float | None:
        """Return USD, or None where they are unknown."""
        exact = usd(sample, target.price)
        return None if exact is None else float(exact)
