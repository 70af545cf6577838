"""What every route needs: the service, and who calls.

Both are coroutines: the framework would have a thread do each plain function, which costs more than they do.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request

from bakeoff.server.access import Principal, Right
from bakeoff.server.service import Service


def service_of(request: Request) -> Service:
    """Return the service of the app that is called."""
    service: Service = request.app.state.service
    return service


async def _service(request: Request) -> Service:
    return service_of(request)


def needs(right: Right) -> Callable[[Request], Awaitable[Principal]]:
    """Return a dependency that gives the caller, or refuses one whose role lacks a right."""

    async def caller(request: Request) -> Principal:
        principal: Principal = request.state.principal
        principal.need(right)
        return principal

    return caller


async def _sent(request: Request) -> str:
    return str(getattr(request.state, "sent", ""))


Sent = Annotated[str, Depends(_sent)]
"""Digest of the call as it was sent."""
TheService = Annotated[Service, Depends(_service)]
Reader = Annotated[Principal, Depends(needs("read"))]
Runner = Annotated[Principal, Depends(needs("run"))]
Manager = Annotated[Principal, Depends(needs("manage"))]
Admin = Annotated[Principal, Depends(needs("administer"))]
