"""What is wrong with a machine is found, and told with its fix. The system's functions stand in for it."""

import asyncio
import shutil
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace

import pytest

from bakeoff import clock, leases
from bakeoff.run import doctor
from bakeoff.run.doctor import Check, exit_code

ORPHAN = """
import os, subprocess, time
from bakeoff import leases
lease = leases.take(target="m", deployer="local")
subprocess.Popen(["sleep", "60"], env=os.environ | {leases.MARK: lease.id}, stdout=subprocess.DEVNULL)
time.sleep(0.5)  # until the system has put the mark in its place
os._exit(0)
"""


def no_package(name: str) -> str:
    raise PackageNotFoundError(name)


def check(state: doctor.State, *, endpoint: bool = False) -> Check:
    return Check(name="c", state=state, text="t", endpoint=endpoint)


def test_exit_code_puts_the_endpoint_before_the_machine():
    assert exit_code([check("ok"), check("warn")]) == 0
    assert exit_code([check("fail"), check("ok", endpoint=True)]) == 1
    assert exit_code([check("fail"), check("fail", endpoint=True)]) == 4


def test_a_missing_package_fails(monkeypatch):
    monkeypatch.setattr(doctor, "version", no_package)
    found = doctor._packages()
    assert found.state == "fail"
    assert "msgspec" in found.text
    assert "pip install -c constraints.txt" in found.fix


def test_a_machine_without_uvloop_is_told_that_it_is_slower(monkeypatch):
    monkeypatch.setattr(doctor, "version", no_package)
    assert doctor._uvloop().fix == "pip install uvloop"


@pytest.mark.parametrize(("free", "state"), [(1e8, "fail"), (1e9, "warn"), (1e11, "ok")])
def test_space_is_judged(free, state, monkeypatch, tmp_path: Path):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    found = doctor._disk("runs folder", tmp_path / "not" / "yet")
    assert found.state == state
    assert bool(found.fix) == (state != "ok")


@pytest.mark.parametrize(("name", "fix"), [("runs folder", "--out"), ("cache", "BAKEOFF_CACHE")])
def test_a_folder_that_cannot_be_written_is_told_with_what_to_set(name, fix, monkeypatch, tmp_path: Path):
    monkeypatch.setattr(doctor.os, "access", lambda *_: False)
    found = doctor._disk(name, tmp_path)
    assert found.state == "fail"
    assert fix in found.fix


@pytest.mark.parametrize(("resolution", "adjustable"), [(0.015, False), (1e-9, True)])
def test_a_coarse_or_adjustable_clock_is_told(resolution, adjustable, monkeypatch):
    info = SimpleNamespace(resolution=resolution, adjustable=adjustable, implementation="other")
    monkeypatch.setattr(time, "get_clock_info", lambda _: info)
    assert doctor._resolution().state == "warn"


def test_a_wall_clock_that_runs_away_is_told(monkeypatch):
    real = clock.wall_ns
    began = clock.now_ns()
    monkeypatch.setattr(clock, "wall_ns", lambda: real() + (clock.now_ns() - began) // 100)
    found = asyncio.run(doctor._drift())
    assert found.state == "warn"
    assert "time service" in found.fix


def test_a_busy_machine_is_told():
    async def work() -> Check:
        task = asyncio.create_task(hog())
        try:
            return await doctor._loop_delay()
        finally:
            task.cancel()

    async def hog() -> None:
        while True:
            time.sleep(0.02)  # noqa: ASYNC251  it stands in for another program
            await asyncio.sleep(0)

    found = asyncio.run(work())
    assert found.state == "warn"
    assert "stop them" in found.fix


def test_a_system_without_kernel_stamps_is_told(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert doctor._stamps().state == "warn"


def test_the_engine_is_found_inside_the_package_or_on_the_path_or_not_at_all(monkeypatch):
    monkeypatch.setattr(doctor, "find_spec", lambda _: object())
    assert "xllamacpp" in doctor._engine().text
    monkeypatch.setattr(doctor, "find_spec", lambda _: None)
    monkeypatch.setattr(shutil, "which", lambda _: "/opt/llama-server")
    assert doctor._engine().text == "llama.cpp (/opt/llama-server)"
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert doctor._engine().fix == "from the clone: `.venv/bin/pip install -c constraints.txt '.[local]'`"


def test_servers_that_a_crash_left_behind_are_told_with_the_command_that_stops_them(monkeypatch, tmp_path):
    monkeypatch.setenv("BAKEOFF_HOME", str(tmp_path))
    assert doctor._leftovers().text == "none running"
    subprocess.run([sys.executable, "-c", ORPHAN], check=True)
    (lease,) = leases.list_leases()
    try:
        found = doctor._leftovers()
        assert found.state == "warn"
        assert found.fix == f"bakeoff deploy down {lease.id}"
    finally:
        leases.down([lease.id])
