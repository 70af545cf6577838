"""The routes of the NeMo Evaluator dialect."""

from fastapi import APIRouter

ROUTERS: tuple[APIRouter, ...] = ()
