"""The real engine with a tiny random model: starting, failing, stopping, and surviving crashes."""

import asyncio
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from bakeoff import leases
from bakeoff.deployers.local import Local
from bakeoff.errors import DeployError
from bakeoff.records import Deployment, ModelSpec, Weights
from bakeoff.testing.tiny_model import write_tiny_model

SMALL = {"context": 128, "slots": 2, "threads": 1}

# Takes the flags and the environment of `llama-server`, refuses any other, and serves with the real engine.
STAND_IN = """#!{python}
import argparse, os, signal, sys, xllamacpp
if sys.argv[1:] == ["--version"]:
    sys.exit("version: stand-in")
parser = argparse.ArgumentParser(allow_abbrev=False)
for flag in ("model", "alias", "host", "port", "ctx-size", "parallel", "threads", "threads-batch"):
    parser.add_argument(f"--{{flag}}", required=True)
for flag in ("metrics", "slots", "no-webui"):
    parser.add_argument(f"--{{flag}}", action="store_true", required=True)
asked = parser.parse_args()
params = xllamacpp.CommonParams()
params.model.path, params.model_alias = asked.model, {{asked.alias}}
params.hostnames, params.port = [asked.host], int(asked.port)
params.n_ctx, params.n_parallel = int(asked.ctx_size), int(asked.parallel)
params.api_keys = [os.environ["LLAMA_API_KEY"]]
server = xllamacpp.Server(params)
signal.pause()
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BAKEOFF_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def tiny(tmp_path: Path) -> ModelSpec:
    return ModelSpec(name="tiny", source=str(write_tiny_model(tmp_path / "tiny.gguf")))


@pytest.fixture
def stand_in(tmp_path: Path) -> str:
    binary = tmp_path / "llama-server"
    binary.write_text(STAND_IN.format(python=sys.executable))
    binary.chmod(0o755)
    return str(binary)


def ask(
    deployment: Deployment, path: str, key: str | None = None, body: object = None
) -> tuple[int, str, str]:
    """Return status, body and the allowed origin of one request."""
    parts = urlsplit(deployment.endpoint)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    headers = {"Authorization": f"Bearer {key or deployment.api_key}", "Origin": "http://elsewhere.example"}
    try:
        connection.request("POST" if body else "GET", path, json.dumps(body) if body else None, headers)
        response = connection.getresponse()
        text = response.read().decode()
        return response.status, text, response.getheader("Access-Control-Allow-Origin", "")
    finally:
        connection.close()


def with_server(
    local: Local, model: ModelSpec, use: Callable[[Deployment], Awaitable[None] | None]
) -> Deployment:
    async def session() -> Deployment:
        deployment = await local.start(model, local.prepare(model, Path(os.environ["BAKEOFF_HOME"])))
        try:
            waiting = use(deployment)
            if waiting is not None:
                await waiting
        finally:
            await local.stop(deployment)
        return deployment

    return asyncio.run(session())


def processes() -> str:
    return subprocess.run(["ps", "-axwwo", "args="], capture_output=True, check=True, text=True).stdout


def is_gone(lease: str | None, within_s: float = 5.0) -> bool:
    deadline = time.monotonic() + within_s
    while leases.marked(str(lease)) or lease in [held.id for held in leases.list_leases()]:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_a_server_answers_and_stops(tiny: ModelSpec) -> None:
    def use(deployment: Deployment) -> None:
        status, text, _ = ask(deployment, "/v1/completions", body={"prompt": "hello", "max_tokens": 3})
        assert status == 200
        assert json.loads(text)["model"] == "tiny"
        assert leases.state(leases.list_leases()[0]) == "running"
        assert leases.list_leases()[0].endpoint == deployment.endpoint

    deployment = with_server(Local(**SMALL), tiny, use)
    assert deployment.endpoint.startswith("http://127.0.0.1:")
    assert leases.list_leases() == []
    assert leases.marked(str(deployment.lease)) == []
    with pytest.raises(ConnectionRefusedError):
        ask(deployment, "/health")


def test_a_server_is_closed_to_others(tiny: ModelSpec) -> None:
    def use(deployment: Deployment) -> None:
        question = {"prompt": "hello", "max_tokens": 1}
        assert ask(deployment, "/v1/completions", key="wrong", body=question)[0] == 401
        status, _, origin = ask(deployment, "/v1/completions", body=question)
        assert (status, origin) == (200, "")
        assert ask(deployment, "/")[0] == 404, "a web page is served"
        assert ask(deployment, "/metrics")[0] == 200
        slots = json.loads(ask(deployment, "/slots")[1])
        assert [slot["n_ctx"] for slot in slots] == [256, 256]

    with_server(Local(context=256, slots=2, threads=1), tiny, use)


def test_the_key_is_random_and_shows_nowhere(tiny: ModelSpec, home: Path) -> None:
    keys: list[str] = []

    def use(deployment: Deployment) -> None:
        keys.append(str(deployment.api_key))
        ask(deployment, "/v1/completions", body={"prompt": "hello", "max_tokens": 1})
        assert str(deployment.lease) in processes()
        assert str(deployment.api_key) not in processes()

    for _ in range(2):
        with_server(Local(**SMALL), tiny, use)
    written = b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
    assert keys[0] != keys[1]
    assert not any(key.encode() in written for key in keys)


def test_the_specs_own_key_is_used(tiny: ModelSpec) -> None:
    model = ModelSpec(name="tiny", source=tiny.source, api_key="my-own-key")
    deployment = with_server(Local(**SMALL), model, lambda _: None)
    assert deployment.api_key == "my-own-key"


def test_two_models_run_side_by_side(tiny: ModelSpec, tmp_path: Path) -> None:
    async def session() -> None:
        local = Local(**SMALL)
        weights = local.prepare(tiny, tmp_path / "cache")
        both = await asyncio.gather(local.start(tiny, weights), local.start(tiny, weights))
        assert both[0].endpoint != both[1].endpoint
        await local.stop(both[0])
        assert ask(both[1], "/health")[0] == 200
        await local.stop(both[1])

    asyncio.run(session())


def test_stopping_twice_or_after_a_crash_is_harmless(tiny: ModelSpec) -> None:
    local = Local(**SMALL)

    async def use(deployment: Deployment) -> None:
        assert deployment.pid is not None
        os.kill(deployment.pid, signal.SIGKILL)
        await local.stop(deployment)
        await local.stop(deployment)

    with_server(local, tiny, use)
    assert leases.list_leases() == []


def test_weights_that_the_engine_rejects_show_its_log(tmp_path: Path) -> None:
    path = write_tiny_model(tmp_path / "odd.gguf", architecture="odd")
    local, model = Local(**SMALL), ModelSpec(name="odd", source=str(path))
    with pytest.raises(DeployError, match="unknown model architecture: 'odd'") as caught:
        asyncio.run(local.start(model, local.prepare(model, tmp_path)))
    assert "`odd` did not start: the server ended with exit code 1" in caught.value.message
    assert "older than the model" in caught.value.hint
    assert "Traceback" not in caught.value.message
    assert len(caught.value.message.splitlines()) <= 22
    assert leases.list_leases() == []


def test_a_server_that_is_too_slow_is_ended(tiny: ModelSpec, tmp_path: Path) -> None:
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\necho thinking >&2\nexec sleep 60\n")
    slow.chmod(0o755)
    local = Local(binary=str(slow), ready_timeout=0.5)
    with pytest.raises(DeployError, match=r"no answer within 0\.5 s") as caught:
        asyncio.run(local.start(tiny, Weights(model="tiny", path=tiny.source)))
    assert "thinking" in caught.value.message
    assert "ready_timeout" in caught.value.hint
    assert leases.list_leases() == []
    assert str(tmp_path / "slow") not in processes()


def test_a_cancelled_start_leaves_nothing(tiny: ModelSpec, tmp_path: Path) -> None:
    async def session() -> str:
        starting = asyncio.create_task(local.start(tiny, Weights(model="tiny", path=tiny.source)))
        await asyncio.sleep(0.5)
        (held,) = leases.list_leases()
        assert leases.marked(held.id)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
        return held.id

    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    local = Local(binary=str(slow))
    lease = asyncio.run(session())
    assert leases.list_leases() == []
    assert leases.marked(lease) == []


@pytest.mark.parametrize(
    ("script", "reason", "hint"),
    [
        ("exit 3", "ended with exit code 3", "the log above"),
        ("kill -9 $$", "ended by SIGKILL", "lack of memory"),
        ("kill -4 $$", "ended by SIGILL", "does not fit this processor"),
        ('echo "couldn\'t bind HTTP server socket" >&2; exit 1', "exit code 1", "choose another `port`"),
    ],
)
def test_an_early_death_tells_how_and_what_to_do(
    script: str, reason: str, hint: str, tiny: ModelSpec, tmp_path: Path
) -> None:
    binary = tmp_path / "dying"
    binary.write_text(f"#!/bin/sh\n{script}\n")
    binary.chmod(0o755)
    with pytest.raises(DeployError, match=reason) as caught:
        asyncio.run(Local(binary=str(binary)).start(tiny, Weights(model="tiny", path=tiny.source)))
    assert hint in caught.value.hint


ANSWERS = """#!{python}
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Server(BaseHTTPRequestHandler):
    answers = {answers}
    def do_POST(self):
        status, body = self.answers.pop(0)
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body)

