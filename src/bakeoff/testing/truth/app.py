"""The truth server's application: routes, settings in force, requests to streams."""

import asyncio
import hashlib
from collections import deque
from collections.abc import Callable
from urllib.parse import unquote

import msgspec

from bakeoff.clock import now_ns
from bakeoff.errors import UsageError
from bakeoff.testing.truth import events
from bakeoff.testing.truth.asks import Ask, decode_ask
from bakeoff.testing.truth.connection import Connection, HttpRequest
from bakeoff.testing.truth.likelihoods import CONTEXT, Vocabulary
from bakeoff.testing.truth.metrics import metrics_text
from bakeoff.testing.truth.records import Recorder
from bakeoff.testing.truth.replies import Recipe, Reply, Turn, document, refusal
from bakeoff.testing.truth.scheduler import Scheduler, Stream
from bakeoff.testing.truth.settings import TruthSettings, merge, parse

_KEPT_RECIPES = 1024
_METRICS = b"/metrics"
_ANSWERS = {b"/v1/chat/completions": True, b"/v1/completions": False}


class App:
    """Everything of a server but its listening socket."""

    def __init__(self, settings: TruthSettings, loop: asyncio.AbstractEventLoop) -> None:
        self.recorder = Recorder()
        self._loop = loop
        self._scheduler = Scheduler(loop, self._finished)
        self._connections: dict[Connection, Stream | None] = {}
        self._opened = 0
        self._serving = 0
        self._waiting: deque[Stream] = deque()
        self._recipes: dict[tuple[bytes, str], Recipe] = {}
        self._control: dict[tuple[bytes, bytes], Callable[[HttpRequest], bytes]] = {
            (b"GET", b"/truth"): lambda _: events.encode(self.recorder.records()),
            (b"GET", b"/truth/summary"): lambda _: events.encode(self.recorder.summary()),
            (b"POST", b"/truth/reset"): self._reset,
            (b"GET", b"/config"): lambda _: events.encode(self.settings),
            (b"POST", b"/config"): self._configure,
            (b"GET", _METRICS): self._metrics,
            (b"GET", b"/health"): lambda _: b'{"status":"ok"}',
            (b"GET", b"/v1/models"): self._models,
        }
        self._words = Vocabulary()
        self.configure(settings)

    def configure(self, settings: TruthSettings) -> None:
        """Put settings in force for the requests that come from now on."""
        self.settings = settings
        self._recipes.clear()
        self._start_clock()

    def reset(self) -> None:
        """Forget the records and start the server's own time again."""
        self.recorder.reset()
        self._start_clock()

    def _start_clock(self) -> None:
        self._epoch = now_ns()
        start = self._epoch + round(self.settings.stall_at * 1e9)
        self._scheduler.stall(start, start + round(self.settings.stall * 1e9))

    def close(self) -> None:
        """Drop all connections."""
        self._scheduler.close()
        for connection in list(self._connections):
            connection.close()

    def opened(self, connection: Connection) -> int:
        """Note a connection and return its number."""
        self._connections[connection] = None
        self._opened += 1
        return self._opened

    def lost(self, connection: Connection) -> None:
        """End the stream of a client that is gone."""
        stream = self._connections.pop(connection, None)
        if stream is not None and stream.done is None:
            stream.gone = True
            self._finished(stream)

    def reading(self, now: int) -> None:
        """Keep the answers under way on time while many requests come in."""
        self._scheduler.catch_up(now)

    def handle(self, connection: Connection, request: HttpRequest) -> None:
        """Answer one request."""
        path = request.path.partition(b"?")[0]
        prefix = b""
        if path.startswith(b"/~"):
            prefix, _, path = path[2:].partition(b"/")
            path = b"/" + path
        chat = _ANSWERS.get(path)
        if chat is not None and request.method == b"POST":
            self._answer(connection, request, prefix, chat=chat)
            return
        connection.send(self._document(request, path, prefix).writes[0])
        connection.finished(keep=request.keep)

    def _models(self, _: HttpRequest) -> bytes:
        vllm: dict[str, object] = {"owned_by": "vllm", "max_model_len": CONTEXT}
        return events.models_json(
            list(self.settings.models) or ["truth"], vllm if self.settings.engine == "vllm" else {}
        )

    def _engine(self, request: HttpRequest, prefix: bytes, path: bytes) -> bytes | None:
        """Answer what an engine has beside the protocol, None where it has it not."""
        settings = parse(unquote(prefix.decode(errors="replace")), self.settings) if prefix else self.settings
        if path == b"/tokenize" and request.method == b"POST" and settings.engine != "plain":
            return events.encode(self._words.tokenize(settings, request.body))
        if path == b"/props" and settings.engine == "llama.cpp":
            facts = {"chat_template": "{{ messages }}", "modalities": {"vision": False}}
            return events.encode(facts | {"default_generation_settings": {"n_ctx": CONTEXT}})
        return None

    def _document(self, request: HttpRequest, path: bytes, prefix: bytes) -> Reply:
        turn = Turn(number=0, keep=request.keep)
        beside = self._engine(request, prefix, path)
        if beside is not None:
            return document(200, beside, turn)
        control = self._control.get((request.method, path))
        if control is None or (path == _METRICS and not self.settings.metrics):
            asked = f"{request.method.decode()} {path.decode(errors='replace')}"
            return refusal(404, f"there is no {asked}", turn, kind="not_found")
        if path == b"/v1/models" and not self._allowed(request, self.settings):
            return refusal(401, "wrong API key", turn, kind="unauthorized")
        try:
            content = b"text/plain; version=0.0.4" if path == _METRICS else b"application/json"
            return document(200, control(request), turn, content=content)
        except (UsageError, msgspec.DecodeError) as error:
            return refusal(400, str(error), turn, kind="bad_request")

    def _metrics(self, _: HttpRequest) -> bytes:
        models = list(self.settings.models) or ["truth"]
        return metrics_text(self.recorder, models[0], waiting=len(self._waiting)).encode()

    def _reset(self, _: HttpRequest) -> bytes:
        self.reset()
        return b"{}"

    def _configure(self, request: HttpRequest) -> bytes:
        changes = msgspec.json.decode(request.body, type=dict[str, object])
        self.configure(merge(self.settings, changes))
        return events.encode(self.settings)

    def _answer(self, connection: Connection, request: HttpRequest, prefix: bytes, *, chat: bool) -> None:
        self.recorder.number += 1
        turn = Turn(
            number=self.recorder.number,
            reused=connection.served > 0,
            keep=request.keep,
            since_start=(request.arrival - self._epoch) / 1e9,
        )
        ask: Ask | None = None
        try:
            ask = decode_ask(request.body)
            reply = self._reply(ask, request, turn, prefix, chat=chat)
        except (UsageError, msgspec.DecodeError) as error:
            reply = refusal(400, str(error), turn, kind="bad_request")
        stream = Stream(connection, reply, number=turn.number, arrival=request.arrival)
        stream.chat = chat
        stream.reused = turn.reused
        stream.connection = connection.number
        stream.body_hash = hashlib.blake2b(request.body, digest_size=8).hexdigest()
        if ask is not None:
            stream.model, stream.streamed = ask.model, ask.stream
        self._connections[connection] = stream
        self.recorder.begin(stream)
        if self.settings.slots and self._serving >= self.settings.slots:
            self._waiting.append(stream)
        else:
            self._serving += 1
            self._scheduler.add(stream)

    def _reply(self, ask: Ask, request: HttpRequest, turn: Turn, prefix: bytes, *, chat: bool) -> Reply:
        recipe = self._recipes.get((prefix, ask.model))
        if recipe is None:
            if self.settings.models and ask.model not in self.settings.models:
                return refusal(404, f"the model `{ask.model}` does not exist", turn, kind="unknown_model")
            recipe = self._recipe(prefix, ask.model)
        if recipe.settings.api_key and not self._allowed(request, recipe.settings):
            return refusal(401, "wrong API key", turn, kind="unauthorized")
        return recipe.reply(ask, turn, chat=chat)

    def _recipe(self, prefix: bytes, model: str) -> Recipe:
        settings = self.settings.models.get(model, self.settings)
        if prefix:
            settings = parse(unquote(prefix.decode(errors="replace")), settings)
        if len(self._recipes) >= _KEPT_RECIPES:
            self._recipes.clear()
        recipe = self._recipes[prefix, model] = Recipe(settings, model, self._words)
        return recipe

    def _allowed(self, request: HttpRequest, settings: TruthSettings) -> bool:
        return not settings.api_key or request.key == settings.api_key.encode()

    def _finished(self, stream: Stream) -> None:
        """Close the books on a stream and let the next one have its slot."""
        if stream.done is not None:
            return
        connection = stream.wire
        assert isinstance(connection, Connection)
        self.recorder.finish(stream)
        if stream in self._waiting:
            self._waiting.remove(stream)
        else:
            self._serving -= 1
        if connection in self._connections:
            self._connections[connection] = None
        if stream.reply.ending == "reset":
            connection.reset()
        elif not stream.gone:
            connection.finished(keep=stream.reply.ending == "keep")
        if self._waiting:
            self._loop.call_soon(self._admit)

    def _admit(self) -> None:
        if self._waiting and (not self.settings.slots or self._serving < self.settings.slots):
            following = self._waiting.popleft()
            self._serving += 1
            following.start = now_ns()
            self._scheduler.add(following)
