"""What an endpoint can do: key, models, a real completion, usage, streaming; each finding with its fix."""

import msgspec

from bakeoff.errors import BakeoffError, EndpointError, WireError
from bakeoff.extend import Provider
from bakeoff.plugins import suggest
from bakeoff.providers.openai_chat import OpenAIChat
from bakeoff.records import Call, Exchange, Message, Request, Response, Sampling, Target, TimeoutSpec
from bakeoff.run.doctor import Check, State
from bakeoff.wire import Client, Route, make_route

_TIMEOUTS = TimeoutSpec(connect=10, first_byte=60, stream=60, total=120)
_TOKENS = 32


class _Model(msgspec.Struct, frozen=True):
    id: str = ""


class _Models(msgspec.Struct, frozen=True):
    data: list[_Model]


class _Door(msgspec.Struct, frozen=True, kw_only=True):
    """The endpoint under test."""

    client: Client
    route: Route
    provider: Provider
    model: str = ""

    async def get(self, path: str) -> Exchange:
        return await self.client.exchange(self.route, Call(method="GET", path=path))

    async def ask(self, *, stream: bool) -> Exchange:
        request = Request(
            messages=(Message(role="user", content="Count from one to ten in words."),),
            sampling=Sampling(max_tokens=_TOKENS),
            stream=stream,
        )
        target = Target(name="endpoint", provider="openai_chat", model=self.model)
        return await self.client.exchange(self.route, self.provider.encode(request, target))


async def endpoint_checks(url: str, *, model: str | None, api_key: str | None) -> list[Check]:
    """Ask an endpoint a few real questions and return what was found, up to the first failure.

    Args:
        url: base URL, with `/v1`.
        model: the model to ask; None takes the first one that the endpoint lists.
        api_key: sent as bearer token; never part of a finding.
    """
    headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
    try:
        route = make_route(url.rstrip("/"), headers=headers)
    except BakeoffError as error:
        return [_check("endpoint", "fail", error.message, error.hint)]
    found: list[Check] = []
    async with Client(timeouts=_TIMEOUTS) as client:
        door = _Door(client=client, route=route, provider=OpenAIChat())
        try:
            listed = await _models(door, found)
            chosen = model or (listed[0] if listed else None)
            if chosen is None:
                raise EndpointError("it does not list its models", hint="name one with --model")
            await _questions(msgspec.structs.replace(door, model=chosen), listed, found)
        except BakeoffError as error:
            found.append(_check("endpoint", "fail", error.message, error.hint))
    return [
        msgspec.structs.replace(check, text=check.text.replace(api_key, "***")) if api_key else check
        for check in found
    ]


async def _models(door: _Door, found: list[Check]) -> list[str]:
    try:
        exchange = await door.get("/models")
    except WireError as error:
        hint = error.hint or "is the server running, and is the URL right?"
        raise EndpointError(error.message, hint=hint) from error
    took = duration(exchange.sent_at, exchange.first_byte_at)
    found.append(_check("endpoint", "ok", f"{door.route.label} answers in {took}"))
    if exchange.status in {401, 403}:
        raise EndpointError(
            f"it refuses the key (HTTP {exchange.status})",
            hint="name the variable that holds the key with --api-key-env",
        )
    try:
        names = [one.id for one in msgspec.json.decode(exchange.body, type=_Models).data if one.id]
    except (msgspec.DecodeError, UnicodeDecodeError):
        names = []
    if exchange.status != 200 or not names:
        fix = "does the URL end in /v1? otherwise wrong model names cannot be explained"
        found.append(_check("models", "warn", f"no list of models (HTTP {exchange.status})", fix))
        return []
    shown = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
    found.append(_check("models", "ok", shown))
    return names


async def _questions(door: _Door, listed: list[str], found: list[Check]) -> None:
    if listed and door.model not in listed:
        near = suggest(door.model, listed)
        found.append(
            _check("model", "warn", f"`{door.model}` is not in its list.{near}", "check the name of --model")
        )
    whole = await _ask(door, stream=False)
    took = duration(whole.exchange.sent_at, whole.exchange.done_at)
    said = " ".join((whole.response.text or whole.response.thinking).split())[:60]
    found.append(_check("completion", "ok", f"`{door.model}` in {took}: {said!r}"))
    found.append(_usage("usage", whole.response))
    streamed = await _ask(door, stream=True)
    events = len(streamed.response.chunk_times)
    if events < 2:
        text = f"the answer came in {events} piece{'s' if events != 1 else ''}"
        fix = "a proxy may hold answers back; token times will mean nothing, set `stream: false`"
        found.append(_check("streaming", "warn", text, fix))
    else:
        first = streamed.response.first_token_at or streamed.exchange.first_byte_at
        text = f"{events} pieces, the first after {duration(streamed.exchange.sent_at, first)}"
        found.append(_check("streaming", "ok", f"{text}, stamped by {streamed.exchange.stamped_by}"))
    found.append(_usage("streamed usage", streamed.response))


class _Answered(msgspec.Struct, frozen=True, kw_only=True):
    exchange: Exchange
    response: Response


async def _ask(door: _Door, *, stream: bool) -> _Answered:
    how = "streamed completion" if stream else "completion"
    try:
        exchange = await door.ask(stream=stream)
    except WireError as error:
        raise EndpointError(f"{how}: {error.message}", hint=error.hint) from error
    if exchange.status in {401, 403}:
        raise EndpointError(
            f"{how}: it refuses the key (HTTP {exchange.status})",
            hint="name the variable that holds the key with --api-key-env",
        )
    if exchange.status != 200:
        said = exchange.body[:300].decode("utf-8", "replace").strip()
        raise EndpointError(
            f"{how}: HTTP {exchange.status}: {said}", hint="check the URL (does it end in /v1?) and --model"
        )
    response = door.provider.decode(exchange)
    if response.error or not response.complete:
        raise EndpointError(
            f"{how}: it answers, but not as a chat completion: {response.error or 'the answer is not whole'}",
            hint="does the URL end in /v1? is it an OpenAI-compatible endpoint?",
        )
    return _Answered(exchange=exchange, response=response)


def _usage(name: str, response: Response) -> Check:
    usage = response.usage
    if usage.prompt is None or usage.completion is None:
        fix = "token counts, tokens per second and cost will be unknown for this endpoint"
        return _check(name, "warn", "the answer tells no token counts", fix)
    return _check(name, "ok", f"{usage.prompt} prompt and {usage.completion} answer tokens")


def duration(sent_at: int, then: int) -> str:
    """Write the time since a request was sent, in whole ms.

    A near server can have answered before `sent_at` was read, since that is read after the send and the
    kernel stamps the answer when it comes: such a difference is a little below zero.
    """
    took = (then - sent_at) / 1e6
    return f"{took:.0f} ms" if took >= 1 else "under 1 ms"


def _check(name: str, state: State, text: str, fix: str = "") -> Check:
    return Check(name=name, state=state, text=text, fix=fix, endpoint=True)
