"""How much of what a draft model proposed was taken over."""

from collections.abc import Iterator

import msgspec

from bakeoff.records import Estimate, Sample


class DraftAcceptance(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Accepted / drafted tokens of speculative decoding, summed over all answers whose server tells both.

    Servers that give only a rate per answer are left out: with some it is a share, with others tokens per
    step. It stands in the sample as `acceptance_rate`.
    """

    name: str = "draft_acceptance"
    unit: str = "share"

    def reduce(self, samples: Iterator[Sample]) -> Estimate:
        """Return the share; its value is None where nothing was drafted."""
        drafted = accepted = n = 0
        for sample in samples:
            server = sample.server
            if sample.ok and server is not None and server.drafted and server.accepted is not None:
                drafted, accepted, n = drafted + server.drafted, accepted + server.accepted, n + 1
        return acceptance(drafted, accepted, n)


def acceptance(drafted: int, accepted: int, n: int) -> Estimate:
    """Return the share of `drafted` tokens of `n` answers that were accepted."""
    if not drafted:
        return Estimate(value=None, unit="share", n=0, note="no answer told of drafted tokens")
    return Estimate(value=accepted / drafted, unit="share", n=n, note=f"of {drafted:,} drafted tokens")
