"""The Llama Stack dialect."""

from bakeoff.server.dialects.llama_stack.errors import error_answer
from bakeoff.server.dialects.llama_stack.routes import ROUTERS

__all__ = ["ROUTERS", "error_answer"]
