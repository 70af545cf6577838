"""The routes of our own API, `/api/v1`."""

from fastapi import APIRouter

from bakeoff.server.routes import (
    benchmarks,
    compare,
    datasets,
    decide,
    files,
    health,
    keys,
    plugins,
    runs,
    specs,
    targets,
)

OWN: tuple[APIRouter, ...] = (
    health.ROUTER,
    runs.ROUTER,
    decide.ROUTER,
    specs.ROUTER,
    compare.ROUTER,
    benchmarks.ROUTER,
    datasets.ROUTER,
    files.ROUTER,
    targets.ROUTER,
    plugins.ROUTER,
    keys.ROUTER,
)
