"""A NeMo server that answers from a script, over real HTTP."""

import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ROOT = "/v1/evaluation"
RESULT = {
    "id": "r1",
    "job": "eval-1234",
    "tasks": {
        "qa": {
            "metrics": {
                "bleu": {"scores": {"sentence": {"value": 12.3, "stats": {"count": 2, "stderr": 1.0}}}}
            }
        }
    },
    "groups": {},
}


CONTRACT: dict[str, Any] = {
    "POST /configs": (200, {"id": "cfg", "namespace": "bakeoff", "name": "bm1"}),
    "POST /jobs": (200, {"id": "eval-1234", "status": "created"}),
    "GET /jobs/eval-1234": (200, {"id": "eval-1234", "status": "running", "namespace": "x"}),
    "GET /jobs/eval-1234/results": (200, RESULT),
    "POST /jobs/eval-1234/cancel": (200, b""),
    "DELETE /configs/bakeoff/bm1": (200, {}),
}


class Peer:
    """A NeMo server that answers from a script, and notes what it was asked.

    Attributes:
        script: answers by "METHOD path"; a list is worked off, its last answer stays. A status of 0 closes
            the connection without an answer.
    """

    def __init__(self, script: dict[str, Any]) -> None:
        self.script = script
        self.asked: list[tuple[str, Any, str | None]] = []
        self.lock = threading.Lock()

    def answer(self, method: str, path: str, body: Any, key: str | None) -> tuple[int, Any]:
        with self.lock:
            self.asked.append((f"{method} {path}", body, key))
            found = self.script.get(f"{method} {path.partition('?')[0]}", (404, {"detail": "no"}))
            if isinstance(found, list):
                found = found.pop(0) if len(found) > 1 else found[0]
        if callable(found):
            found = found(body)
        status, told = found
        return status, told


@contextmanager
def scripted_peer() -> Generator[tuple[Peer, str]]:
    """Run a peer without a script; return it and its address."""
    peer = Peer({})

    class Handler(BaseHTTPRequestHandler):
        def _do(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(size) or b"null")
            status, told = peer.answer(
                self.command, self.path.removeprefix(ROOT), body, self.headers.get("Authorization")
            )
            if not status:
                self.close_connection = True
                return
            content = told if isinstance(told, bytes) else json.dumps(told).encode()
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = _do  # noqa: N815  the base class's names

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield peer, f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