HTTPServer(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1])), Server).serve_forever()
"""


def answering(path: Path, answers: list[tuple[int, bytes]]) -> Local:
    path.write_text(ANSWERS.format(python=sys.executable, answers=answers))
    path.chmod(0o755)
    return Local(binary=str(path), ready_timeout=20)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [((500, b"out of luck"), "HTTP 500: out of luck"), ((200, b"{}"), r"has no `choices`: \{\}")],
)
def test_a_server_must_answer_a_completion(
    answer: tuple[int, bytes], reason: str, tiny: ModelSpec, tmp_path: Path
) -> None:
    local = answering(tmp_path / "odd-server", [answer])
    with pytest.raises(DeployError, match=reason):
        asyncio.run(local.start(tiny, Weights(model="tiny", path=tiny.source)))
    assert leases.list_leases() == []


def test_a_server_that_still_loads_is_waited_for(tiny: ModelSpec, tmp_path: Path) -> None:
    answers = [(503, b"loading"), (503, b"loading"), (200, b'{"choices": []}')]
    with_server(answering(tmp_path / "slow-server", answers), tiny, lambda _: None)


def test_a_llama_server_is_driven_by_its_own_flags(tiny: ModelSpec, stand_in: str) -> None:
    def use(deployment: Deployment) -> None:
        assert ask(deployment, "/v1/completions", body={"prompt": "hello", "max_tokens": 1})[0] == 200
        assert ask(deployment, "/v1/completions", key="no", body={"prompt": "hello"})[0] == 401
        assert stand_in in processes()
        assert str(deployment.api_key) not in processes()

    deployment = with_server(Local(binary=stand_in, **SMALL), tiny, use)
    assert deployment.engine == "llama.cpp (llama-server stand-in)"
    assert stand_in not in processes()


OWNER = """
import asyncio, os, sys
from pathlib import Path
from bakeoff.deployers.local import Local
from bakeoff.records import ModelSpec

