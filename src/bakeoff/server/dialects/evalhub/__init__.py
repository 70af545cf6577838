"""The EvalHub dialect."""

from bakeoff.server.dialects.evalhub.errors import error_answer
from bakeoff.server.dialects.evalhub.routes import ROUTERS

__all__ = ["ROUTERS", "error_answer"]
