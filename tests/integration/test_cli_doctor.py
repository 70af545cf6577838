"""`doctor`: each check a line, each problem with its fix."""

import socket
from pathlib import Path
from typing import Any

import pytest
from tests.integration.commands import Done, call

from bakeoff.testing.truth import TruthProcess, TruthSettings

MACHINE = {
    "python", "packages", "event loop", "runs folder", "cache", "clock", "clock drift", "loop delay",
    "receive stamps", "local engine", "servers",
}  # fmt: skip


def checks(done: Done) -> dict[str, dict[str, Any]]:
    return {check["name"]: check for check in done.document()["checks"]}


def test_machine_is_checked_line_by_line(tmp_path: Path) -> None:
    done = call("doctor", "--json", cwd=tmp_path)
    found = checks(done)
    assert set(found) == MACHINE
    assert all(check["fix"] for check in found.values() if check["state"] != "ok")
    assert done.code == (1 if any(check["state"] == "fail" for check in found.values()) else 0)
    text = call("doctor", cwd=tmp_path).out
    assert all(line.split()[0] in {"ok", "warn", "fail", "fix:"} for line in text.splitlines())


def test_calibration_tells_the_limits_and_what_they_mean(tmp_path: Path) -> None:
    words = ("doctor", "--calibrate", "--calibrate-seconds", "0.5")
    text = call(*words, cwd=tmp_path).out
    limits = text.partition("limits of one client process")[2]
    for name in ("open loop", "1 token a call", "8 tokens a call", "receive stamps", "timer"):
        assert f"\n{name}" in limits
    assert limits.count("-> ") == 6
    document = call(*words, "--json", cwd=tmp_path).document()
    assert document["calibration"]["tokens"] == 128
    assert [flood["tokens_per_call"] for flood in document["calibration"]["floods"]] == [1, 8]


def test_limits_are_measured_only_when_asked_for(tmp_path: Path) -> None:
    assert call("doctor", "--json", cwd=tmp_path).document()["calibration"] is None


def test_folder_that_cannot_hold_runs_fails(tmp_path: Path) -> None:
    done = call("doctor", "--json", "--out", "/proc/runs", cwd=tmp_path)
    assert done.code == 1
    assert checks(done)["runs folder"]["state"] == "fail"


def test_key_of_an_endpoint_may_stand_in_a_dotenv_file(tmp_path: Path) -> None:
    with TruthProcess(TruthSettings(answer="arithmetic", api_key="from-file")) as server:
        asked = ("doctor", "--endpoint", server.url, "--api-key-env", "DOCTORS_KEY", "--json")
        done = call(*asked, cwd=tmp_path)
        assert (done.code, ".env" in done.err) == (2, True)
        (tmp_path / ".env").write_text("DOCTORS_KEY=from-file\n")
        assert checks(call(*asked, cwd=tmp_path))["completion"]["state"] == "ok"
    (tmp_path / ".env").write_text("DOCTORS_KEY\n")
    assert "`KEY=value`" in call(*asked, cwd=tmp_path).err


def test_good_endpoint_passes_every_check(sums_server: TruthProcess, tmp_path: Path) -> None:
    done = call("doctor", "--endpoint", sums_server.url, "--json", cwd=tmp_path)
    found = checks(done)
    for name in ("endpoint", "models", "completion", "usage", "streaming", "streamed usage"):
        assert found[name]["state"] == "ok", found[name]
    assert found["models"]["text"] == "good, poor"


def test_endpoint_that_is_not_there_exits_4(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        done = call("doctor", "--endpoint", f"http://127.0.0.1:{free.getsockname()[1]}/v1", cwd=tmp_path)
    assert done.code == 4
    assert "fail endpoint" in done.out
    assert "fix: is the server running" in done.out


def test_wrong_model_is_explained(sums_server: TruthProcess, tmp_path: Path) -> None:
    done = call("doctor", "--endpoint", sums_server.url, "--model", "goood", cwd=tmp_path)
    assert done.code == 4
    assert "Did you mean `good`?" in done.out
    assert "HTTP 404" in done.out


@pytest.mark.parametrize(("key", "code"), [("right-key-123", 0), ("wrong-key-456", 4)])
def test_key_is_taken_from_the_named_variable(key: str, code: int, tmp_path: Path) -> None:
    with TruthProcess(TruthSettings(api_key="right-key-123")) as server:
        words = ("doctor", "--endpoint", server.url, "--model", "m", "--api-key-env", "MY_KEY")
        done = call(*words, cwd=tmp_path, env={"MY_KEY": key})
    assert done.code == code, done.out
    assert key not in done.out + done.err
    assert ("refuses the key" in done.out) == (code == 4)


def test_unset_key_variable_is_a_usage_error(tmp_path: Path) -> None:
    done = call("doctor", "--endpoint", "http://127.0.0.1:9/v1", "--api-key-env", "NO_SUCH", cwd=tmp_path)
    assert done.code == 2
    assert "`NO_SUCH` is not set" in done.err


@pytest.mark.parametrize(
    ("settings", "check", "state"),
    [
        ("usage=none", "streamed usage", "warn"),
        ("faults=other_json", "endpoint", "fail"),
        ("tokens=1", "streaming", "warn"),
    ],
)
def test_what_an_endpoint_lacks_is_named(
    sums_server: TruthProcess, tmp_path: Path, settings: str, check: str, state: str
) -> None:
    url = sums_server.url_with(settings)
    done = call("doctor", "--endpoint", url, "--model", "good", "--json", cwd=tmp_path)
    named = [one for one in done.document()["checks"] if one["name"] == check]
    assert state in {one["state"] for one in named}, named
