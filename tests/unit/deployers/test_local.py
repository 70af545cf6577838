"""What `local` refuses before anything is started."""

import asyncio
import socket
from pathlib import Path

import msgspec
import pytest

from bakeoff import leases
from bakeoff.deployers.local import Local
from bakeoff.errors import DeployError, WeightsError
from bakeoff.records import ModelSpec, Weights
from bakeoff.testing.tiny_model import write_tiny_model


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAKEOFF_HOME", str(tmp_path / "home"))


@pytest.fixture
def tiny(tmp_path: Path) -> ModelSpec:
    return ModelSpec(name="tiny", source=str(write_tiny_model(tmp_path / "tiny.gguf")))


def program(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize("options", [{"slots": 0}, {"context": -1}, {"port": 70000}, {"threads": 0}])
def test_options_out_of_range_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(options, Local)


def test_prepare_names_engine_and_weights(tiny: ModelSpec, tmp_path: Path) -> None:
    weights = Local().prepare(tiny, tmp_path / "cache")
    assert weights.engine is not None
    assert weights.engine.startswith("llama.cpp (xllamacpp 20")
    assert weights.path == tiny.source


def test_prepare_tells_the_version_of_a_binary(tiny: ModelSpec, tmp_path: Path) -> None:
    binary = program(tmp_path / "llama-server", "echo 'version: 9 (abc)' >&2")
    assert Local(binary=binary).prepare(tiny, tmp_path).engine == "llama.cpp (llama-server 9 (abc))"
    silent = program(tmp_path / "silent", "exit 0")
    assert Local(binary=silent).prepare(tiny, tmp_path).engine == "llama.cpp (llama-server, version unknown)"


def test_a_binary_is_found_by_name_on_path(
    tiny: ModelSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "my-server", "echo 'version: 7'")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert Local(binary="my-server").prepare(tiny, tmp_path).engine == "llama.cpp (llama-server 7)"


def test_a_missing_binary_is_refused(tiny: ModelSpec, tmp_path: Path) -> None:
    with pytest.raises(DeployError, match="there is no program `no-such-server`"):
        Local(binary="no-such-server").prepare(tiny, tmp_path)


def test_a_binary_that_cannot_run_is_refused(tiny: ModelSpec, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_text("no program")
    broken.chmod(0o755)
    with pytest.raises(DeployError, match="cannot be run"):
        Local(binary=str(broken)).prepare(tiny, tmp_path)


def test_corrupt_weights_are_refused_before_a_start(tmp_path: Path) -> None:
    path = write_tiny_model(tmp_path / "tiny.gguf")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(WeightsError, match="cut short"):
        Local().prepare(ModelSpec(name="t", source=str(path)), tmp_path)


def test_start_needs_prepared_weights(tiny: ModelSpec) -> None:
    with pytest.raises(DeployError, match="no weights file"):
        asyncio.run(Local().start(tiny, Weights(model="tiny")))
    assert leases.list_leases() == []


def test_a_port_in_use_is_said_before_a_start(tiny: ModelSpec, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        local = Local(port=port)
        with pytest.raises(DeployError, match=f"port {port} cannot be used: Address already in use"):
            asyncio.run(local.start(tiny, local.prepare(tiny, tmp_path)))
    assert leases.list_leases() == []
