"""The test run's sandbox: no socket outside loopback, no settings of the person who runs it.

Downloads stay shared: `BAKEOFF_CACHE` is the person's own cache, so that weights come once.
The guard sees this process; a subprocess under test has to be given loopback addresses.
"""

import ipaddress
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvloop
from hypothesis import settings

settings.register_profile("bakeoff", deadline=None, print_blob=True)
settings.load_profile("bakeoff")

GUARDED = {
    "socket.connect": 1,
    "socket.bind": 1,
    "socket.sendto": 1,
    "socket.getaddrinfo": 0,
    "socket.gethostbyname": 0,
}
ASKED_FOR = (
    "BAKEOFF_TEST_DATA",
    "BAKEOFF_PROMPTFOO",
    "BAKEOFF_GUIDELLM",
    "BAKEOFF_VLLM",
    "BAKEOFF_VLLM_LM_EVAL",
)
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")

refused: list[str] = []
sandbox = Path(tempfile.mkdtemp(prefix="bakeoff-tests-"))
# Read by Hugging Face's libraries when they are imported.
os.environ["HF_HOME"] = str(sandbox / "huggingface")


class OutsideLoopbackError(RuntimeError):
    """A test reached for an address outside this machine."""


def is_loopback(host: object) -> bool:
    """Tell whether a host, as `socket` takes it, is on this machine."""
    text = host.decode() if isinstance(host, bytes) else host
    if text == "localhost":
        return True
    try:
        return isinstance(text, str) and ipaddress.ip_address(text.partition("%")[0]).is_loopback
    except ValueError:
        return False


def refuse(event: str, host: object) -> None:
    """Stop an attempt to leave loopback, and remember it should the code under test swallow the error."""
    if not is_loopback(host):
        message = f"{event} of {host!r}: tests talk to 127.0.0.1, ::1 and localhost only"
        refused.append(message)
        raise OutsideLoopbackError(message)


def audit(event: str, args: tuple[Any, ...]) -> None:
    """Check the address of every Python socket; Unix and netlink addresses pass."""
    index = GUARDED.get(event)
    if index is None:
        return
    address = args[index]
    if index == 0:
        refuse(event, address)
    elif isinstance(address, tuple) and address and isinstance(address[0], str | bytes):
        refuse(event, address[0])


def guard_names() -> None:
    """Check names before `connect` looks them up, which it does before its audit event."""
    for name in ("connect", "connect_ex"):

        def guarded(sock: socket.socket, address: Any, _name: str = name) -> Any:
            audit("socket.connect", (sock, address))
            return getattr(super(socket.socket, sock), _name)(address)

        setattr(socket.socket, name, guarded)


def guard_uvloop() -> None:
    """Check what uvloop opens by itself, since its own C code raises no audit event."""
    for name in ("create_connection", "create_server"):
        original = getattr(uvloop.Loop, name)

        def guarded(
            loop: uvloop.Loop,
            factory: Any,
            host: Any = None,
            *args: Any,
            _original: Any = original,
            **options: Any,
        ) -> Any:
            if options.get("sock") is None:
                for one in host if isinstance(host, list | tuple) else [host]:
                    refuse(_original.__name__, one)
            return _original(loop, factory, host, *args, **options)

        setattr(uvloop.Loop, name, guarded)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Put our own scheduler in the place of `loadfile`; other ways to spread tests stay as they are."""
    if config.getoption("dist") != "loadfile":
        return None
    from tests.spreading import Spreading

    return Spreading(config, log)


def cache_dir() -> Path:
    """Return the person's own cache of downloads."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("BAKEOFF_CACHE") or Path(base) / "bakeoff")


def isolate_environment() -> None:
    """Point every place that settings come from to an empty folder, but for downloads and pip."""
    kept = {"BAKEOFF_CACHE": str(cache_dir())}
    kept |= {name: os.environ[name] for name in ASKED_FOR if name in os.environ}
    for place in (Path.home() / ".config/pip/pip.conf", Path.home() / ".pip/pip.conf"):
        if place.exists():
            kept.setdefault("PIP_CONFIG_FILE", str(place))
    kept |= {"PIP_CACHE_DIR": os.environ.get("PIP_CACHE_DIR") or str(Path.home() / ".cache/pip")}
    proxy = os.environ.get("https_proxy") or os.environ.get("HTTPS_PROXY")
    if proxy:
        kept["PIP_PROXY"] = os.environ.get("PIP_PROXY") or proxy
    for name in list(os.environ):
        if name.startswith("BAKEOFF_") or name.endswith("_API_KEY") or name.lower() in PROXIES:
            del os.environ[name]
    for name in ("FORCE_COLOR", "CLICOLOR_FORCE", "COLUMNS", "LINES"):
        os.environ.pop(name, None)
    os.environ |= kept | {
        "HOME": str(sandbox),
        "XDG_CONFIG_HOME": str(sandbox / "config"),
        "XDG_DATA_HOME": str(sandbox / "data"),
        "XDG_STATE_HOME": str(sandbox / "state"),
        "XDG_CACHE_HOME": str(sandbox / "cache"),
    }


def pytest_configure() -> None:
    """Close the sandbox before any test module is imported."""
    isolate_environment()
    guard_names()
    guard_uvloop()
    sys.addaudithook(audit)


def pytest_unconfigure() -> None:
    """Remove the sandbox's folder."""
    shutil.rmtree(sandbox, ignore_errors=True)


@pytest.fixture(autouse=True)
def no_refused_sockets() -> Iterator[None]:
    """Fail a test that reached for another machine, even if the error was caught."""
    refused.clear()
    yield
    seen, refused[:] = list(refused), []
    assert not seen, "; ".join(seen)
