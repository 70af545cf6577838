"""What an endpoint says of itself: its list of models, llama.cpp's `/props`, and a look at its tokenizer."""

from typing import Any

import msgspec

from bakeoff.records import Call
from bakeoff.run.door import Door, NotSeen

_CONTEXT_NAMES = ("max_model_len", "context_length", "context_window", "max_context_length")
_CHATML = "<|im_start|>"


class Description(msgspec.Struct, frozen=True, kw_only=True):
    """What was found; see `Capabilities`."""

    chat_template: bool | None = None
    tokenizer: str | None = None
    context: int | None = None
    notes: dict[str, str] = {}


class _Modalities(msgspec.Struct, frozen=True):
    vision: bool | None = None


class _Settings(msgspec.Struct, frozen=True):
    n_ctx: int | None = None


class _Props(msgspec.Struct, frozen=True):
    """The part of llama.cpp's `/props` that matters here."""

    chat_template: str | None = None
    modalities: _Modalities = _Modalities()
    default_generation_settings: _Settings = _Settings()


class _Tokens(msgspec.Struct, frozen=True):
    tokens: list[int]
    max_model_len: int | None = None


async def describe(door: Door, *, chat: bool | None) -> Description:
    """Return what an endpoint says of itself.

    Args:
        door: to the endpoint.
        chat: whether it answered a conversation.
    """
    listed = _listed(await door.get("/models"), door.target.model)
    props = _parsed(await door.get("/props", at_root=True), _Props) or _Props()
    notes: dict[str, str] = {}
    if props.modalities.vision is not None:
        notes["images"] = f"the server says: {'with' if props.modalities.vision else 'without'} vision"
    llama = await _tokens(door, {"content": _CHATML, "add_special": False})
    vllm = None if llama else await _tokens(door, {"model": door.target.model, "prompt": _CHATML})
    context = props.default_generation_settings.n_ctx or next(
        (value for name in _CONTEXT_NAMES if isinstance(value := listed.get(name), int)), None
    )
    return Description(
        chat_template=_template(
            props, llama, notes, served=listed.get("owned_by") == "vllm" and chat is True
        ),
        tokenizer="llama.cpp" if llama else "vllm" if vllm else None,
        context=context or (vllm.max_model_len if vllm else None),
        notes=notes,
    )


def _template(props: _Props, tokens: _Tokens | None, notes: dict[str, str], *, served: bool) -> bool | None:
    """Tell whether the model brings a chat template.

    llama.cpp gives a model without one a generic template, whose marks such a model does not know as tokens.
    vLLM has no such stand-in: where it chats, there is a template.
    """
    if props.chat_template is None:
        return True if served else None
    generic = _CHATML in props.chat_template and tokens is not None and len(tokens.tokens) > 1
    if generic:
        notes["chat_template"] = "the server's generic one; the model does not know its marks"
    return bool(props.chat_template) and not generic


async def _tokens(door: Door, body: dict[str, Any]) -> _Tokens | None:
    call = Call(path="/tokenize", body=msgspec.json.encode(body), at_root=True)
    try:
        found = msgspec.json.decode((await door.ask(call)).body, type=_Tokens)
    except (NotSeen, msgspec.DecodeError, UnicodeDecodeError):
        return None
    return found if found.tokens else None


def _listed(models: dict[str, object], name: str) -> dict[str, Any]:
    """Return what the list of models says of one."""
    found = _parsed(models.get("data"), list[dict[str, Any]])
    rows: list[dict[str, Any]] = [] if found is None else found
    return next((row for row in rows if row.get("id") == name), rows[0] if len(rows) == 1 else {})


def _parsed(value: object, kind: Any) -> Any:  # noqa: ANN401  a parsing edge; callers name the type
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return None
