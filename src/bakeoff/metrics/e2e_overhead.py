"""What the client saw of the time for the whole answer beyond what the server says."""

import msgspec

from bakeoff.metrics import _server
from bakeoff.records import Sample, Target


class E2eOverhead(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """(done_at - sent_at) - `server_e2e`: network, HTTP, and waiting that the server does not count."""

    name: str = "e2e_overhead"
    unit: str = "s"

    def measure(self, sample: Sample, target: Target) -> float | None:  # noqa: ARG002  the same for every target
        """Return the seconds, or None where either side is unknown."""
        return _server.difference(_server.since_sent(sample, sample.done_at), _server.e2e(sample))
