"""What can be wrong with a server that works in our place."""

from bakeoff.server.faults import ServiceError


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
