"""The routes of the EvalHub dialect."""

from fastapi import APIRouter

ROUTERS: tuple[APIRouter, ...] = ()
