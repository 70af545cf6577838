"""`deploy`: a real engine with a tiny model, and what is refused."""

import http.client
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from tests.integration.commands import call, write_sums

from bakeoff.testing.tiny_model import write_tiny_model


@pytest.fixture
def home(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Give the test leases of its own, and stop its servers whatever happens."""
    env = {"BAKEOFF_HOME": str(tmp_path / "home")}
    yield env
    call("deploy", "down", "--all", cwd=tmp_path, env=env)


def write_local(folder: Path, **options: int) -> None:
    write_tiny_model(folder / "tiny.gguf")
    deploy = {"type": "local", "threads": 1, "context": 256, "slots": 1} | options
    models = [{"name": "tiny", "source": "tiny.gguf", "deploy": deploy}]
    (folder / "bakeoff.yaml").write_text(yaml.safe_dump({"version": 1, "models": models}))


def ask(endpoint: str, key: str) -> int:
    """Return the status of a completion."""
    parts = urlsplit(endpoint)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
    try:
        body = '{"model": "tiny", "prompt": "Hi", "max_tokens": 1}'
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        connection.request("POST", f"{parts.path}/completions", body, headers)
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.timeout(90)
def test_server_outlives_the_command_until_it_is_told_to_stop(tmp_path: Path, home: dict[str, str]) -> None:
    write_local(tmp_path)
    (server,) = call("deploy", "up", "--json", cwd=tmp_path, env=home).document()["servers"]
    key, lease = server["api_key"], server["lease"]
    assert ask(server["endpoint"], key) == 200
    assert ask(server["endpoint"], "guess") == 401
    listed = call("deploy", "status", "--json", cwd=tmp_path, env=home)
    assert [(one["lease"], one["state"]) for one in listed.document()["servers"]] == [(lease, "running")]
    log = call("deploy", "logs", "tiny", "--lines", "1000", cwd=tmp_path, env=home)
    assert log.out.strip()
    files = b"".join(path.read_bytes() for path in (tmp_path / "home").rglob("*") if path.is_file())
    assert key not in listed.out + log.out
    assert key.encode() not in files
    stopped = call("deploy", "down", "tiny", cwd=tmp_path, env=home)
    assert f"stopped {lease} (tiny)" in stopped.out
    with pytest.raises(OSError, match="refused"):
        ask(server["endpoint"], key)
    assert call("deploy", "logs", lease, cwd=tmp_path, env=home).code == 0


@pytest.mark.timeout(90)
def test_people_are_told_where_the_server_is_and_how_it_is_stopped(
    tmp_path: Path, home: dict[str, str]
) -> None:
    write_local(tmp_path)
    told = call("deploy", "up", "--models", "tiny", cwd=tmp_path, env=home)
    assert told.out.startswith("tiny\n  endpoint  http://127.0.0.1:")
    assert "shown once and stored nowhere" in told.out
    lease = told.out.partition("bakeoff deploy down ")[2].split()[0]
    table = call("deploy", "status", cwd=tmp_path, env=home).out.splitlines()
    assert table[0].split() == ["lease", "model", "state", "endpoint", "since"]
    assert table[2].split()[:3] == [lease, "tiny", "running"]
    done = call("deploy", "down", "--all", "--json", cwd=tmp_path, env=home)
    assert done.document()["stopped"] == [lease]


def test_nothing_to_start_is_said(tmp_path: Path, home: dict[str, str]) -> None:
    write_sums(tmp_path, "http://127.0.0.1:9/v1")
    done = call("deploy", "up", cwd=tmp_path, env=home)
    assert done.code == 2
    assert "there is nothing to start" in done.err


def test_down_wants_names_or_all(tmp_path: Path, home: dict[str, str]) -> None:
    assert call("deploy", "down", cwd=tmp_path, env=home).code == 2
    assert call("deploy", "down", "some", "--all", cwd=tmp_path, env=home).code == 2
    done = call("deploy", "down", "--all", cwd=tmp_path, env=home)
    assert (done.code, done.out) == (0, "no server was running\n")


@pytest.mark.parametrize("words", [("down", "nothing"), ("logs", "nothing")])
def test_unknown_server_is_refused(words: tuple[str, str], tmp_path: Path, home: dict[str, str]) -> None:
    done = call("deploy", *words, cwd=tmp_path, env=home)
    assert done.code == 2
    assert "`nothing`" in done.err


def test_status_of_nothing(tmp_path: Path, home: dict[str, str]) -> None:
    assert call("deploy", "status", cwd=tmp_path, env=home).out == "no server is running\n"
    assert call("deploy", "status", "--json", cwd=tmp_path, env=home).document()["servers"] == []
