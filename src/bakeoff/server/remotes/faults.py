"""What can be wrong with a server that works in our place."""

from bakeoff.server.faults import ServiceError

AGAIN = frozenset({408, 429, 500, 502, 503, 504})
"""Answers after which the same call may go well a little later."""
_UNDONE = frozenset({429, 503})
"""Of those, the ones that say that nothing was done."""


class RemoteError(ServiceError):
    """The remote server does not answer as it should.

    Attributes:
        answered: its HTTP status, None where nothing came back.
        sent: the request may have arrived.
    """

    status = 502

    def __init__(self, message: str, *, answered: int | None = None, sent: bool = True) -> None:
        super().__init__(message, hint="look at the NeMo server, and try again")
        self.answered = answered
        self.sent = sent

    @property
    def passing(self) -> bool:
        """Tell whether the same call may go well later."""
        return self.answered is None or self.answered in AGAIN

    @property
    def maybe(self) -> bool:
        """Tell whether what was asked may have been done all the same."""
        return self.sent and self.passing and self.answered not in _UNDONE


class FailedThereError(ServiceError):
    """A job has failed on the server that was to do it, or is not there and will never be."""

    status = 502
