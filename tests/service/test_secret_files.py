"""Secrets as Kubernetes mounts them: folders of files behind links, with names as Kubernetes writes them."""

import json
import os
import threading
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.service.live import Live, live

from bakeoff.server.secret_values import is_offered, offered, secret_values
from bakeoff.server.settings import Settings

pytestmark = pytest.mark.timeout(120)
KEY = "sk-mounted-5b1e"


def mount(folder: Path, **files: str) -> None:
    """Write a Secret as Kubernetes mounts it: every file is a link to a link to a hidden folder."""
    hidden = folder / "..2026_11_21_10_00_00.123"
    hidden.mkdir(parents=True)
    (folder / "..data").symlink_to(hidden.name)
    for variable, text in files.items():
        name = variable.replace("_", "-")
        (hidden / name).write_text(text)
        (folder / name).symlink_to(f"..data/{name}")


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("secrets") / "files"
    mount(folder / "nemo-model-secret", api_key=KEY + "\n")
    mount(folder / "two.keys", first="one", api_key=KEY)
    (folder / "dash-key").write_text(KEY + "\n")
    return folder


@pytest.fixture(scope="module")
def heard() -> Generator[Any]:
    """An endpoint that writes down the keys it was sent."""
    keys: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            key = self.headers.get("Authorization", "")
            keys.append(key)
            message = {"role": "assistant", "content": f"you sent {key}"}
            body = json.dumps(
                {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
            ).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  its name above
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found: Any = server
        found.keys = keys
        found.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield found
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, secrets: Path) -> Generator[Live]:
    with live(Settings(data=tmp_path_factory.mktemp("service"), workers=1, secret_files=secrets)) as running:
        yield running


def document(heard: Any, key: str) -> dict[str, Any]:
    model = {"name": "m", "endpoint": heard.url, "model": "m", "api_key": key, "stream": False}
    benchmark = {
        "name": "b",
        "dataset": {"type": "synthetic", "prompt_tokens": 8, "output_tokens": 8},
        "load": {"kind": "concurrent", "concurrency": 1, "requests": 2},
        "scorers": [{"type": "contains", "value": "you sent"}],
        "attempts": 1,
    }
    return {"name": "mounted", "models": [model], "benchmarks": [benchmark]}


def test_names_are_files_and_the_files_of_folders(secrets: Path, tmp_path: Path):
    settings = Settings(data=tmp_path, secret_files=secrets)
    assert secret_values(settings) == {
        "dash-key": KEY,
        "nemo-model-secret": KEY,
        "nemo-model-secret/api-key": KEY,
        "two.keys/api-key": KEY,
        "two.keys/first": "one",
    }
    assert offered(settings) == sorted(secret_values(settings))
    assert all(is_offered(name, settings) for name in secret_values(settings))
    assert not is_offered("two.keys", settings)


def test_a_mount_itself_may_be_the_folder(tmp_path: Path):
    mount(tmp_path / "mounted", api_key="one", TOKEN="two")
    settings = Settings(data=tmp_path, secret_files=tmp_path / "mounted")
    assert secret_values(settings) == {"api-key": "one", "TOKEN": "two"}


def test_nothing_leaves_the_folder(tmp_path: Path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "key").write_text("never")
    folder = tmp_path / "files"
    (folder / "mine").mkdir(parents=True)
    (folder / "link").symlink_to(outside / "key")
    (folder / "mine" / "link").symlink_to(outside / "key")
    (folder / "tree").symlink_to(outside)
    (folder / "circle").symlink_to(folder / "circle")
    (folder / "TOKEN").write_text("inside")
    settings = Settings(data=tmp_path, secret_files=folder)
    assert secret_values(settings) == {"TOKEN": "inside"}
    for name in (
        *("link", "mine", "mine/link", "tree", "tree/key", "circle", "..", ".", "", "/", "../outside/key"),
        *(
            "mine/../TOKEN",
            str(outside / "key"),
            "./TOKEN",
            "TOKEN/",
            "..data/key",
            "a/b/c",
            "TOKEN\n",
            "TOKEN\0",
        ),
    ):
        assert not is_offered(name, settings), name


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_read_holds_no_secrets(tmp_path: Path):
    folder = tmp_path / "files" / "closed"
    folder.mkdir(parents=True, mode=0o000)
    assert secret_values(Settings(data=tmp_path, secret_files=folder.parent)) == {}
    assert secret_values(Settings(data=tmp_path, secret_files=tmp_path / "none")) == {}


@pytest.mark.parametrize(
    "name", ["dash-key", "nemo-model-secret", "nemo-model-secret/api-key", "two.keys/api-key"]
)
def test_a_mounted_secret_is_sent_to_the_endpoint_and_told_nowhere(service: Live, heard: Any, name: str):
    heard.keys.clear()
    started = service.call("POST", "/api/v1/runs", {"spec": document(heard, "${" + name + "}")})
    assert started.status == 202, started.body
    run = started.json["id"]
    assert service.ended(run)["state"] == "completed"
    assert set(heard.keys) == {f"Bearer {KEY}"}
    for part in ("spec", "samples", "scores", "results", "report"):
        body = service.call("GET", f"/api/v1/runs/{run}/{part}").body
        assert body, part
        assert KEY.encode() not in body, part
    files = [path for path in service.service.jobs.folder(run).rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if KEY.encode() in path.read_bytes()]
    assert service.call("GET", f"/api/v1/runs/{run}/spec").json["models"][0]["api_key"] == "${" + name + "}"


@pytest.mark.parametrize("name", ["dash-key", "nemo-model-secret", "two.keys/first"])
def test_a_target_may_name_a_mounted_secret(service: Live, heard: Any, name: str):
    body = {"endpoint": heard.url, "api_key": "${" + name + "}"}
    assert service.call("PUT", "/api/v1/targets/mounted", body).status == 200


@pytest.mark.parametrize(
    ("ref", "named"), [("nemo-model-secret", "nemo-model-secret"), ("two.keys", "two.keys")]
)
def test_the_secret_of_an_evalhub_job_is_its_api_key(service: Live, heard: Any, ref: str, named: str):
    heard.keys.clear()
    model = {"name": "m", "url": heard.url, "auth": {"secret_ref": ref}}
    chosen = {"id": "basics", "provider_id": "bakeoff", "parameters": {"limit": 1}}
    asked = {"name": "job", "model": model, "benchmarks": [chosen]}
    started = service.call("POST", "/api/v1/evaluations/jobs", asked)
    assert started.status == 202, started.body
    run = started.json["resource"]["id"]
    service.ended(run)
    assert set(heard.keys) == {f"Bearer {KEY}"}
    spec = service.call("GET", f"/api/v1/runs/{run}/spec").json
    assert spec["models"][0]["api_key"] == "${" + named + "/api-key}"


@pytest.mark.parametrize("name", ["two.keys", "nemo-model-secret/other", "../dash-key", "PATH"])
def test_which_names_there_are_is_for_the_log_alone(
    service: Live, heard: Any, name: str, capfd: pytest.CaptureFixture[str]
):
    answer = service.call("POST", "/api/v1/runs", {"spec": document(heard, "${" + name + "}")})
    assert answer.status == 400
    assert f"this server offers no variable `{name}`" in answer.json["error"]["message"]
    assert b"dash-key" not in answer.body.replace(name.encode(), b"")
    told = [json.loads(line) for line in capfd.readouterr().err.splitlines() if "secret_not_offered" in line]
    assert told[-1]["name"] == name
    assert "nemo-model-secret/api-key" in told[-1]["offered"]
