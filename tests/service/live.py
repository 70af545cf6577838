"""A service with its workers on a port of this machine, for tests."""

import json
import socket
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import uvicorn

from bakeoff.server.http.app import create_app
from bakeoff.server.jobs.job import ENDED
from bakeoff.server.service import Service
from bakeoff.server.settings import Settings
from bakeoff.server.workers.processes import Workers
from bakeoff.testing.truth import TruthProcess

WAIT_S = 60.0


class Answer:
    """What came back from one call."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Live:
    """A running service.

    Attributes:
        url: without a path.
        service: the same objects that the server works with.
    """

    def __init__(self, url: str, service: Service, *, key: str | None = None) -> None:
        self.url = url
        self.service = service
        self.key = key

    def call(
        self, method: str, path: str, body: object = None, *, headers: dict[str, str] | None = None
    ) -> Answer:
        """Send one call with JSON and return its answer, whatever the status."""
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        asked = {"Content-Type": "application/json", **(headers or {})}
        if self.key is not None:
            asked.setdefault("Authorization", f"Bearer {self.key}")
        request = Request(self.url + path, data=data, method=method, headers=asked)
        try:
            with urlopen(request, timeout=WAIT_S) as answer:
                return Answer(answer.status, dict(answer.headers.items()), answer.read())
        except HTTPError as error:
            with error:
                return Answer(error.code, dict(error.headers.items()), error.read())

    def ended(self, run: str, *, within: float = WAIT_S) -> dict[str, Any]:
        """Wait for the end of a run and return it."""
        until = time.monotonic() + within
        while time.monotonic() < until:
            found: dict[str, Any] = self.call("GET", f"/api/v1/runs/{run}").json
            if found["state"] in ENDED:
                return found
            time.sleep(0.05)
        raise AssertionError(f"{run} has not ended: {found}")


@contextmanager
def live(settings: Settings, *, key: str | None = None) -> Generator[Live]:
    """Run a service with its workers."""
    service = Service(settings)
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
        config = uvicorn.Config(create_app(service), log_config=None, access_log=False, lifespan="on")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, daemon=True)
        thread.start()
        workers = Workers(settings) if settings.workers else None
        try:
            while not server.started:
                time.sleep(0.01)
            yield Live(f"http://127.0.0.1:{port}", service, key=key)
        finally:
            if workers is not None:
                workers.stop()
            server.should_exit = True
            thread.join(10)


def spec_of(endpoint: TruthProcess, *, requests: int = 10, **benchmark: Any) -> dict[str, Any]:
    """Return a spec that asks the truth server synthetic questions."""
    asked = {
        "name": "facts",
        "dataset": {"type": "synthetic", "prompt_tokens": 8, "output_tokens": 8},
        "load": {"kind": "concurrent", "concurrency": 2, "requests": requests},
        "scorers": [{"type": "contains", "value": "a"}],
        **benchmark,
    }
    models = [{"name": "m", "endpoint": endpoint.url, "model": "m"}]
    return {"name": "test", "models": models, "benchmarks": [asked]}


def data_folder(tmp: Path) -> Path:
    """Return a folder for a service's data."""
    folder = tmp / "service"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
