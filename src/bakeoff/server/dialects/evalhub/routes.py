"""The routes of the EvalHub dialect.

`X-Tenant` and `X-User` are not looked at: who calls, and what belongs to them, is what the key says.
"""

from fastapi import APIRouter

from bakeoff.server.dialects.evalhub import collection_routes, job_routes, provider_routes
from bakeoff.server.dialects.evalhub.shown import Health
from bakeoff.server.times import iso, now_us

_HEALTH = APIRouter(tags=["evalhub: health"])


@_HEALTH.get("/api/v1/health", summary="Tell that the service lives")
async def health() -> Health:
    """Answer without a look at anything."""
    return Health(status="healthy", timestamp=iso(now_us()) or "")


ROUTERS: tuple[APIRouter, ...] = (
    _HEALTH,
    job_routes.ROUTER,
    provider_routes.ROUTER,
    collection_routes.ROUTER,
)
