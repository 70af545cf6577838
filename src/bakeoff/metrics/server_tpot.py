"""Time per output token of one sample after the first, as the server says."""

import msgspec

from bakeoff.metrics import _server
from bakeoff.records import Sample, Target


class ServerTpot(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """decode / (tokens - 1), from the server's first to its last token; else 1 / `server_output_rate`.

    The tokens are those that the server decoded, the one that ends an answer included.
    """

    name: str = "server_tpot"
    unit: str = "s"

    def measure(self, sample: Sample, target: Target) -> float | None:  # noqa: ARG002  the same for every target
        """Return the seconds per token, or None where the server did not say."""
        return _server.tpot(sample)
