"""Cases: what is asked, and its right answer."""

from typing import Any

import msgspec


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One turn of a conversation; `content` is text or a list of OpenAI content parts."""

    role: str
    content: str | list[dict[str, Any]]


class Continuation(msgspec.Struct, frozen=True, kw_only=True):
    """A text whose likelihood after a context is asked; `text` holds its own leading blank."""

    context: str
    text: str


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One row of a dataset.

    Attributes:
        id: stable within the dataset; empty until the row has been mapped.
        fields: the row as read; templates see these names.
        reference: the right answer, or None where there is none.
        accepted: other forms of the answer that count as right.
        slices: named groups the case belongs to, such as category or difficulty.
        cluster: cases that share this value are not independent (same document, same conversation).
        messages: a ready conversation that is sent as it stands, before the template's own turn.
        prompt_tokens: asked length of the input in tokens, for synthetic cases.
        output_tokens: asked length of the answer in tokens, for synthetic cases.
        line: 1-based line of the source file, 0 where there is none.
        follows: id of the case whose conversation this one goes on with, after its answer.
        think_s: seconds to wait between that answer and this case.
        continuations: texts whose likelihood is asked, in place of an answer.
        prompt: a text that is completed as it stands, where the completion form is asked.
        params: sampling parameters of this case, over those of the benchmark.
    """

    id: str = ""
    fields: dict[str, Any] = {}
    reference: Any = None
    accepted: tuple[str, ...] = ()
    slices: dict[str, str] = {}
    cluster: str | None = None
    messages: tuple[Message, ...] = ()
    prompt_tokens: int | None = None
    output_tokens: int | None = None
    line: int = 0
    follows: str | None = None
    think_s: float = 0.0
    continuations: tuple[Continuation, ...] = ()
    prompt: str | None = None
    params: dict[str, Any] = {}
