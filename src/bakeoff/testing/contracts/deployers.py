"""What every deployer must do.

A third party writes `def test_my_deployer(tmp_path): asyncio.run(check_deployer(Mine(), model, tmp_path))`
with a small model that the deployer can start.
"""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from bakeoff.errors import DeployError
from bakeoff.extend import Deployer
from bakeoff.records import Deployment, ModelSpec


async def check_deployer(deployer: Deployer, model: ModelSpec, cache: Path) -> None:
    """Assert the contract of the deployers family on one deployer and one model that it can serve."""
    weights = await asyncio.to_thread(deployer.prepare, model, cache)
    assert weights.model, "the name under which the model is served is known before the start"
    assert weights == deployer.prepare(model, cache), "the second time finds the same"
    deployment = await deployer.start(model, weights)
    try:
        _check_deployment(deployment, model)
    finally:
        await deployer.stop(deployment)
    await deployer.stop(deployment)  # one that is gone already
    if deployment.pid is not None:
        assert not await _accepts(deployment), "a stopped server answers no more"


async def check_refusal(deployer: Deployer, model: ModelSpec, cache: Path) -> None:
    """Assert that a model which the deployer cannot serve gives a DeployError that says what to do."""
    hint = None
    try:
        weights = await asyncio.to_thread(deployer.prepare, model, cache)
        await deployer.stop(await deployer.start(model, weights))
    except DeployError as error:
        hint = error.hint
    assert hint is not None, "a model that cannot be served raises DeployError"
    assert hint, "the error says what to do"


async def check_stopping_a_stranger(deployer: Deployer) -> None:
    """Assert that stopping what was never started here is harmless."""
    await deployer.stop(Deployment(target="stranger", endpoint="http://127.0.0.1:9", lease="never-taken"))


def _check_deployment(deployment: Deployment, model: ModelSpec) -> None:
    parts = urlsplit(deployment.endpoint)
    assert deployment.target == model.name, "the deployment names its model"
    assert parts.scheme in {"http", "https"}, "the endpoint is a URL"
    assert not deployment.endpoint.endswith("/"), "paths are joined to the endpoint with one slash"
    assert msgspec.convert(msgspec.to_builtins(deployment), Deployment) == deployment
    if deployment.pid is not None:
        assert deployment.lease, "a process that we started has a lease, so that a crash loses nothing"
        assert deployment.api_key, "a server that we started is closed to others"


async def _accepts(deployment: Deployment) -> bool:
    parts = urlsplit(deployment.endpoint)
    try:
        _, writer = await asyncio.open_connection(parts.hostname, parts.port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True
