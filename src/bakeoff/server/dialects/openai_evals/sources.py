"""Data sources of runs: the bodies that clients send, and the rows and messages that they come to."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, cast

import msgspec
from pydantic import AfterValidator, Field, WithJsonSchema

from bakeoff.prompts import braces
from bakeoff.server.dialects.openai_evals.plain import Body, Name, Text, Whole
from bakeoff.server.faults import RefusedError, TooLargeError
from bakeoff.server.service import Service
from bakeoff.server.values import check_values

_ROOTS = ("item",)
_STEPS = r"item(\.[A-Za-z0-9_-]+|\[[0-9]{1,6}\])*"
_PATH = WithJsonSchema(
    {"type": "string", "maxLength": 500, "pattern": rf"^({_STEPS}|\{{\{{ ?{_STEPS} ?\}}\}})$"}
)


def _item_text(text: str) -> str:
    braces.check(text, _ROOTS)
    return text


def _item_path(text: str) -> str:
    braces.check("{{" + text.strip("{} ") + "}}", _ROOTS)
    return text


Template = Annotated[Text, AfterValidator(_item_text)]


class Row(Body):
    """One row: what is asked about, and an answer where there is one already."""

    item: dict[str, Any]
    sample: dict[str, Any] | None = None


class FileContent(Body):
    """Rows in the request itself."""

    type: Literal["file_content"]
    content: Annotated[list[Row], Field(min_length=1)]


class FileId(Body):
    """An uploaded file of JSON lines, each `{"item": …, "sample": …}`."""

    type: Literal["file_id"]
    id: Annotated[str, Field(min_length=1, max_length=100)]


Source = Annotated[FileContent | FileId, Field(discriminator="type")]
"""`stored_completions`, `logs` and `responses` are refused by name: no answers of other calls lie here."""


class TextPart(Body):
    """Text."""

    type: Literal["input_text", "output_text", "text"]
    text: Template


class ImagePart(Body):
    """An image by its address, which may be a `data:` URL."""

    type: Literal["input_image"]
    image_url: Template
    detail: Literal["auto", "low", "high"] | None = None


class Audio(Body):
    """Sound, in base64."""

    data: Text
    format: Literal["mp3", "wav"]


class AudioPart(Body):
    """Sound."""

    type: Literal["input_audio"]
    input_audio: Audio


Part = Annotated[TextPart | ImagePart | AudioPart, Field(discriminator="type")]


class Turn(Body):
    """A message with templates over `item`."""

    type: Literal["message"] | None = None
    role: Annotated[str, Field(min_length=1, max_length=50)]
    content: Template | Part | Annotated[list[Template | Part], Field(max_length=100)]


class Turns(Body):
    """Messages written out."""

    type: Literal["template"]
    template: Annotated[list[Turn], Field(min_length=1, max_length=1000)]


class Reference(Body):
    """Messages that stand in each item, such as at `item.messages`."""

    type: Literal["item_reference"]
    item_reference: Annotated[Name, AfterValidator(_item_path), _PATH]


Messages = Annotated[Turns | Reference, Field(discriminator="type")]


Temperature = Annotated[float | None, Field(ge=0, le=10)]
Probability = Annotated[float | None, Field(ge=0, le=1)]
Effort = Annotated[str | None, Field(max_length=50)]
Tools = Annotated[list[dict[str, Any]] | None, Field(max_length=200)]
Longest = Annotated[int | None, Field(ge=1, le=2**31)]


class CompletionsSampling(Body):
    """How chat completions sample: what is left out is left to the model's server."""

    temperature: Temperature = None
    top_p: Probability = None
    seed: Whole | None = None
    max_completion_tokens: Longest = None
    reasoning_effort: Effort = None
    tools: Tools = None
    response_format: dict[str, Any] | None = None


class TextFormat(Body):
    """What the text must be."""

    format: dict[str, Any] | None = None


class ResponsesSampling(Body):
    """How responses sample; `text` stands for `response_format`."""

    temperature: Temperature = None
    top_p: Probability = None
    seed: Whole | None = None
    max_completion_tokens: Longest = None
    reasoning_effort: Effort = None
    tools: Tools = None
    text: TextFormat | None = None


class Jsonl(Body):
    """Rows that are graded as they are; nothing is generated."""

    type: Literal["jsonl"]
    source: Source


class Completions(Body):
    """Rows of which each is asked; the name of a registered model says where."""

    type: Literal["completions"]
    source: Source
    model: Name
    input_messages: Messages
    sampling_params: CompletionsSampling | None = None


class Responses(Body):
    """The same in the words of the Responses API; it is asked by chat completions."""

    type: Literal["responses"]
    source: Source
    model: Name
    input_messages: Messages
    sampling_params: ResponsesSampling | None = None


