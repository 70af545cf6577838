"""Time to first token of one sample, as the server says."""

import msgspec

from bakeoff.metrics import _server
from bakeoff.records import Sample, Target


class ServerTtft(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The server's own time to first token; where it tells none, queue + prefill as far as it tells these.

    Most servers count from the arrival of the request. llama.cpp counts from the moment a slot took the
    request up, so its waiting for a slot is not in it.
    """

    name: str = "server_ttft"
    unit: str = "s"

    def measure(self, sample: Sample, target: Target) -> float | None:  # noqa: ARG002  the same for every target
        """Return the seconds, or None where the server did not say."""
        return _server.ttft(sample)
