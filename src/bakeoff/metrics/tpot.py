"""Time per output token of one sample, after the first."""

import msgspec

from bakeoff.metrics import _times
from bakeoff.records import Sample, Target


class Tpot(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """(last_token_at - first_token_at) / (tokens - tokens that came first).

    The tokens of the first event, and of events that came with it, were there when the clock started, so
    they took none of the time.
    Where each event held one token and came by itself that is (last - first) / (events - 1). Otherwise
    nobody tells how many the first event held, and the tokens are taken as spread evenly over the events.
    With 4 tokens an event and 40 ms a token, dividing by tokens - 1 would read 36 ms.

    Tokens are the server's completion tokens, without reasoning that it counted and did not send.
    None for an answer in fewer than two events, of fewer than two tokens, or without a token count.
    """

    name: str = "tpot"
    unit: str = "s"

    def measure(self, sample: Sample, target: Target) -> float | None:  # noqa: ARG002  the same for every target
        """Return the seconds per token, or None where the sample has none."""
        return _times.tpot(sample)
