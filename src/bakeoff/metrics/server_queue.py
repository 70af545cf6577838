"""Time that one sample waited in the server, as the server says."""

import msgspec

from bakeoff.metrics import _server
from bakeoff.records import Sample, Target


class ServerQueue(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Seconds in the server's own queue before any work, as it gave them."""

    name: str = "server_queue"
    unit: str = "s"

    def measure(self, sample: Sample, target: Target) -> float | None:  # noqa: ARG002  the same for every target
        """Return the seconds, or None where the server did not say."""
        return _server.queue(sample)
