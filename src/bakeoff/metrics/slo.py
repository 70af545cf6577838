"""Whether one sample met its latency targets."""

import msgspec

from bakeoff.metrics import _times
from bakeoff.records import Sample, Target
from bakeoff.records.units import Seconds


class SloAttainment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """1 where the answer is ok and every given threshold is met (value <= threshold), else 0.

    Any outcome but ok is 0: an answer that never came met no target. A threshold of None is not
    checked. An answer of one token has no `tpot` to miss. Where a checked value is unknown (no stream,
    all in one event, no token count) and no other threshold was missed, the result is None.

    Attributes:
        ttft: seconds.
        ttfa: seconds.
        tpot: seconds per token.
        e2e: seconds.
    """

    ttft: Seconds | None = None
    ttfa: Seconds | None = None
    tpot: Seconds | None = None
    e2e: Seconds | None = None
    name: str = "slo_attainment"
    unit: str = "share"

    def measure(self, sample: Sample, target: Target) -> float | None:  # noqa: ARG002  the same for every target
        """Return 1.0, 0.0, or None where it is unknown."""
        if not sample.ok:
            return 0.0
        unknown = False
        for limit, time in (
            (self.ttft, _times.ttft),
            (self.ttfa, _times.ttfa),
            (self.tpot, _tpot),
            (self.e2e, _times.e2e),
        ):
            if limit is None:
                continue
            value = time(sample)
            if value is None:
                unknown = True
            elif value > limit:
                return 0.0
        return None if unknown else 1.0


def _tpot(sample: Sample) -> float | None:
    tokens = _times.visible_tokens(sample)
    return 0.0 if tokens is not None and tokens < 2 else _times.tpot(sample)
