"""Errors in the form that OpenAI Evals clients expect."""

from bakeoff.errors import BakeoffError
from bakeoff.server.faults import ServiceError


def error_answer(error: BakeoffError) -> tuple[int, dict[str, object]]:
    """Return status and body of an error."""
    status = error.status if isinstance(error, ServiceError) else 400
    return status, {"error": {"message": error.message}}
