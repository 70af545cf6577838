"""The OpenAI Evals dialect."""

from bakeoff.server.dialects.openai_evals.errors import error_answer
from bakeoff.server.dialects.openai_evals.routes import ROUTERS

__all__ = ["ROUTERS", "error_answer"]
