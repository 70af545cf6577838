"""The routes of the NeMo Evaluator dialect."""

from fastapi import APIRouter

from bakeoff.server.dialects.nemo import entity_routes, jobs, results, second

ROUTERS: tuple[APIRouter, ...] = (entity_routes.ROUTER, jobs.ROUTER, results.ROUTER, second.ROUTER)
