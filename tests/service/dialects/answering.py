"""An endpoint in this process that keeps what it was asked, for tests of what a dialect sends."""

import json
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_HELLO = "Say hello."
USAGE = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
Say = Callable[[dict[str, Any]], str]


class Answering:
    """A running endpoint.

    Attributes:
        url: its base URL, with `/v1`.
        bodies: of the calls so far, but for the one that only looks whether somebody answers.
        finish: why each answer ends.
        usage: what each answer tells of tokens; None for nothing.
        say: makes the answer to a body.
        status: of the answer to a body.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.bodies: list[dict[str, Any]] = []
        self.finish = "stop"
        self.usage: dict[str, int] | None = USAGE
        self.say: Say = lambda body: str(body["messages"][-1]["content"])
        self.status: Callable[[dict[str, Any]], int] = lambda _: 200


@contextmanager
def answering() -> Generator[Answering]:
    """Run an endpoint that gives back the last message unless told otherwise."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    found = Answering(f"http://127.0.0.1:{server.server_address[1]}/v1")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if "model" not in body:  # a look whether this is a server of another kind
                self._send({"error": {"message": "not found"}}, 404)
                return
            if "messages" not in body or body["messages"][0]["content"] != _HELLO:
                found.bodies.append(body)
            if self.path.endswith("/embeddings"):
                vectors = [[1.0, float(len(text))] for text in body["input"]]
                data = [{"index": at, "embedding": vector} for at, vector in enumerate(vectors)]
                self._send({"object": "list", "data": data})
                return
            message = {"role": "assistant", "content": found.say(body)}
            told = {} if found.usage is None else {"usage": found.usage}
            self._send(
                {
                    "model": f"served-{body['model']}",
                    "choices": [
                        {
                            "index": 0,
                            "message": message,
                            "text": message["content"],
                            "finish_reason": found.finish,
                        }
                    ],
                    **told,
                },
                found.status(body),
            )

        def _send(self, answer: dict[str, Any], status: int = 200) -> None:
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: Any, **named: Any) -> None:
            """Say nothing."""

    server.RequestHandlerClass = Handler
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
