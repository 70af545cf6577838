"""Servers and runs that several tests of the command line share."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from tests.integration.commands import StoredRun, call, write_sums
from tests.integration.inside import Perf

from bakeoff.testing.truth import TruthProcess, TruthSettings

QUICK = TruthSettings(answer="arithmetic", ttft=0.002)


@pytest.fixture(scope="session")
def sums_server() -> Iterator[TruthProcess]:
    """Serve `good`, which is always right, and `poor`, which mostly is not; other names do not exist."""
    poor = msgspec.structs.replace(QUICK, accuracy=0.3)
    settings = msgspec.structs.replace(QUICK, models={"good": QUICK, "poor": poor})
    with TruthProcess(settings, max_seconds=3600) as server:
        yield server


@pytest.fixture(scope="session")
def sums_run(sums_server: TruthProcess, tmp_path_factory: pytest.TempPathFactory) -> StoredRun:
    """Run the sums once."""
    cwd = tmp_path_factory.mktemp("sums")
    write_sums(cwd, sums_server.url)
    done = call("run", cwd=cwd)
    assert done.code == 0, done.err
    return StoredRun(cwd=cwd, folder=next((cwd / "runs").iterdir()), done=done)


@pytest.fixture(scope="session")
def load_server() -> Iterator[TruthProcess]:
    """Serve any model, quickly."""
    with TruthProcess(TruthSettings(ttft=0.005, itl=0.001), max_seconds=3600) as server:
        yield server


@pytest.fixture
def perf(
    load_server: TruthProcess,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Perf:
    """Return `bakeoff perf` against that server, whose record is empty."""
    load_server.reset()
    monkeypatch.chdir(tmp_path)
    return Perf(load_server.url, tmp_path, capsys)
