"""Everything that a person can get wrong: one clear error, its exit code, nothing started."""

import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from tests.integration.commands import Done, call, write_sums

from bakeoff.records import Sample
from bakeoff.stores.jsonl import read_records
from bakeoff.testing.tiny_model import write_tiny_model
from bakeoff.testing.truth import TruthProcess, TruthSettings

NOBODY = "http://127.0.0.1:9/v1"


def refused(done: Done, code: int, *texts: str) -> None:
    """Check one clear refusal: exit code, the texts in its message, nothing on stdout."""
    assert done.code == code, (done.code, done.err)
    assert done.out == ""
    assert "error: " in done.err
    for text in texts:
        assert text in done.err, done.err


def nothing_started(folder: Path) -> None:
    assert not list(folder.glob("runs/*"))


def test_unknown_key(tmp_path: Path) -> None:
    write_sums(tmp_path, NOBODY, sead=3)
    refused(call("run", cwd=tmp_path), 2, "error: bakeoff.yaml:16: sead: unknown key", "Did you mean `seed`?")
    nothing_started(tmp_path)


def test_all_mistakes_at_once_each_with_its_line(tmp_path: Path) -> None:
    write_sums(tmp_path, "no-url", sead=3, seed="x")
    done = call("run", cwd=tmp_path)
    refused(done, 2, "sead", "seed: expected a whole number")
    places = [line.split(" ")[1] for line in done.err.splitlines() if line.startswith("error: ")]
    assert len(places) == 4
    assert all(place.startswith("bakeoff.yaml:") for place in places)


def test_unset_variable(tmp_path: Path) -> None:
    write_sums(tmp_path, "${NOT_SET_HERE}")
    refused(call("run", cwd=tmp_path), 2, "`NOT_SET_HERE` is not set", "bakeoff.yaml:5")


def test_no_spec_anywhere(tmp_path: Path) -> None:
    refused(call("run", cwd=tmp_path), 2, "there is no bakeoff.yaml", "hint: `bakeoff init` writes one")


def test_missing_spec_file(tmp_path: Path) -> None:
    refused(call("run", "other.yaml", cwd=tmp_path), 2, "other.yaml", "No such file")


def test_missing_data_file(tmp_path: Path) -> None:
    write_sums(tmp_path, NOBODY)
    (tmp_path / "cases.jsonl").unlink()
    refused(call("run", cwd=tmp_path), 2, "cases.jsonl", "bakeoff.yaml:")
    nothing_started(tmp_path)


def test_bad_row(tmp_path: Path) -> None:
    write_sums(tmp_path, NOBODY)
    with (tmp_path / "cases.jsonl").open("a") as file:
        file.write('{"input": "broken\n')
    refused(call("run", cwd=tmp_path), 2, "cases.jsonl:25")
    nothing_started(tmp_path)


def test_empty_data_set(tmp_path: Path) -> None:
    write_sums(tmp_path, NOBODY, cases=1)
    (tmp_path / "cases.jsonl").write_text("")
    refused(call("run", cwd=tmp_path), 2, "cases.jsonl")
    nothing_started(tmp_path)


def test_template_that_names_an_unknown_field(tmp_path: Path) -> None:
    benchmarks = [
        {"name": "b", "dataset": "cases.jsonl", "prompt": "{{inputt}}", "scorers": [{"type": "numeric"}]}
    ]
    write_sums(tmp_path, NOBODY, benchmarks=benchmarks)
    refused(call("run", cwd=tmp_path), 2, "inputt")
    nothing_started(tmp_path)


