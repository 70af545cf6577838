"""Logs of gateways and proxies, request and answer a line: LiteLLM, Helicone, stored batches and the like."""

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, cast

import msgspec

from bakeoff import textfiles
from bakeoff.datasets._json import mapping, read_items, row_of
from bakeoff.datasets._logged import Logged, Unusable, as_cases, said, unpacked
from bakeoff.datasets._yaml import Item
from bakeoff.errors import DataError
from bakeoff.records import Case

_REQUESTS = ("request_body", "requestBody", "request", "body", "input", "kwargs")
_RESPONSES = ("response_body", "responseBody", "response", "output", "completion")
_IDS = ("request_id", "requestId", "id", "litellm_call_id", "custom_id", "trace_id")
_FAILED = ("failure", "error", "failed")


class Gateway(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Calls that a gateway logged, as JSON Lines or one JSON list.

    A row holds the request in `request_body`, `request`, `body` or itself, with `messages`, `prompt` or
    `input`, and the answer in `response_body` or `response`, in the form of chat completions, completions,
    responses or Anthropic's messages; either may be JSON text. That covers LiteLLM's and Helicone's
    exports, and batch files. The conversation is asked as it was, without its last answer, which is the
    field `logged_answer`; `logged_model` gave it. No model is right because it was in use, so it becomes
    the reference only when asked.

    Attributes:
        path: the file; `.gz` is read as it stands.
        reference: take the logged answer as the reference.
        unusable: whether a call that failed or cannot be asked again is an `error` or is left out (`skip`).
    """

    path: str
    reference: bool = False
    unusable: Unusable = "error"

    @property
    def endless(self) -> bool:
        """Tell that the file ends."""
        return False

    def cases(self, base: Path, rng: Random) -> Iterator[Case]:  # noqa: ARG002  calls are in file order
        """Yield one case per logged call."""
        path = textfiles.resolve(base, self.path)
        calls = (_call(item) for item in read_items(path))
        yield from as_cases(calls, path, reference=self.reference, unusable=self.unusable)


def _call(item: Item) -> Logged | DataError:
    row = row_of(item)
    if str(row.get("status", "")).lower() in _FAILED:
        return item.wrong("the call failed", "`unusable: skip` leaves such calls out")
    asked = _request(row)
    messages = _messages(asked)
    if messages is None:
        hint = "a row needs `messages` or `prompt`, itself or in `request`"
        return item.wrong("the row holds no request", hint)
    response = next((unpacked(row[name]) for name in _RESPONSES if row.get(name) is not None), None)
    name = next((str(row[key]) for key in _IDS if isinstance(row.get(key), str | int)), "")
    model = _model(response) or asked.get("model") or row.get("model")
    return Logged(
        messages=messages,
        answer=_answer(response),
        model=str(model) if model else None,
        id=name,
        place=item,
    )


def _request(row: dict[str, Any]) -> dict[str, Any]:
    """Return the request of a row: what a usual key holds, or the row itself."""
    for name in _REQUESTS:
        value = unpacked(row.get(name))
        if isinstance(value, dict):
            inner = unpacked(cast("dict[str, Any]", value).get("body"))
            asked = cast("dict[str, Any]", inner if isinstance(inner, dict) else value)
            if _messages(asked) is not None:
                return asked
    return row


def _messages(asked: dict[str, Any]) -> list[Any] | None:
    """Return the turns of a request in any of the usual forms."""
    given = next((unpacked(asked[key]) for key in ("messages", "prompt", "input") if asked.get(key)), None)
    if isinstance(given, str):
        given = [{"role": "user", "content": given}]
    if isinstance(given, dict):
        given = cast("dict[str, Any]", given).get("messages")
    if not isinstance(given, list):
        return None
    turns = cast("list[object]", given)
    system = asked.get("system") or asked.get("instructions")
    return [{"role": "system", "content": system}, *turns] if system else turns


def _model(response: Any) -> Any:  # noqa: ANN401  a log holds any JSON
    if not isinstance(response, dict):
        return None
    whole = cast("dict[str, Any]", response)
    return whole.get("model") or _model(unpacked(whole.get("body")))


def _answer(response: Any) -> str | None:  # noqa: ANN401  as above
    """Return the text of an answer in any of the usual forms."""
    if not isinstance(response, dict):
        return said(response)
    whole = cast("dict[str, Any]", response)
    body = unpacked(whole.get("body"))
    if isinstance(body, dict):
        return _answer(body)
    choices = whole.get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        choice = cast("dict[str, Any]", choices[0])
        return said(mapping(choice.get("message")).get("content") or choice.get("text"))
    if isinstance(whole.get("output"), list):
        outputs = cast("list[object]", whole["output"])
        texts = [said(mapping(each).get("content")) for each in outputs]
        return "".join(text for text in texts if text) or None
    return said(whole.get("output_text") or whole.get("content"))