async def main():
    local = Local(context=128, slots=1, threads=1, detach=sys.argv[2] == "detach", binary=sys.argv[3] or None)
    model = ModelSpec(name="tiny", source=sys.argv[1])
    deployment = await local.start(model, local.prepare(model, Path(sys.argv[1]).parent))
    print(deployment.lease, flush=True)
    if not local.detach:
        await asyncio.sleep(60)

asyncio.run(main())
"""


def owner(tiny: ModelSpec, mode: str, binary: str = "") -> tuple[subprocess.Popen[str], str]:
    child = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tiny.source), mode, binary], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    return child, child.stdout.readline().strip()


def test_a_server_ends_when_its_owner_is_killed(tiny: ModelSpec) -> None:
    child, lease = owner(tiny, "own")
    with child:
        assert len(leases.marked(lease)) == 1
        child.kill()
        child.wait()
    assert is_gone(lease)
    assert leases.list_leases() == []


def test_down_cleans_up_after_a_crash_of_owner_and_supervisor(tiny: ModelSpec, stand_in: str) -> None:
    child, lease = owner(tiny, "own", stand_in)
    (held,) = leases.list_leases()
    assert held.server is not None
    with child:
        os.kill(held.server.pid, signal.SIGKILL)
        child.kill()
        child.wait()
    (server,) = leases.marked(lease)
    assert leases.alive(server)
    assert [leases.state(left) for left in leases.list_leases()] == ["orphaned"]
    assert [left.id for left in leases.down()] == [lease]
    assert not leases.alive(server)
    assert leases.list_leases() == []


def test_a_detached_server_stays_until_down(tiny: ModelSpec) -> None:
    child, lease = owner(tiny, "detach")
    with child:
        assert child.wait() == 0
    time.sleep(0.6)  # longer than an attached server takes to notice
    (held,) = leases.list_leases()
    assert (held.id, leases.state(held)) == (lease, "running")
    deployment = Deployment(target="tiny", endpoint=str(held.endpoint))
    assert ask(deployment, "/health", key="none")[0] == 200
    assert [gone.id for gone in leases.down([lease])] == [lease]
    assert is_gone(lease)


def test_ctrl_c_in_the_terminal_does_not_reach_the_server(tiny: ModelSpec) -> None:
    def use(deployment: Deployment) -> None:
        assert deployment.pid is not None
        assert os.getpgid(deployment.pid) == deployment.pid != os.getpgrp()

    with_server(Local(**SMALL), tiny, use)


def test_the_users_engine_settings_do_not_leak_in(
    tiny: ModelSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLAMA_ARG_CTX_SIZE", "7")
    monkeypatch.setenv("OMP_WAIT_POLICY", "active")

    def use(deployment: Deployment) -> None:
        environment = Path(f"/proc/{deployment.pid}/environ").read_bytes().split(b"\0")
        assert b"OMP_WAIT_POLICY=passive" in environment
        assert not [entry for entry in environment if re.match(rb"LLAMA_", entry)]

    with_server(Local(**SMALL), tiny, use)
