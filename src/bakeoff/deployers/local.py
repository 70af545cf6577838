"""`local`: llama.cpp on this machine, one server process per model, reachable from this machine only."""

import asyncio
import importlib.metadata
import importlib.util
import os
import secrets
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from bakeoff import leases
from bakeoff.deployers import _llama
from bakeoff.deployers._weights import find_weights
from bakeoff.deployers.llama_child import HOST, ServerConfig
from bakeoff.errors import DeployError, install_hint
from bakeoff.records import Deployment, ModelSpec, Weights
from bakeoff.records.units import Count, Seconds

_NAME = "local"


class Local(msgspec.Struct, frozen=True, kw_only=True):
    """A llama.cpp server: the one inside the xllamacpp package, or any `llama-server`.

    Attributes:
        context: tokens of context for each slot.
        slots: requests that are answered at the same time; more wait in the server.
        threads: None for all processors that this process may use.
        ready_timeout: how long the first answer may take, loading included.
        stop_timeout: how long the server may take to end before it is killed.
        binary: path or name of a `llama-server`; None takes xllamacpp, else `llama-server` on PATH.
        port: 0 for a free one.
        detach: the server outlives this process, until `bakeoff deploy down`.
    """

    context: Count = 4096
    slots: Count = 4
    threads: Count | None = None
    ready_timeout: Seconds = 120.0
    stop_timeout: Seconds = 10.0
    binary: str | None = None
    port: Annotated[int, Meta(ge=0, le=65535)] = 0
    detach: bool = False

    def prepare(self, model: ModelSpec, cache: Path) -> Weights:
        """Check the engine, fetch and check the weights."""
        engine = _engine(self.binary)
        return msgspec.structs.replace(find_weights(model, cache), engine=engine)

    async def start(self, model: ModelSpec, weights: Weights) -> Deployment:
        """Start a server of its own for the model and wait for its first answer."""
        config = self._config(model, weights)
        if config.port:
            _check_free(config.port)
        lease = await asyncio.to_thread(leases.take, target=model.name, deployer=_NAME, keep=self.detach)
        ready = False
        try:
            lease = _llama.launch(config, lease)
            address = await _llama.wait_ready(config, lease, self.ready_timeout)
            endpoint = f"{address}/v1"
            leases.write(msgspec.structs.replace(lease, endpoint=endpoint))
            ready = True
        finally:
            if not ready:  # failed or cancelled: nothing may stay behind
                await asyncio.to_thread(self._clear, lease)
        return Deployment(
            target=model.name,
            endpoint=endpoint,
            api_key=config.api_key,
            lease=lease.id,
            pid=lease.server.pid if lease.server else None,
            engine=weights.engine,
            log=lease.log,
        )

    async def stop(self, deployment: Deployment) -> None:
        """Stop the server: ask, wait, then kill; its log stays."""
        if deployment.lease is not None:
            await asyncio.to_thread(leases.down, [deployment.lease], grace_s=self.stop_timeout)

    def _clear(self, lease: leases.Lease) -> None:
        leases.down([lease.id], grace_s=self.stop_timeout)
        leases.release(lease.id)

    def _config(self, model: ModelSpec, weights: Weights) -> ServerConfig:
        if weights.path is None:
            raise DeployError(f"`{model.name}` has no weights file", hint="prepare the model first")
        return ServerConfig(
            path=weights.path,
            model=weights.model,
            # Some builds log the last four characters of a key: a fixed end tells nothing.
            api_key=model.api_key or f"{secrets.token_urlsafe(32)}-key",
            context=self.context * self.slots,
            slots=self.slots,
            threads=self.threads or _processors(),
            port=self.port,
            binary=_find_binary(self.binary),
            parent=None if self.detach else os.getpid(),
        )


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else (os.cpu_count() or 1)


def _find_binary(binary: str | None) -> str | None:
    """Return the `llama-server` to run, None for the engine inside xllamacpp."""
    if binary is None and importlib.util.find_spec("xllamacpp") is not None:
        return None
    found = shutil.which(binary or "llama-server")
    if found is None and binary is not None:
        raise DeployError(f"there is no program `{binary}`", hint="give the path of a `llama-server`")
    if found is None:
        raise DeployError(
            "no engine to run a model: neither the package `xllamacpp` nor a `llama-server` on PATH",
            hint=install_hint("local"),
        )
    return str(Path(found).absolute())


def _engine(binary: str | None) -> str:
    program = _find_binary(binary)
    if program is None:
        return f"llama.cpp (xllamacpp {importlib.metadata.version('xllamacpp')})"
    try:
        done = subprocess.run(  # noqa: S603  the user's own choice of binary
            [program, "--version"], capture_output=True, text=True, check=False, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DeployError(
            f"`{program}` cannot be run: {error}", hint="give the path of a `llama-server`"
        ) from error
    for line in (done.stderr + done.stdout).splitlines():
        if line.startswith("version:"):
            return f"llama.cpp (llama-server {line.removeprefix('version:').strip()})"
    return "llama.cpp (llama-server, version unknown)"


def _check_free(port: int) -> None:
    with socket.socket() as probe:
        # As servers do: a connection that has just ended does not hold the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise DeployError(
                f"port {port} cannot be used: {error.strerror}",
                hint="another program uses it: choose another `port`, or 0 for a free one",
            ) from error
