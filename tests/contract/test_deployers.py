"""Every deployer of ours keeps the contract of its family."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from bakeoff import plugins
from bakeoff.deployers.local import Local
from bakeoff.deployers.none import Existing
from bakeoff.extend import Deployer
from bakeoff.records import Deployment, ModelSpec, Weights
from bakeoff.testing.contracts.deployers import check_deployer, check_refusal, check_stopping_a_stranger
from bakeoff.testing.tiny_model import write_tiny_model

NAMES = ["local", "none"]
SMALL = {"local": Local(context=128, slots=1, threads=1), "none": Existing()}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAKEOFF_HOME", str(tmp_path / "home"))


@pytest.fixture
def models(tmp_path: Path) -> dict[str, ModelSpec]:
    return {
        "local": ModelSpec(name="tiny", source=str(write_tiny_model(tmp_path / "tiny.gguf"))),
        "none": ModelSpec(name="there", endpoint="http://127.0.0.1:9/v1"),
    }


def test_no_deployer_is_missing_here() -> None:
    assert plugins.names("deployers") == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_deployer_is_a_frozen_record_of_options(name: str) -> None:
    kind = plugins.load("deployers", name)
    assert kind.__struct_config__.frozen
    assert msgspec.convert(msgspec.to_builtins(kind()), kind) == kind()


@pytest.mark.parametrize("name", NAMES)
def test_a_deployer_serves_and_stops(name: str, models: dict[str, ModelSpec], tmp_path: Path) -> None:
    asyncio.run(check_deployer(SMALL[name], models[name], tmp_path / "cache"))


@pytest.mark.parametrize("name", NAMES)
def test_a_deployer_refuses_what_it_cannot_serve(name: str, tmp_path: Path) -> None:
    asyncio.run(check_refusal(SMALL[name], ModelSpec(name="nothing"), tmp_path / "cache"))


@pytest.mark.parametrize("name", NAMES)
def test_stopping_a_stranger_is_harmless(name: str) -> None:
    asyncio.run(check_stopping_a_stranger(SMALL[name]))


class Careless(msgspec.Struct, frozen=True, kw_only=True):
    """Breaks the contract: it names another model and takes anything."""

    def prepare(self, model: ModelSpec, cache: Path) -> Weights:
        return Weights(model=model.name)

    async def start(self, model: ModelSpec, weights: Weights) -> Deployment:
        return Deployment(target="other", endpoint="http://127.0.0.1:9")

    async def stop(self, deployment: Deployment) -> None: ...


def test_the_suite_can_fail(tmp_path: Path) -> None:
    careless: Deployer = Careless()
    with pytest.raises(AssertionError, match="names its model"):
        asyncio.run(check_deployer(careless, ModelSpec(name="mine"), tmp_path))
    with pytest.raises(AssertionError, match="raises DeployError"):
        asyncio.run(check_refusal(careless, ModelSpec(name="mine"), tmp_path))
