"""The EvalHub dialect."""

from bakeoff.server.dialects.evalhub.errors import error_answer
from bakeoff.server.dialects.evalhub.routes import ROUTERS
from bakeoff.server.dialects.evalhub.traces import HEADER, is_ours, trace_of

__all__ = ["HEADER", "ROUTERS", "error_answer", "is_ours", "trace_of"]
