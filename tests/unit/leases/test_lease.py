"""A lease outlives its owner, leads to exactly its server, and goes when the server is gone."""

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from bakeoff import leases
from bakeoff.leases import MARK, Lease, Process

Start = Callable[[Lease], subprocess.Popen[bytes]]

ORPHAN = """
import os, subprocess
from bakeoff import leases
lease = leases.take(target="m", deployer="local")
subprocess.Popen(["sleep", "60"], env=os.environ | {leases.MARK: lease.id}, stdout=subprocess.DEVNULL)
os._exit(0)
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BAKEOFF_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def start() -> Iterator[Start]:
    children: list[subprocess.Popen[bytes]] = []

    def spawn(lease: Lease) -> subprocess.Popen[bytes]:
        children.append(subprocess.Popen(["sleep", "60"], env=os.environ | {MARK: lease.id}))
        return children[-1]

    yield spawn
    for child in children:
        child.kill()
        child.wait()


def take(**options: bool) -> Lease:
    return leases.take(target="m", deployer="local", **options)


def with_server(lease: Lease, pid: int) -> Lease:
    held = msgspec.structs.replace(lease, server=leases.identify(pid))
    leases.write(held)
    return held


def without_owner(lease: Lease) -> Lease:
    gone = msgspec.structs.replace(lease, owner=Process(pid=os.getpid(), started="before"))
    leases.write(gone)
    return gone


def test_a_lease_stands_before_the_start(home: Path) -> None:
    lease = take()
    assert leases.list_leases() == [lease]
    assert leases.state(lease) == "starting"
    (file,) = (home / "leases").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_running_server_is_running(start: Start) -> None:
    lease = with_server(take(), start(take()).pid)
    assert leases.state(lease) == "running"


def test_down_ends_only_the_named(start: Start) -> None:
    first, second = take(), take()
    one, two = start(first), start(second)
    with_server(first, one.pid)
    with_server(second, two.pid)
    assert [lease.id for lease in leases.down([first.id, "unknown"])] == [first.id]
    assert one.poll() is not None or leases.identify(one.pid) is None
    assert two.poll() is None
    assert [lease.id for lease in leases.list_leases()] == [second.id]


def test_down_without_names_ends_all(start: Start) -> None:
    for lease in (take(), take()):
        with_server(lease, start(lease).pid)
    assert len(leases.down()) == 2
    assert leases.list_leases() == []


def test_down_never_ends_a_reused_number(start: Start) -> None:
    stranger = start(take())
    lease = msgspec.structs.replace(take(), server=Process(pid=stranger.pid, started="before"))
    leases.write(lease)
    assert leases.down([lease.id]) == []
    assert stranger.poll() is None
    assert lease.id not in [held.id for held in leases.list_leases()]


def test_a_server_started_in_the_moment_of_a_crash_is_found() -> None:
    subprocess.run([sys.executable, "-c", ORPHAN], check=True)
    (lease,) = leases.list_leases()
    assert lease.server is None
    assert leases.state(lease) == "orphaned"
    (server,) = leases.marked(lease.id)
    assert leases.down([lease.id]) == [lease]
    assert not leases.alive(server)
    assert leases.list_leases() == []


def test_a_lease_of_the_dead_is_dropped(home: Path) -> None:
    lease = without_owner(take())
    assert leases.state(lease) == "dead"
    assert leases.list_leases() == []
    assert list((home / "leases").iterdir()) == []


def test_a_server_kept_on_purpose_is_no_orphan(start: Start) -> None:
    lease = take(keep=True)
    held = without_owner(with_server(lease, start(lease).pid))
    assert leases.state(held) == "running"


def test_another_machines_leases_are_left_alone(start: Start) -> None:
    lease = take()
    far = msgspec.structs.replace(with_server(lease, start(lease).pid), host="another-machine")
    leases.write(far)
    assert leases.down() == []
    assert leases.list_leases() == [far]
    assert leases.state(far) == "elsewhere"


def test_a_start_in_progress_keeps_its_lease() -> None:
    lease = take()
    assert leases.down([lease.id]) == []
    assert leases.list_leases() == [lease]


def test_a_broken_lease_file_hides_no_other(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    lease = take()
    (home / "leases" / "odd.json").write_text("{")
    assert leases.list_leases() == [lease]
    assert "odd.json" in caplog.text


def test_release_is_harmless_where_nothing_is() -> None:
    leases.release("../nothing")
    lease = take()
    leases.release(lease.id)
    leases.release(lease.id)
    assert leases.list_leases() == []


def take_many(_: int) -> list[str]:
    return [take().id for _ in range(10)]


def test_processes_take_leases_at_the_same_time() -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        ids = [name for part in pool.map(take_many, range(4)) for name in part]
        pool.close()
        held = {lease.id for lease in leases.list_leases()}
        pool.join()
    assert len(ids) == len(set(ids)) == 40
    assert held <= set(ids)
    assert leases.list_leases() == []


def test_old_logs_go_and_those_in_use_stay(home: Path) -> None:
    lease = take()
    kept = Path(str(lease.log))
    kept.write_text("in use")
    os.utime(kept, (1, 1))
    for number in range(60):
        (home / "logs" / f"old-{number}.log").write_text("")
    take()
    assert kept.exists()
    assert len(list((home / "logs").iterdir())) == 51


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"BAKEOFF_HOME": "/x"}, "/x"),
        ({"XDG_STATE_HOME": "/y"}, "/y/bakeoff"),
        ({"HOME": "/z"}, "/z/.local/state/bakeoff"),
    ],
)
def test_the_state_folder_follows_the_settings(
    settings: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("BAKEOFF_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert leases.state_dir() == Path(expected)
