"""Put the service, its routes and its dialects together as one ASGI application."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Route

from bakeoff import __version__
from bakeoff.errors import BakeoffError
from bakeoff.server.dialects import evalhub, llama_stack, nemo, openai_evals
from bakeoff.server.dialects.llama_stack.lending import Lent
from bakeoff.server.http.answers import answer
from bakeoff.server.http.counters import Counters
from bakeoff.server.http.gate import Gate
from bakeoff.server.http.queries import known_queries
from bakeoff.server.http.reference import PATH as REFERENCE
from bakeoff.server.http.reference import home, reference
from bakeoff.server.routes import OWN
from bakeoff.server.routes.health import ROUTER as HEALTH
from bakeoff.server.service import Service

if TYPE_CHECKING:
    from bakeoff.server.mcp import Mounted

_TEXT = """Measure which LLM to run: jobs, results and verdicts.

The same jobs can be had in the dialects of Llama Stack, NeMo Evaluator, OpenAI Evals and EvalHub.
"""


def create_app(service: Service) -> FastAPI:
    """Return the application of a service."""
    tools = _tools(service)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
        async with AsyncExitStack() as running:
            running.callback(service.close)
            if tools is not None:
                await running.enter_async_context(tools.running())
            yield

    app = FastAPI(
        title="bakeoff",
        version=__version__,
        description=_TEXT,
        lifespan=lifespan,
        # Their pages run scripts of others, on the origin of the service.
        docs_url=None,
        redoc_url=None,
    )
    counters = Counters()
    app.state.service = service
    app.state.counters = counters
    app.state.lenders = (Lent(),)
    for kind in (BakeoffError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, answer)
    for router in OWN:
        app.include_router(router, dependencies=[] if router is HEALTH else [Depends(known_queries)])
    for router in (*openai_evals.ROUTERS, *evalhub.ROUTERS, *nemo.ROUTERS, *llama_stack.ROUTERS):
        app.include_router(router)
    app.add_route("/", home, include_in_schema=False)
    app.add_route(REFERENCE, reference, include_in_schema=False)
    if tools is not None:
        # There are no sessions to listen to or to end, so nothing but POST.
        app.router.routes.append(Route("/mcp", endpoint=tools, methods=["POST"], include_in_schema=False))
    app.add_middleware(Gate, service=service, counters=counters, answer=answer)
    return app


def _tools(service: Service) -> "Mounted | None":
    if not service.settings.mcp:
        return None
    from bakeoff.server.mcp import Mounted  # noqa: PLC0415  its package is an extra

    return Mounted(service)
