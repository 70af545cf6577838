"""What the client saw of the time to first token beyond what the server says."""

import msgspec

from bakeoff.metrics import _server
from bakeoff.records import Sample, Target


class TtftOverhead(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """(first_token_at - sent_at) - `server_ttft`: network, HTTP, and waiting that the server does not count.

    Below zero where the server's clock started before the request was sent whole, or its first token
    reached us only with a later one.
    """

    name: str = "ttft_overhead"
    unit: str = "s"

    def measure(self, sample: Sample, target: Target) -> float | None:  # noqa: ARG002  the same for every target
        """Return the seconds, or None where either side is unknown."""
        return _server.difference(_server.since_sent(sample, sample.first_token_at), _server.ttft(sample))
