"""The routes of the Llama Stack dialect."""

from fastapi import APIRouter

ROUTERS: tuple[APIRouter, ...] = ()
