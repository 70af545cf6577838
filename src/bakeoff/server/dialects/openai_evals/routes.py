"""The routes of the OpenAI Evals dialect."""

from fastapi import APIRouter

ROUTERS: tuple[APIRouter, ...] = ()
