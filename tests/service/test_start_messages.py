"""What `bakeoff serve` says when it starts, when it cannot, and when nobody of ours speaks."""

import json
import socket
import sys
import time
from pathlib import Path

import pytest
from tests.integration.commands import call
from tests.ports import free_port
from tests.service.live import Live
from tests.service.test_commands import process, until_ready

from bakeoff.cli._serving import settings_of
from bakeoff.errors import PluginError, UsageError
from bakeoff.server import logs
from bakeoff.server.ground import check_options
from bakeoff.server.store.database import Database

pytestmark = pytest.mark.timeout(120)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("mysql://me:planted@db/x", "a database of the kind `mysql` cannot be used"),
        ("me:planted@nonsense", "the address of the database cannot be read"),
        ("postgresql://me:planted@host:port/x", "the address of the database cannot be read"),
    ],
)
def test_a_database_that_cannot_be_used_is_a_mistake_of_the_command_line(url: str, told: str, tmp_path: Path):
    done = call("serve", "--data", tmp_path, "--database-url", url, cwd=tmp_path)
    assert (done.code, told in done.err) == (2, True), done.err
    assert "only SQLite and PostgreSQL are: sqlite:///FILE or postgresql://USER@HOST/NAME" in done.err
    assert "planted" not in done.err


def test_a_folder_that_cannot_be_written_is_named_with_the_option(tmp_path: Path):
    done = call("serve", "--data", "/proc/bakeoff", cwd=tmp_path)
    assert done.code == 1
    assert "error: /proc/bakeoff: the data folder cannot be made or written: " in done.err
    assert "`--data FOLDER`" in done.err


def test_an_sqlite_file_that_cannot_be_written_is_named(tmp_path: Path):
    done = call("serve", "--data", tmp_path, "--database-url", "sqlite:////proc/bakeoff/x.db", cwd=tmp_path)
    assert done.code == 1
    assert "error: /proc/bakeoff/x.db: the database cannot be written: unable to open" in done.err
    assert "may this user write that file and its folder `/proc/bakeoff`" in done.err
    assert "create tables" not in done.err


def test_postgres_without_its_driver_is_told_with_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(PluginError, match="`psycopg`") as caught:
        Database("postgresql+psycopg://me@127.0.0.1/x")
    assert "pip install -c constraints.txt '.[server,postgres]'" in caught.value.hint
    with pytest.raises(UsageError, match="cannot be read"):
        Database("nonsense")


def test_without_its_packages_the_service_names_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(PluginError, match="needs the package `uvicorn`") as caught:
        settings_of({"data": Path("service")})
    assert caught.value.hint == "from the clone: `.venv/bin/pip install -c constraints.txt '.[server]'`"


def test_the_log_says_what_to_open_and_has_no_line_that_is_not_json(tmp_path: Path):
    port, log = free_port(), tmp_path / "log"
    address = f"http://127.0.0.1:{port}"
    with process(
        "serve", "--data", tmp_path / "data", "--port", str(port), "--workers", "0", log=log
    ) as running:
        service = Live(address, None)  # type: ignore[arg-type]  # only called over HTTP
        until_ready(service, workers=False)
        with socket.create_connection(("127.0.0.1", port), timeout=20) as sock:
            sock.sendall(b"this is no HTTP\r\n\r\n")
            assert sock.recv(1000).startswith(b"HTTP/1.1 400")
        end = time.monotonic() + 20
        while b"Invalid HTTP" not in log.read_bytes() and time.monotonic() < end:
            time.sleep(0.05)
        running.terminate()
        running.wait(30)
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert [line["open"] for line in lines if line["event"] == "ready"] == [f"{address}/docs"]
    warned = [line for line in lines if line["event"] == "server"]
    assert [(line["level"], line["message"]) for line in warned] == [
        ("warning", "Invalid HTTP request received.")
    ]


def test_what_fails_inside_a_library_is_one_line_with_its_trace(capfd: pytest.CaptureFixture[str]):
    logger = logs.take_over("bakeoff-test-library")
    try:
        int("inside")
    except ValueError:
        logger.exception("it failed")
    logger.info("this is nothing to tell")
    (line,) = capfd.readouterr().err.splitlines()
    told = json.loads(line)
    assert (told["level"], told["message"]) == ("error", "it failed")
    assert "ValueError: invalid literal for int() with base 10: 'inside'" in told["traceback"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"endpoints": ("127.0.0.1:8001",)}, "`127.0.0.1:8001` is no origin"),
        ({"endpoints": ("https://a.example", "ftp://b.example")}, "`ftp://b.example` is no origin"),
        ({"secrets": ("BAKEOFF_TEST_NOT_SET",)}, "the variable `BAKEOFF_TEST_NOT_SET` is not set"),
    ],
)
def test_an_option_that_could_never_be_used_is_refused(given: dict[str, tuple[str, ...]], told: str):
    with pytest.raises(UsageError, match=told):
        check_options(settings_of({"data": Path("service"), **given}))
