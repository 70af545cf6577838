"""The NeMo Evaluator dialect."""

from bakeoff.server.dialects.nemo.errors import error_answer
from bakeoff.server.dialects.nemo.routes import ROUTERS

__all__ = ["ROUTERS", "error_answer"]
