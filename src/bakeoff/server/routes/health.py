"""Whether the service lives, whether it can work, and its figures."""

from fastapi import APIRouter
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from bakeoff.server.http.calls import Reader, TheService
from bakeoff.server.http.counters import CONTENT_TYPE, Counters

ROUTER = APIRouter(tags=["health"])


@ROUTER.get("/healthz", summary="Tell that the process lives")
async def healthz() -> dict[str, str]:
    """Answer without a look at anything."""
    return {"status": "ok"}


@ROUTER.get("/readyz", summary="Tell whether jobs can be taken", responses={503: {"description": "not now"}})
async def readyz(service: TheService) -> Response:
    """Ask the database, and look for a worker that was seen of late."""
    try:
        seen = max(60.0, service.settings.lease * 2)
        workers = await service.waiting.shortly(lambda: service.queue.living(seen))
    except SQLAlchemyError as error:
        return JSONResponse({"status": "no database", "error": type(error).__name__}, status_code=503)
    status = "ok" if workers else "no worker"
    return JSONResponse({"status": status, "workers": workers}, status_code=200 if workers else 503)


@ROUTER.get("/metrics", summary="Figures for Prometheus", response_class=PlainTextResponse)
def metrics(request: Request, service: TheService, caller: Reader) -> Response:
    """Return counts of calls and jobs in the text form of Prometheus."""
    counters: Counters = request.app.state.counters
    return PlainTextResponse(counters.text(service, caller.project), media_type=CONTENT_TYPE)
