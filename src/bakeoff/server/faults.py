"""What can be wrong with a call. Each dialect gives these in its own form."""

from typing import cast

import msgspec

from bakeoff.errors import BakeoffError


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """A mistake in a spec.

    Attributes:
        path: its place in what was sent, such as `models[0].endpoint`; empty where it is not in one place.
        where: the file and line, for mistakes in data.
    """

    path: str
    message: str
    where: str = ""
    hint: str = ""


class ServiceError(BakeoffError):
    """A call that cannot be answered as asked; `status` is that of our own API."""

    status = 400


class MistakesError(ServiceError):
    """All that is wrong with a spec, at once.

    Attributes:
        problems: one for each mistake.
    """

    def __init__(self, problems: list[Problem], *, status: int) -> None:
        lines = [f"{each.path}: {each.message}" if each.path else each.message for each in problems]
        super().__init__("\n".join(lines))
        self.problems = problems
        self.status = status


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

    def __init__(self, kind: str, name: str, *, hint: str = "") -> None:
        super().__init__(f"{kind.capitalize()} '{name}' not found", hint=hint)
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


class GoneError(ServiceError):
    """The client has gone away before there was an answer; nobody reads this one."""

    status = 499


class StoppingError(ServiceError):
    """The server stops before it has the answer."""

    status = 503


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
