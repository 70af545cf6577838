"""Time to the whole answer of one sample, as the server says."""

import msgspec

from bakeoff.metrics import _server
from bakeoff.records import Sample, Target


class ServerE2e(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The server's own time for the whole answer; where it tells none, queue + prefill + decode.

    The two last must both be told. As for `server_ttft`, what a server counts as its beginning differs.
    """

    name: str = "server_e2e"
    unit: str = "s"

    def measure(self, sample: Sample, target: Target) -> float | None:  # noqa: ARG002  the same for every target
        """Return the seconds, or None where the server did not say."""
        return _server.e2e(sample)
