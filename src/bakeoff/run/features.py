"""Questions about what a chat can do beside talking: schemas, tools, seeds, pictures; or `NotSeen`."""

import base64
import struct
import zlib
from typing import Any, Literal

import msgspec

from bakeoff.providers.openai_chat import OpenAIChat
from bakeoff.records import Message, Request, Response, Sampling
from bakeoff.run.door import Door, NotSeen

_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"bird": {"type": "string", "enum": ["wren", "heron"]}, "legs": {"type": "integer"}},
    "required": ["bird", "legs"],
    "additionalProperties": False,
}
_TOOL: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the weather of a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}
_TOKENS = 64


class _Bird(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    bird: Literal["wren", "heron"]
    legs: int


async def structured_output(door: Door) -> None:
    """Ask for a poem and want JSON of a schema: a model that is not held to it would not write that."""
    form = {"type": "json_schema", "json_schema": {"name": "bird", "strict": True, "schema": _SCHEMA}}
    response = await _chat(door, "Write a short poem about the sea.", response_format=form)
    try:
        msgspec.json.decode(response.text, type=_Bird)
    except msgspec.DecodeError as error:
        text = f"the answer is not of the schema: {response.text[:60]!r}"
        raise NotSeen(text, sure=not _cut(response)) from error


async def tools(door: Door) -> None:
    """Offer a tool that the question needs, and want a call of it with JSON arguments."""
    question = "What is the weather in Paris? Use the tool."
    response = await _chat(door, question, tools=[_TOOL], tool_choice="required")
    for call in response.tool_calls:
        try:
            made = msgspec.convert(call, _Call)
            msgspec.json.decode(made.function.arguments, type=dict[str, object])
        except (msgspec.ValidationError, msgspec.DecodeError):
            continue
        if made.function.name == "get_weather":
            return
    raise NotSeen("the answer calls no tool", sure=not _cut(response))


class _Function(msgspec.Struct, frozen=True):
    name: str
    arguments: str


class _Call(msgspec.Struct, frozen=True):
    function: _Function


async def seed(door: Door) -> None:
    """Ask twice with one seed and once with another, at temperature 1."""
    said = [
        await _chat(door, "Invent a name for a ship, and say why.", tokens=24, temperature=1.0, seed=number)
        for number in (11, 11, 12)
    ]
    first, second, other = ((each.thinking, each.text) for each in said)
    if first != second:
        raise NotSeen("two answers with the same seed differ")
    if first == other:
        raise NotSeen("answers are the same with any seed", sure=False)


async def images(door: Door) -> None:
    """Send a small picture, and want it to count as part of the prompt."""
    question = {"type": "text", "text": "What colour is this?"}
    data = base64.b64encode(picture()).decode()
    shown = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}
    seen = await _chat(door, [question, shown], tokens=8)
    blind = await _chat(door, [question], tokens=8)
    with_it, without = seen.usage.prompt, blind.usage.prompt
    if with_it is None or without is None:
        raise NotSeen("the picture is accepted; whether it is looked at cannot be told", sure=False)
    if with_it <= without:
        raise NotSeen("the picture is accepted and ignored: it counts for no tokens")


def picture(size: int = 32) -> bytes:
    """Return a red PNG."""
    rows = (b"\0" + b"\xe0\x20\x20" * size) * size
    head = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )


async def _chat(
    door: Door,
    content: str | list[dict[str, Any]],
    *,
    tokens: int = _TOKENS,
    temperature: float = 0.0,
    seed: int | None = None,
    **fields: Any,  # noqa: ANN401  fields of a JSON body
) -> Response:
    sampling = Sampling(
        max_tokens=tokens, temperature=temperature, seed=seed, extra=door.target.sampling.extra | fields
    )
    request = Request(messages=(Message(role="user", content=content),), sampling=sampling, stream=False)
    provider = OpenAIChat()
    response = provider.decode(await door.ask(provider.encode(request, door.target)))
    if response.error:
        raise NotSeen(response.error)
    return response


def _cut(response: Response) -> bool:
    """Tell whether an answer was cut off, so that nothing can be said of what is not in it."""
    return response.finish_reason == "length"