def test_nobody_listens(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        write_sums(tmp_path, f"http://127.0.0.1:{free.getsockname()[1]}/v1")
        refused(call("run", cwd=tmp_path), 4, "model `good`", "cannot connect", "hint: ")
    nothing_started(tmp_path)


def test_endpoint_that_is_no_url(tmp_path: Path) -> None:
    write_sums(tmp_path, "ftp://127.0.0.1/v1")
    refused(call("run", cwd=tmp_path), 2, "no `http://` or `https://` URL")


def test_path_without_v1(sums_server: TruthProcess, tmp_path: Path) -> None:
    write_sums(tmp_path, sums_server.url.removesuffix("/v1") + "/elsewhere")
    refused(call("run", cwd=tmp_path), 4, "HTTP 404", "does it end in /v1?")
    nothing_started(tmp_path)


def test_wrong_model_name(sums_server: TruthProcess, tmp_path: Path) -> None:
    models = [{"name": "m", "endpoint": sums_server.url, "model": "goood"}]
    write_sums(tmp_path, sums_server.url, models=models)
    refused(
        call("run", cwd=tmp_path),
        4,
        "no model `goood`",
        "Did you mean `good`?",
        "hint: it serves: good, poor",
    )
    nothing_started(tmp_path)


class Echo(BaseHTTPRequestHandler):
    """Refuse every key, and repeat it."""

    def do_POST(self) -> None:
        body = f"wrong key {self.headers['Authorization']}".encode()
        self.send_response(401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Stay quiet."""


@pytest.fixture
def echo_url() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()
        thread.join()


def test_refused_key_is_not_repeated(echo_url: str, tmp_path: Path) -> None:
    models = [{"name": "m", "endpoint": echo_url, "api_key": "${SUMS_KEY}"}]
    write_sums(tmp_path, echo_url, models=models)
    done = call("run", cwd=tmp_path, env={"SUMS_KEY": "secret-key-1234"})
    refused(done, 4, "it refuses the key (HTTP 401)", "hint: check `api_key`")
    assert "secret-key-1234" not in done.err
    nothing_started(tmp_path)


@pytest.mark.parametrize("stream", [True, False])
def test_endpoint_that_answers_200_with_other_json(
    sums_server: TruthProcess, tmp_path: Path, stream: bool
) -> None:
    url = sums_server.url_with("faults=other_json")
    models = [{"name": "m", "endpoint": url, "model": "good", "stream": stream}]
    write_sums(tmp_path, url, models=models)
    refused(call("run", cwd=tmp_path), 4, "it answers, but not as `openai_chat`")
    nothing_started(tmp_path)


def test_corrupt_weights(tmp_path: Path) -> None:
    (tmp_path / "bad.gguf").write_bytes(b"this is no model" * 100)
    write_sums(tmp_path, NOBODY, models=[{"name": "m", "source": "bad.gguf", "deploy": "local"}])
    refused(call("run", cwd=tmp_path), 4, "bad.gguf")
    nothing_started(tmp_path)


def test_weights_cut_short(tmp_path: Path) -> None:
    whole = write_tiny_model(tmp_path / "tiny.gguf").read_bytes()
    (tmp_path / "tiny.gguf").write_bytes(whole[: len(whole) // 2])
    write_sums(tmp_path, NOBODY, models=[{"name": "m", "source": "tiny.gguf", "deploy": "local"}])
    refused(call("run", cwd=tmp_path), 4, "hint: ")
    nothing_started(tmp_path)


def test_missing_weights(tmp_path: Path) -> None:
    write_sums(tmp_path, NOBODY, models=[{"name": "m", "source": "none.gguf", "deploy": "local"}])
    refused(call("run", cwd=tmp_path), 2, "none.gguf", "bakeoff.yaml:")


def test_missing_engine(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['xllamacpp'] = None\n")
    env = {"PYTHONPATH": str(tmp_path), "PATH": str(tmp_path)}
    done = call("quickstart", cwd=tmp_path, env=env)
    refused(
        done,
        4,
        "no engine to run a model",
        "hint: from the clone: `.venv/bin/pip install -c constraints.txt '.[local]'`",
    )
    nothing_started(tmp_path)


def test_port_in_use(tmp_path: Path) -> None:
    write_tiny_model(tmp_path / "tiny.gguf")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        deploy = {"type": "local", "port": port}
        write_sums(tmp_path, NOBODY, models=[{"name": "m", "source": "tiny.gguf", "deploy": deploy}])
        refused(call("run", cwd=tmp_path), 4, f"port {port} cannot be used", "hint: another program uses it")
    nothing_started(tmp_path)


@pytest.mark.parametrize(
    "words", [("rnu",), ("run", "--limt", "3"), ("run", "--limit", "0"), ("runs", "lst")]
)
def test_mistakes_on_the_command_line(words: tuple[str, ...], tmp_path: Path) -> None:
    refused(call(*words, cwd=tmp_path), 2, "hint: `bakeoff")


def test_failure_with_json_is_an_object_on_stderr(tmp_path: Path) -> None:
    write_sums(tmp_path, NOBODY)
    done = call("run", "--json", "--quiet", cwd=tmp_path)
    assert (done.code, done.out) == (4, "")
    told = msgspec.json.decode(done.err)
    assert told["exit_code"] == 4
    assert "cannot connect" in told["error"]
    assert told["where"].startswith("model `good`")


def test_usage_error_with_json_is_an_object_too(tmp_path: Path) -> None:
    done = call("run", "--json", "--nope", cwd=tmp_path)
    assert (done.code, done.out) == (2, "")
    assert msgspec.json.decode(done.err)["exit_code"] == 2


def test_runs_folder_that_cannot_be_made(sums_server: TruthProcess, tmp_path: Path) -> None:
    write_sums(tmp_path, sums_server.url, cases=2)
    done = call("run", "--out", "/proc/here", cwd=tmp_path)
    refused(done, 1, "cannot write the run directory", "hint: choose another with --out")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of 256 kB, which root may."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder],
        capture_output=True,
        check=False,
        text=True,
    )
    if made.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {made.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_full_disk_stops_cleanly_and_the_run_goes_on_later(small_disk: Path, tmp_path: Path) -> None:
    with TruthProcess(TruthSettings(tokens=300)) as server:
        write_sums(tmp_path, server.url, cases=60)
        done = call("run", "--quiet", "--out", small_disk, cwd=tmp_path)
        refused(done, 1, "No space left on device", "hint: free some space")
        (folder,) = small_disk.iterdir()
        stored = len(list(read_records(folder, Sample)))
        assert 5 < stored < 120
        subprocess.run(["mount", "-o", "remount,size=32m", small_disk], check=True)
        again = call("resume", "--quiet", "--out", small_disk, cwd=tmp_path)
    assert again.code == 0, again.err
    keys = [sample.key for sample in read_records(folder, Sample)]
    assert len(keys) == len(set(keys)) == 120


def test_spec_that_is_no_yaml(tmp_path: Path) -> None:
    (tmp_path / "bakeoff.yaml").write_text("models: [\n")
    refused(call("run", cwd=tmp_path), 2, "bakeoff.yaml:")


def test_spec_without_benchmarks(sums_server: TruthProcess, tmp_path: Path) -> None:
    path = write_sums(tmp_path, sums_server.url)
    spec = yaml.safe_load(path.read_text())
    del spec["benchmarks"]
    path.write_text(yaml.safe_dump(spec))
    refused(call("run", cwd=tmp_path), 2, "no benchmarks")