DataSource = Annotated[Jsonl | Completions | Responses, Field(discriminator="type")]


def rows_of(source: Source, service: Service, *, project: str) -> list[Row]:
    """Return the rows of a data source.

    Raises:
        MissingError: there is no such file.
        RefusedError: a line is no row.
        TooLargeError: there are too many.
    """
    if isinstance(source, FileContent):
        rows = source.content
    else:
        rows = list(_lines(service.files.content(source.id, project=project), source.id))
    if not rows:
        raise RefusedError("the data source has no rows", where="data_source.source")
    if len(rows) > service.settings.most_rows:
        raise TooLargeError(f"{len(rows):,} rows; at most {service.settings.most_rows:,} are taken")
    return rows


def _lines(content: bytes, file: str) -> Iterator[Row]:
    for number, line in enumerate(content.split(b"\n"), 1):
        if not line.strip():
            continue
        where = f"line {number} of `{file}`"
        try:
            found: object = msgspec.json.decode(line)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise RefusedError(f"{where} cannot be read: {error}", where="data_source.source.id") from error
        check_values(found, where)
        row = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
        sample = row.get("sample")
        if not isinstance(row.get("item"), dict) or not isinstance(sample, dict | None):
            raise RefusedError(
                f'{where} is no `{{"item": {{…}}, "sample": {{…}}}}`', where="data_source.source.id"
            )
        yield Row.model_construct(item=row["item"], sample=sample)


def messages_of(given: Messages, item: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the messages that a model is sent for an item.

    Raises:
        Gap: the item lacks something.
    """
    if isinstance(given, Turns):
        return [_turn(turn.role, turn.content, item) for turn in given.template]
    found = braces.at(given.item_reference, {"item": item})
    if isinstance(found, str):
        return [{"role": "user", "content": found}]
    try:
        turns = msgspec.convert(found, list[_Stored])
    except msgspec.ValidationError as error:
        raise braces.Gap(f"`{given.item_reference}` holds no messages: {error}") from error
    if not turns:
        raise braces.Gap(f"`{given.item_reference}` holds no messages")
    return [{"role": turn.role, "content": turn.content} for turn in turns]


class _Stored(msgspec.Struct, frozen=True):
    """A message as an item holds it; parts are sent as they stand."""

    role: str
    content: str | list[dict[str, Any]]


def _turn(role: str, content: object, item: Mapping[str, Any]) -> dict[str, Any]:
    given = cast("list[object]", content) if isinstance(content, list) else [content]
    parts = [_part(part, item) for part in given]
    if all(part["type"] == "text" for part in parts):
        return {"role": role, "content": "".join(part["text"] for part in parts)}
    return {"role": role, "content": parts}


def _part(part: object, item: Mapping[str, Any]) -> dict[str, Any]:
    values = {"item": item}
    if isinstance(part, ImagePart):
        detail = {"detail": part.detail} if part.detail else {}
        return {"type": "image_url", "image_url": {"url": braces.fill(part.image_url, values), **detail}}
    if isinstance(part, AudioPart):
        return {"type": "input_audio", "input_audio": part.input_audio.model_dump()}
    text = part.text if isinstance(part, TextPart) else str(part)
    return {"type": "text", "text": braces.fill(text, values)}


def params_of(source: Completions | Responses) -> dict[str, Any]:
    """Return the sampling of a run for a spec; what was not asked for is not sent.

    Raises:
        RefusedError: a tool or a format is of a kind that chat completions do not have.
    """
    made: dict[str, Any] = {"temperature": None, "max_tokens": None}
    given = source.sampling_params
    if given is None:
        return made
    for name in ("temperature", "top_p", "seed", "reasoning_effort", "max_completion_tokens"):
        if (value := getattr(given, name)) is not None:
            made[name] = value
    if given.tools:
        made["tools"] = [_tool(tool, at) for at, tool in enumerate(given.tools)]
    wanted = given.response_format if isinstance(given, CompletionsSampling) else _format(given)
    if wanted is not None:
        made["response_format"] = wanted
    return made


def _format(given: ResponsesSampling) -> dict[str, Any] | None:
    if given.text is None or given.text.format is None:
        return None
    form = dict(given.text.format)
    if form.get("type") != "json_schema":
        return form
    return {"type": form.pop("type"), "json_schema": form}


def _tool(tool: dict[str, Any], at: int) -> dict[str, Any]:
    where = f"data_source.sampling_params.tools[{at}]"
    if tool.get("type") != "function":
        raise RefusedError(f"a tool of the type `{tool.get('type')}` is not offered", where=where)
    if "function" in tool:
        return tool
    return {"type": "function", "function": {k: v for k, v in tool.items() if k != "type"}}
