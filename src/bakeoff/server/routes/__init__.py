"""The routes of our own API, `/api/v1`."""

from fastapi import APIRouter

from bakeoff.server.routes import health, runs

OWN: tuple[APIRouter, ...] = (health.ROUTER, runs.ROUTER)
