"""Start the child process of a llama.cpp server and wait until it answers. Knows no weights sources."""

import asyncio
import http.client
import json
import os
import signal
import sys
from collections import deque
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from bakeoff import leases
from bakeoff.clock import now_ns
from bakeoff.deployers.llama_child import ServerConfig
from bakeoff.errors import DeployError
from bakeoff.leases import Lease

_POLL_S = 0.03
_TAIL_LINES = 20
_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND
_OURS = ("LLAMA_ARG_", "LLAMA_API_KEY")

# What the log says -> what to do about it; the first that fits is told.
_FIXES = (
    ("couldn't bind", "another program uses this port: choose another `port`, or 0 for a free one"),
    (
        "unknown model architecture",
        "this engine is older than the model: update it (`pip install -U xllamacpp`)",
    ),
    ("failed to allocate", "not enough memory: lower `context` or `slots`, or use smaller weights"),
    ("failed to load model", "the engine cannot use this file: fetch it again, or use other weights"),
    ("error loading model", "the engine cannot use this file: fetch it again, or use other weights"),
    ("No such file or directory", "check `binary`"),
)
_SIGNAL_FIXES = {
    signal.SIGKILL: "the system ended it, mostly for lack of memory: lower `context` or `slots`",
    signal.SIGILL: "this build of the engine does not fit this processor: use another `binary`",
}


def launch(config: ServerConfig, lease: Lease) -> Lease:
    """Start the child and return the lease with its process. Blocking, and quick."""
    command = [sys.executable, "-P", "-m", "bakeoff.deployers.llama_child", f"--lease={lease.id}"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    environment = kept | {"OMP_WAIT_POLICY": "passive", leases.MARK: lease.id}
    reader, writer = os.pipe()
    try:
        # Far below the pipe's capacity, so it can be written before anyone reads.
        os.write(writer, msgspec.json.encode(config))
        os.close(writer)
        pid = os.posix_spawn(
            sys.executable,
            command,
            environment,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, reader, 0),
                (os.POSIX_SPAWN_OPEN, 1, str(_answer(lease)), _APPEND, 0o600),
                (os.POSIX_SPAWN_OPEN, 2, str(lease.log), _APPEND, 0o600),
            ],
            # Its own group: Ctrl-C in the terminal drains the run and must not stop the server under it.
            setpgroup=0,
            setsigmask=(),
            setsigdef=(signal.SIGTERM, signal.SIGINT, signal.SIGHUP),
        )
    finally:
        os.close(reader)
    running = msgspec.structs.replace(lease, server=leases.identify(pid) or _gone(pid))
    leases.write(running)
    return running


def _gone(pid: int) -> leases.Process:
    return leases.Process(pid=pid, started="ended at once")


async def wait_ready(config: ServerConfig, lease: Lease, timeout_s: float) -> str:
    """Return the server's address once it has answered a completion of one token.

    Raises:
        DeployError: the server ended, refused, or did not answer in time; with the end of its log.
    """
    try:
        return await _until_answered(config, lease, timeout_s)
    finally:
        _answer(lease).unlink(missing_ok=True)


async def _until_answered(config: ServerConfig, lease: Lease, timeout_s: float) -> str:
    deadline = now_ns() + int(timeout_s * 1e9)
    address: str | None = None
    while now_ns() < deadline:
        if not leases.alive(lease.server):
            raise _failure(config, lease, await asyncio.to_thread(_ending, lease))
        address = address or _address(lease)
        if address is not None:
            left_s = max((deadline - now_ns()) / 1e9, 0.1)
            answered, reason = await asyncio.to_thread(_ask, address, config, left_s)
            if answered:
                return address
            if reason:
                raise _failure(config, lease, reason)
        await asyncio.sleep(_POLL_S)
    reason = f"no answer within {timeout_s:g} s"
    raise _failure(config, lease, reason, hint="allow more by `ready_timeout`, or use smaller weights")


def _address(lease: Lease) -> str | None:
    """Return where the child says it listens, once it has said so."""
    line = _answer(lease).read_text() if _answer(lease).exists() else ""
    return line.strip() if line.endswith("\n") else None


def _answer(lease: Lease) -> Path:
    return Path(f"{lease.log}.address")


def _ask(address: str, config: ServerConfig, timeout_s: float) -> tuple[bool, str]:
    """Ask for one token; return whether it came, and what is wrong where waiting would not help."""
    parts = urlsplit(address)
    body = json.dumps({"model": config.model, "prompt": "Hello", "max_tokens": 1, "temperature": 0})
    headers = {"Authorization": f"Bearer {config.api_key}", "Content-Type": "application/json"}
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout_s)
    try:
        connection.request("POST", "/v1/completions", body, headers)
        response = connection.getresponse()
        text = response.read().decode("utf-8", "replace")
    except (OSError, http.client.HTTPException):
        return False, ""  # not listening yet, or it has just ended: the caller sees which
    finally:
        connection.close()
    if response.status == http.HTTPStatus.SERVICE_UNAVAILABLE:
        return False, ""  # still loading
    if response.status != http.HTTPStatus.OK:
        return False, f"its first completion was refused with HTTP {response.status}: {text[:300]}"
    return '"choices"' in text, f"its first completion has no `choices`: {text[:300]}"


def _ending(lease: Lease) -> str:
    code = None if lease.server is None else leases.reap(lease.server.pid)
    if code is None:
        return "the server ended"
    # A supervised binary that died by a signal comes back as 128 + its number.
    number = -code if code < 0 else code - 128
    if number in set(signal.Signals):
        return f"the server ended by {signal.Signals(number).name}"
    return f"the server ended with exit code {code}"


def _failure(config: ServerConfig, lease: Lease, reason: str, hint: str = "") -> DeployError:
    lines = deque(_log_lines(lease), maxlen=_TAIL_LINES)
    log = "\n".join(f"  | {line}" for line in lines).replace(config.api_key, "***") or "  | (empty)"
    if not hint:
        fitting = [fix for word, fix in _FIXES if word in log]
        fitting += [fix for number, fix in _SIGNAL_FIXES.items() if number.name in reason]
        hint = fitting[0] if fitting else "the log above says why"
    return DeployError(
        f"`{lease.target}` did not start: {reason}\nthe end of its log ({lease.log}):\n{log}", hint=hint
    )


def _log_lines(lease: Lease) -> list[str]:
    try:
        return Path(str(lease.log)).read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return []
