"""The process of one llama.cpp server: `python -m bakeoff.deployers.llama_child`.

Reads one `ServerConfig` as JSON from standard input, writes the server's address as a line to
standard output, logs to standard error, serves until it is ended, and ends by itself when the
process that started it is gone. Knows nothing of leases, weights sources or readiness.
"""

import importlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from types import FrameType
from typing import Any

import msgspec

HOST = "127.0.0.1"
_WATCH_S = 0.25
_GRACE_S = 10.0
# A kept-alive connection holds one of these threads; with fewer threads than connections, some starve.
_HTTP_THREADS = 128


class ServerConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What to serve and how; comes over standard input because it holds the key.

    Attributes:
        context: tokens of context over all slots.
        port: 0 takes a free one.
        binary: a `llama-server`; None for the engine inside the xllamacpp package.
        parent: end when this process is no longer our parent; None to outlive it.
    """

    path: str
    model: str
    api_key: str
    context: int
    slots: int
    threads: int
    port: int = 0
    binary: str | None = None
    parent: int | None = None


def main() -> int:
    """Serve as told by standard input; return the exit code."""
    config = msgspec.json.decode(sys.stdin.buffer.read(), type=ServerConfig)
    if config.parent is not None:
        threading.Thread(target=_watch, args=(config.parent,), daemon=True).start()
    # The engine logs from threads of its own and to both outputs: only we may write the address.
    answer = os.dup(1)
    os.dup2(2, 1)
    return _embedded(config, answer) if config.binary is None else _binary(config, config.binary, answer)


def _tell(answer: int, address: str) -> None:
    os.write(answer, f"{address}\n".encode())
    os.close(answer)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _watch(parent: int) -> None:
    """End this process, and with it the server, when the parent is gone."""
    while os.getppid() == parent:
        time.sleep(_WATCH_S)
    _say("bakeoff: the process that started this server is gone; ending")
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE_S)
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(1)


def _embedded(config: ServerConfig, answer: int) -> int:
    xllamacpp: Any = importlib.import_module("xllamacpp")  # it has no types
    params = xllamacpp.CommonParams()
    params.model.path = config.path
    params.model_alias = {config.model}
    params.hostnames = [HOST]
    params.port = config.port
    params.api_keys = [config.api_key]
    params.ui = False
    params.cors_origins = ""
    params.n_ctx = config.context
    params.n_parallel = config.slots
    params.fit_params = False
    params.cache_ram_mib = 0
    params.swa_full = True
    params.n_threads_http = _HTTP_THREADS
    params.cpuparams.n_threads = config.threads
    params.cpuparams_batch.n_threads = config.threads
    params.endpoint_metrics = True
    params.endpoint_slots = True
    try:
        server = xllamacpp.Server(params)
    except RuntimeError as error:
        _say(f"bakeoff: the engine gave up: {error}")
        return 1
    _tell(answer, str(server.listening_address))
    # SIGTERM keeps its default, so that a request in flight or a model being loaded cannot hold us up.
    while True:
        signal.pause()


def _binary(config: ServerConfig, binary: str, answer: int) -> int:
    port = config.port or _free_port()
    command = [binary, "--model", config.path, "--alias", config.model, "--host", HOST, "--port", str(port)]
    command += ["--ctx-size", str(config.context), "--parallel", str(config.slots)]
    command += ["--threads", str(config.threads), "--threads-batch", str(config.threads)]
    command += ["--metrics", "--slots", "--no-webui"]
    # By environment what older versions do not know as a flag, and the key, which `ps` would show.
    environment = {
        "LLAMA_API_KEY": config.api_key,
        "LLAMA_ARG_CORS_ORIGINS": "",
        "LLAMA_ARG_CACHE_RAM": "0",
        "LLAMA_ARG_FIT": "off",
        "LLAMA_ARG_SWA_FULL": "1",
        "LLAMA_ARG_THREADS_HTTP": str(_HTTP_THREADS),
    }
    server = subprocess.Popen(command, env=os.environ | environment)  # noqa: S603  the user's own choice of binary

    def ask(signum: int, _: FrameType | None) -> None:
        server.send_signal(signum)

    signal.signal(signal.SIGTERM, ask)
    _tell(answer, f"http://{HOST}:{port}")
    code = server.wait()
    _say(f"bakeoff: `{binary}` ended with exit code {code}")
    return code if code >= 0 else 128 - code


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    return port


if __name__ == "__main__":
    sys.exit(main())
