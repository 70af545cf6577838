"""Rows of Llama Stack's data sets: as registered, as listed by its API, or bare."""

import base64
import binascii
import csv
import io
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, cast
from urllib.parse import unquote_to_bytes, urlsplit

import msgspec

from bakeoff import textfiles
from bakeoff.datasets._cells import read_table
from bakeoff.datasets._json import read_items, row_of
from bakeoff.datasets._logged import unpacked
from bakeoff.datasets._yaml import Item
from bakeoff.records import Case, Message
from bakeoff.records.units import Count


class LlamaStack(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rows of a Llama Stack data set.

    The file is the registration (`{purpose, source: {type: rows, rows} or {type: uri, uri}}`), what the
    API lists (`{data: [...]}`), or the rows alone. A `uri` is a file or a `data:` text. `input_query` is the
    field `input`, `expected_answer` the reference; `chat_completion_input` is a conversation that is sent
    as it stands, `completion_input` a text, which the completion form sends as it stands.

    Attributes:
        path: the file.
        output_tokens: longest answer, in place of `max_tokens`; one that ends there is graded as it is, as
            Llama Stack does, and is no `truncated` one.
    """

    path: str
    output_tokens: Count | None = None

    @property
    def endless(self) -> bool:
        """Tell that the file ends."""
        return False

    def cases(self, base: Path, rng: Random) -> Iterator[Case]:  # noqa: ARG002  rows are in file order
        """Yield one case per row."""
        path = textfiles.resolve(base, self.path)
        found = False
        for item in _items(path):
            found = True
            yield _case(item, self.output_tokens)
        if not found:
            raise textfiles.empty(path, "rows")


def _items(path: Path) -> Iterator[Item]:
    if textfiles.suffixes(path)[0] == ".csv":
        yield from (Item(value=row, path=path, line=line) for line, row in read_table(path, textfiles.UTF8))
        return
    for item in read_items(path):
        row = row_of(item)
        source = row.get("source")
        if isinstance(source, dict):
            yield from _of_source(cast("dict[str, Any]", source), item)
        elif isinstance(row.get("data"), list) and "has_more" in row:
            yield from (msgspec.structs.replace(item, value=each) for each in row["data"])
        else:
            yield item


def _of_source(source: dict[str, Any], item: Item) -> Iterator[Item]:
    if isinstance(source.get("rows"), list):
        yield from (msgspec.structs.replace(item, value=each) for each in source["rows"])
        return
    uri = source.get("uri")
    if not isinstance(uri, str):
        raise item.wrong("the source of the data set has neither `rows` nor `uri`")
    if uri.startswith("data:"):
        yield from _of_text(_data(uri, item), uri, item)
        return
    scheme = urlsplit(uri).scheme
    if scheme not in {"", "file"}:
        raise item.wrong(f"`{uri}` lies outside this machine", "download it, and write its path as the `uri`")
    yield from _items(item.path.parent / uri.removeprefix("file://"))


def _data(uri: str, item: Item) -> str:
    head, _, body = uri.partition(",")
    try:
        raw = base64.b64decode(body, validate=True) if head.endswith(";base64") else unquote_to_bytes(body)
        return raw.decode()
    except (binascii.Error, ValueError) as error:
        raise item.wrong(f"the `data:` text cannot be read: {error}") from error


def _of_text(text: str, uri: str, item: Item) -> Iterator[Item]:
    if "csv" in uri.partition(",")[0]:
        rows: list[Any] = [dict(row) for row in csv.DictReader(io.StringIO(text))]
    else:
        try:
            value = msgspec.json.decode(text)
            rows = cast("list[object]", value) if isinstance(value, list) else [value]
        except msgspec.DecodeError:
            lines = [line for line in text.splitlines() if line.strip()]
            try:
                rows = [msgspec.json.decode(line) for line in lines]
            except msgspec.DecodeError as error:
                raise item.wrong(f"the `data:` text is no JSON: {error}") from error
    yield from (msgspec.structs.replace(item, value=each) for each in rows)


def _case(item: Item, output_tokens: int | None) -> Case:
    row = row_of(item)
    fields = dict(row)
    if "input" not in fields and isinstance(row.get("input_query"), str):
        fields["input"] = row["input_query"]
    text = _text(row)
    if "input" not in fields and text is not None:
        fields["input"] = text
    return Case(
        fields=fields,
        reference=row.get("expected_answer"),
        messages=_messages(row.get("chat_completion_input"), item),
        line=item.line,
        prompt=text,
        output_tokens=output_tokens,
    )


def _text(row: dict[str, Any]) -> str | None:
    """Return the text of `completion_input`: itself, or the `content` of the JSON that it is."""
    found: object = unpacked(row.get("completion_input"))
    if isinstance(found, dict):
        held = cast("dict[str, object]", found)
        found = held.get("content", held)
    if found is None or isinstance(found, str):
        return found
    return msgspec.json.encode(found).decode()


def _messages(value: Any, item: Item) -> tuple[Message, ...]:  # noqa: ANN401  a row holds any JSON
    if value is None or value == "":
        return ()
    try:
        return msgspec.convert(unpacked(value), tuple[Message, ...])
    except msgspec.ValidationError as error:
        raise item.wrong(f"`chat_completion_input` cannot be read: {error}") from error
