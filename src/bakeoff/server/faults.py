"""What can be wrong with a call. Each dialect gives these in its own form."""

from typing import cast

from bakeoff.errors import BakeoffError


class ServiceError(BakeoffError):
    """A call that cannot be answered as asked; `status` is that of our own API."""

    status = 400


class RefusedError(ServiceError):
    """The call asks for what is wrong, or not offered."""


class InvalidError(ServiceError):
    """The body does not have the form that it must have.

    Attributes:
        problems: one for each place: `{loc, msg, type}`.
    """

    status = 422

    def __init__(self, problems: list[dict[str, object]]) -> None:
        super().__init__(
            "; ".join(f"{_place(each)}: {each['msg']}" for each in problems) or "invalid request"
        )
        self.problems = problems


class NotKnownError(ServiceError):
    """The call carries no key, or one that is wrong, expired or revoked."""

    status = 401


class ForbiddenError(ServiceError):
    """The key's role may not do this."""

    status = 403


class MissingError(ServiceError):
    """There is no such thing in the caller's project."""

    status = 404

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"{kind.capitalize()} '{name}' not found")
        self.kind = kind
        self.name = name


class ConflictError(ServiceError):
    """The thing is in a state in which this cannot be done."""

    status = 409


class TooLargeError(ServiceError):
    """The body or file is over the limit."""

    status = 413


class TooManyError(ServiceError):
    """The key has called too often; `after` is the seconds to wait."""

    status = 429

    def __init__(self, message: str, *, after: float) -> None:
        super().__init__(message, hint=f"wait {after:.0f} s")
        self.after = after


class NotOfferedError(ServiceError):
    """A part of a dialect that this service does not have; refused by name."""

    status = 501


class TooSlowError(ServiceError):
    """A job that should be done within the call is still running."""

    status = 504


class PlainError(ServiceError):
    """An error of the framework, such as a path that is not there, by its status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def _place(problem: dict[str, object]) -> str:
    where = problem.get("loc") or ()
    if isinstance(where, (list, tuple)):
        return ".".join(str(each) for each in cast("list[object]", where))
    return str(where)
