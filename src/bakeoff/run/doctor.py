"""Whether this machine can measure: versions, disk, clocks, event loop, engine; each problem with its fix."""

import asyncio
import os
import platform
import shutil
import time
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import msgspec

from bakeoff import __version__, clock, leases
from bakeoff.deployers import weights_cache
from bakeoff.errors import install_hint
from bakeoff.wire.stamps import kernel_stamps_available

State = Literal["ok", "warn", "fail"]
CORE = ("click", "httptools", "jinja2", "msgspec", "pyyaml", "rich")
_GB = 1e9
_SLEEPS = 60
_SLEEP_S = 0.005


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One finding; `fix` says what to do about a warning or a failure."""

    name: str
    state: State
    text: str
    fix: str = ""
    endpoint: bool = False


async def machine_checks(runs: Path) -> list[Check]:
    """Return the findings about this machine.

    Args:
        runs: folder that is to hold runs.
    """
    disks = await asyncio.to_thread(lambda: [_disk("runs folder", runs), _disk("cache", weights_cache())])
    return [
        Check(name="python", state="ok", text=f"{platform.python_version()} on {platform.platform()}"),
        _packages(),
        _uvloop(),
        *disks,
        _resolution(),
        await _drift(),
        await _loop_delay(),
        _stamps(),
        _engine(),
        await asyncio.to_thread(_leftovers),
    ]


def exit_code(checks: list[Check]) -> int:
    """Return 4 when the endpoint failed, 1 when something else did, else 0."""
    failed = [check for check in checks if check.state == "fail"]
    return 4 if any(check.endpoint for check in failed) else 1 if failed else 0


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _packages() -> Check:
    found = {package: _version(package) for package in CORE}
    missing = [package for package, known in found.items() if known is None]
    text = f"bakeoff {__version__}, " + ", ".join(f"{name} {known}" for name, known in found.items() if known)
    if missing:
        return Check(
            name="packages",
            state="fail",
            text=f"missing: {', '.join(missing)}",
            fix="from the clone: `.venv/bin/pip install -c constraints.txt --force-reinstall .`",
        )
    return Check(name="packages", state="ok", text=text)


def _uvloop() -> Check:
    known = _version("uvloop")
    if known is None:
        fix = "pip install uvloop"
        return Check(name="event loop", state="warn", text="asyncio's own, slower than uvloop", fix=fix)
    return Check(name="event loop", state="ok", text=f"uvloop {known}")


def _disk(name: str, folder: Path) -> Check:
    """Judge where files will lie: the folder, or the nearest above it that exists."""
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    free = shutil.disk_usage(there).free
    text = f"{free / _GB:,.1f} GB free at {folder}"
    if not os.access(there, os.W_OK):
        fix = "choose another with --out" if name == "runs folder" else "set BAKEOFF_CACHE to another folder"
        return Check(name=name, state="fail", text=f"{there} cannot be written", fix=fix)
    if free < 0.2 * _GB:
        return Check(
            name=name, state="fail", text=text, fix="free some space: a run needs about 2 kB a sample"
        )
    if free < 2 * _GB:
        return Check(name=name, state="warn", text=text, fix="free some space; weights take 0.1 GB and more")
    return Check(name=name, state="ok", text=text)


def _resolution() -> Check:
    info = time.get_clock_info("monotonic")
    text = f"monotonic in steps of {info.resolution * 1e9:.0f} ns ({info.implementation})"
    if info.resolution > 1e-4 or info.adjustable:
        fix = "latencies below ten steps of the clock mean nothing here; measure on another machine"
        return Check(name="clock", state="warn", text=text, fix=fix)
    return Check(name="clock", state="ok", text=text)


async def _drift() -> Check:
    """Compare the wall clock with the monotonic one: kernel stamps are taken on the former."""
    before, began = clock.realtime_offset_ns(), clock.now_ns()
    await asyncio.sleep(0.25)
    moved = clock.realtime_offset_ns() - before
    ppm = 1e6 * moved / (clock.now_ns() - began)
    text = f"wall clock against monotonic: {ppm:+.0f} ppm"
    if abs(ppm) > 1000:
        fix = "the wall clock is being set at this moment; wait until the time service has finished"
        return Check(name="clock drift", state="warn", text=text, fix=fix)
    return Check(name="clock drift", state="ok", text=text)


async def _loop_delay() -> Check:
    """Measure how late short sleeps end: what this machine adds to what a client sees."""
    late: list[float] = []
    for _ in range(_SLEEPS):
        began = clock.now_ns()
        await asyncio.sleep(_SLEEP_S)
        late.append((clock.now_ns() - began) / 1e6 - 1e3 * _SLEEP_S)
    late.sort()
    median, high = late[_SLEEPS // 2], late[-_SLEEPS // 20]
    text = f"sleeps of {1e3 * _SLEEP_S:.0f} ms end late by {median:.1f} ms (median), {high:.1f} ms (95 %)"
    if high > 10:
        fix = "other programs keep the processors busy; stop them before you measure latency"
        return Check(name="loop delay", state="warn", text=text, fix=fix)
    return Check(name="loop delay", state="ok", text=text)


def _stamps() -> Check:
    if kernel_stamps_available():
        return Check(name="receive stamps", state="ok", text="taken by the kernel")
    text = "taken when the data is read; a busy client shifts them"
    return Check(name="receive stamps", state="warn", text=text, fix="measure from Linux where you can")


def _engine() -> Check:
    if find_spec("xllamacpp") is not None:
        return Check(name="local engine", state="ok", text=f"llama.cpp (xllamacpp {_version('xllamacpp')})")
    if found := shutil.which("llama-server"):
        return Check(name="local engine", state="ok", text=f"llama.cpp ({found})")
    text = "none; endpoints can be measured, models cannot be started"
    return Check(name="local engine", state="warn", text=text, fix=install_hint("local"))


def _leftovers() -> Check:
    found = leases.list_leases()
    orphans = [lease.id for lease in found if leases.state(lease) == "orphaned"]
    if orphans:
        text = f"{len(orphans)} left over by a crash: {', '.join(orphans)}"
        return Check(name="servers", state="warn", text=text, fix=f"bakeoff deploy down {' '.join(orphans)}")
    names = ", ".join(f"{lease.target} ({leases.state(lease)})" for lease in found)
    return Check(name="servers", state="ok", text=names or "none running")
