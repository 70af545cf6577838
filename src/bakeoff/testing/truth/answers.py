"""What the server says: the tokens of an answer, right or wrong on purpose."""

import hashlib
import re
from functools import lru_cache

import msgspec

from bakeoff.testing.truth.asks import Ask
from bakeoff.testing.truth.settings import TruthSettings

_SUM = re.compile(r"(-?\d+)\s*([-+*x\u00d7/])\s*(-?\d+)")
_WORD = re.compile(r"\s*\S+|\s+\Z")
_REFUSAL = "I cannot help with that."
_ARGUMENTS = ('{"value":', " 42", "}")
_WRONG = "none of these"


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The tokens of one answer, in order.

    Attributes:
        thinking: reasoning tokens, written before the answer.
        shape: where the tokens go: text, tool_call (arguments of `tool`) or refusal.
    """

    thinking: tuple[str, ...] = ()
    tokens: tuple[str, ...]
    finish: str = "stop"
    shape: str = "text"
    tool: str = ""

    @property
    def count(self) -> int:
        """Return the number of tokens, thinking included."""
        return len(self.thinking) + len(self.tokens)


@lru_cache(maxsize=512)
def made_up(word: str, count: int) -> tuple[str, ...]:
    """Return `count` tokens that join to "tok0 tok1 tok2"."""
    return tuple(f" {word}{index}" if index else f"{word}0" for index in range(count))


def split_words(text: str) -> tuple[str, ...]:
    """Cut text into one token per word; the tokens join to the text."""
    return tuple(_WORD.findall(text))


def is_right(prompt: str, model: str, accuracy: float) -> bool:
    """Decide by hash of prompt and model, so that the same question is always answered alike."""
    digest = hashlib.blake2b(f"{model}\0{prompt}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") < accuracy * 2**64


def compute(prompt: str, *, right: bool) -> str | None:
    """Return the result of the last `a op b` in the prompt, one more when it is to be wrong."""
    found = _SUM.findall(prompt)
    if not found:
        return None
    left, operator, other = int(found[-1][0]), found[-1][1], int(found[-1][2])
    if operator == "+":
        result = left + other
    elif operator == "-":
        result = left - other
    elif operator == "/":
        result = left // other if other else 0
    else:
        result = left * other
    return str(result if right else result + 1)


def look_up(prompt: str, table: dict[str, str], *, right: bool) -> str | None:
    """Return the answer of the exact key, else of the longest key within the prompt."""
    found = table.get(prompt)
    if found is None:
        keys = [key for key in table if key in prompt]
        if not keys:
            return None
        found = table[max(keys, key=len)]
    return found if right else _WRONG


def answer(settings: TruthSettings, ask: Ask) -> Answer:
    """Return what the server says to a request."""
    thinking = made_up("think", settings.reasoning) if ask.messages else ()
    mode = settings.answer
    if mode == "tool_call":
        name = ask.tools[0].function.name if ask.tools else "truth"
        full = Answer(thinking=thinking, tokens=_ARGUMENTS, finish="tool_calls", shape="tool_call", tool=name)
    elif mode == "refusal":
        full = Answer(thinking=thinking, tokens=split_words(_REFUSAL), shape="refusal")
    elif mode == "content_filter":
        full = Answer(thinking=thinking, tokens=made_up("tok", settings.tokens // 2), finish="content_filter")
    else:
        text = said_text(settings, ask)
        tokens = made_up("tok", _length(settings, ask)) if text is None else split_words(text)
        full = Answer(thinking=thinking, tokens=tokens)
    return _capped(full, ask.cap)


def said_text(settings: TruthSettings, ask: Ask) -> str | None:
    """Return the text of an answer, None for one that is made up of tokens."""
    if settings.answer == "tokens":
        return None
    question = ask.question()
    if settings.answer == "echo":
        return question
    right = is_right(question, ask.model, settings.accuracy)
    if settings.answer == "table":
        return look_up(question, settings.answers, right=right)
    return compute(question, right=right)


def _length(settings: TruthSettings, ask: Ask) -> int:
    if ask.ignore_eos and ask.cap is not None:
        return max(0, ask.cap - settings.reasoning)
    return max(settings.tokens, ask.min_tokens)


def _capped(full: Answer, cap: int | None) -> Answer:
    if cap is None or full.count <= cap:
        return full
    thinking = full.thinking[:cap]
    tokens = full.tokens[: cap - len(thinking)]
    return msgspec.structs.replace(full, thinking=thinking, tokens=tokens, finish="length")
