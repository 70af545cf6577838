"""What one sample cost at the target's token prices."""

import msgspec

from bakeoff.prices import usd
from bakeoff.records import Sample, Target


class Cost(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """(uncached · input + cached · cached_input + plain · output + reasoning · reasoning) / 1M + request.

    Uncached is prompt - cached, plain is completion - reasoning; a class without its own price is
    charged as its parent. A class that the server does not report is none of its own: without a
    `cached` count all of the prompt is charged at `input`. None, never 0, where a price or a count that
    the sum needs is unknown, and for hardware by the hour, which no single sample can tell.
    Failed samples count where the server reported their tokens; tokens of earlier attempts are unknown.
    """

    name: str = "cost"
    unit: str = "USD"

    def measure(self, sample: Sample, target: Target) -> float | None:
        """Return USD, or None where they are unknown."""
        exact = usd(sample, target.price)
        return None if exact is None else float(exact)
