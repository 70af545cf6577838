"""Put the service, its routes and its dialects together as one ASGI application."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from bakeoff import __version__
from bakeoff.errors import BakeoffError
from bakeoff.server.answers import answer
from bakeoff.server.counters import Counters
from bakeoff.server.dialects import evalhub, llama_stack, nemo, openai_evals
from bakeoff.server.gate import Gate
from bakeoff.server.routes import OWN
from bakeoff.server.service import Service

_TEXT = """Measure which LLM to run: jobs, results and verdicts.

The same jobs can be had in the dialects of Llama Stack, NeMo Evaluator, OpenAI Evals and EvalHub.
"""


def create_app(service: Service) -> FastAPI:
    """Return the application of a service."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
        yield
        service.close()

    app = FastAPI(title="bakeoff", version=__version__, description=_TEXT, lifespan=lifespan)
    counters = Counters()
    app.state.service = service
    app.state.counters = counters
    for kind in (BakeoffError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, answer)
    for router in (*OWN, *openai_evals.ROUTERS, *evalhub.ROUTERS, *nemo.ROUTERS, *llama_stack.ROUTERS):
        app.include_router(router)
    app.add_middleware(Gate, service=service, counters=counters, answer=answer)
    return app
