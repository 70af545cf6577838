"""Errors in the form that Llama Stack clients expect."""

from bakeoff.errors import BakeoffError, UsageError
from bakeoff.server.faults import InvalidError, ServiceError

_NO_ROUTE = "Not Found"


def error_answer(error: BakeoffError) -> tuple[int, dict[str, object]]:
    """Return status and body of an error: `message` as newer clients read it, `detail` as older ones do."""
    if isinstance(error, InvalidError):
        problems: dict[str, object] = {"errors": error.problems}
        # The real server writes the problems as Python does.
        return 400, {"error": {"message": str(problems), "detail": problems, "type": "invalid"}}
    status = (
        error.status if isinstance(error, ServiceError) else 400 if isinstance(error, UsageError) else 500
    )
    if status == 404 and error.message == _NO_ROUTE:
        return status, {"detail": _NO_ROUTE}
    text = _text(error)
    kind = type(error).__name__.strip("_").removesuffix("Error")
    return status, {"error": {"message": text, "detail": text, "type": kind}}


def _text(error: BakeoffError) -> str:
    if not isinstance(error, ServiceError):
        return str(error).replace("\nhint: ", "; ")
    return f"{error.message}; {error.hint}" if error.hint else error.message
