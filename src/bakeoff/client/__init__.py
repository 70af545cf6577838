"""The Python client of a bakeoff service; it needs nothing but this package."""

from bakeoff.client.client import Client
from bakeoff.client.errors import CallError, RunEndedError
from bakeoff.client.handle import RunHandle
from bakeoff.client.shown import RunInfo

__all__ = ["CallError", "Client", "RunEndedError", "RunHandle", "RunInfo"]
