"""Output tokens per second of one sample, as the server says."""

import msgspec

from bakeoff.metrics import _server
from bakeoff.records import Sample, Target


class ServerOutputRate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tokens per second after the first of a single answer, as the server gave it; nothing is computed.

    Servers differ in what they divide by: older llama.cpp counts one token more than there are gaps.
    `server_tpot` does not depend on that.
    """

    name: str = "server_output_rate"
    unit: str = "tokens/s"

    def measure(self, sample: Sample, target: Target) -> float | None:  # noqa: ARG002  the same for every target
        """Return the rate, or None where the server did not say."""
        return _server.output_rate(sample)
