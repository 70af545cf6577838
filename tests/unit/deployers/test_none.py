"""An endpoint that exists already is passed on as it stands."""

import asyncio
from pathlib import Path

import pytest

from bakeoff.deployers.none import Existing
from bakeoff.errors import DeployError
from bakeoff.records import Deployment, ModelSpec, Weights


def test_the_endpoint_and_the_key_are_passed_on(tmp_path: Path) -> None:
    model = ModelSpec(name="m", model="real", endpoint="http://127.0.0.1:1/v1/", api_key="k", engine="vLLM 1")
    weights = Existing().prepare(model, tmp_path)
    assert weights == Weights(model="real", engine="vLLM 1")
    deployment = asyncio.run(Existing().start(model, weights))
    assert deployment == Deployment(
        target="m", endpoint="http://127.0.0.1:1/v1", api_key="k", engine="vLLM 1"
    )


def test_a_model_without_endpoint_is_refused() -> None:
    with pytest.raises(DeployError, match="`m` has no `endpoint`"):
        asyncio.run(Existing().start(ModelSpec(name="m"), Weights(model="m")))
