"""Who is asked before a request leaves, for runs that may send no more than so many."""

from collections.abc import Callable
from contextvars import ContextVar

Leave = Callable[[], None]
"""Lets one more request leave, or raises a `WireError` of the kind `LIMIT`."""

LIMIT = "limit"
LEAVE: ContextVar[Leave | None] = ContextVar("leave", default=None)
"""Asked by every client for every request with a body, repeated ones too: those to judges as well."""
