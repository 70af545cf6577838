"""What can go wrong between a client and a service."""

from bakeoff.errors import BakeoffError


class CallError(BakeoffError):
    """A call was refused, or nobody answered.

    Attributes:
        status: of the answer; None where there was none.
        kind: the service's word for it, such as `Missing`.
    """

    def __init__(
        self, message: str, *, status: int | None = None, kind: str = "", where: str = "", hint: str = ""
    ) -> None:
        super().__init__(message, where=where, hint=hint)
        self.status = status
        self.kind = kind
        # The command line ends as for an endpoint that cannot be used, or for a mistake of its own.
        self.exit_code = 4 if status is None or status in {401, 403, 429} or status >= 500 else 2


class RunEndedError(BakeoffError):
    """A run that was waited for has failed or was cancelled; what it has is kept."""
