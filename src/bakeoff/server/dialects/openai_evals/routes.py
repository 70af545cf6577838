"""The routes of the OpenAI Evals dialect, below `/v1` and without it."""

from fastapi import APIRouter

from bakeoff.server.dialects.openai_evals import evals, files, runs

_PARTS = (files.ROUTER, evals.ROUTER, runs.ROUTER)


def _below(prefix: str, *, told: bool) -> APIRouter:
    router = APIRouter(prefix=prefix, include_in_schema=told)
    for part in _PARTS:
        router.include_router(part)
    return router


# OpenAPI names one of the two: they are the same.
ROUTERS: tuple[APIRouter, ...] = (_below("/v1", told=True), _below("", told=False))
