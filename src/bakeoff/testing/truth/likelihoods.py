"""Log-probabilities of known size, and the endpoints around them, as vLLM and as llama.cpp give them.

A token is a word with the white space before it. One that the right answer holds costs 0.25 and is the
likeliest; any other costs 4, and a made-up one is likelier. So the likelihood of a text is known beforehand.
"""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from bakeoff.errors import UsageError
from bakeoff.testing.truth.answers import Answer, said_text, split_words
from bakeoff.testing.truth.asks import Ask
from bakeoff.testing.truth.settings import TruthSettings

LIKED, OTHER, MADE_UP = -0.25, -4.0, -0.5
CONTEXT = 4096
_LETTERS = "ABCDEFGHIJ"
_LITERALS = re.compile(r"root ::= (?:<\[\d+\]>\s*)+")


class Vocabulary:
    """Numbers of words, given in the order in which they are first met."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}
        self._words: list[str] = []

    def ids(self, text: str) -> list[int]:
        """Return the tokens of a text."""
        for word in split_words(text):
            if word not in self._ids:
                self._ids[word] = len(self._words)
                self._words.append(word)
        return [self._ids[word] for word in split_words(text)]

    def text(self, ids: Sequence[int]) -> str:
        """Return the text of tokens that were given out."""
        try:
            return "".join(self._words[token] for token in ids)
        except IndexError as error:
            raise UsageError("a token of the request does not exist") from error

    def spelled(self, ask: Ask) -> Ask:
        """Return a request whose prompt is text."""
        prompt = ask.prompt
        if isinstance(prompt, str) or not all(isinstance(token, int) for token in prompt):
            return ask
        return msgspec.structs.replace(
            ask, prompt=self.text([token for token in prompt if isinstance(token, int)])
        )

    def forced(self, ask: Ask) -> Answer | None:
        """Return what a grammar of token literals forces, None without one."""
        if not _LITERALS.fullmatch(ask.grammar):
            return None
        ids = [int(number) for number in re.findall(r"\d+", ask.grammar)]
        return Answer(tokens=tuple(self.text([token]) for token in ids), finish="length")

    def tokenize(self, settings: TruthSettings, body: bytes) -> dict[str, object]:
        """Answer `/tokenize`."""
        asked = msgspec.json.decode(body, type=dict[str, Any])
        if settings.engine == "vllm":
            ids = self.ids(str(asked.get("prompt", "")))
            return {"count": len(ids), "max_model_len": CONTEXT, "tokens": ids}
        ids = self.ids(str(asked.get("content", "")))
        if not asked.get("with_pieces"):
            return {"tokens": ids}
        return {"tokens": [{"id": token, "piece": self.text([token])} for token in ids]}

    def logprobs(self, settings: TruthSettings, ask: Ask, said: Answer, *, chat: bool) -> object:
        """Return the `logprobs` of a choice, None where they are not asked for or the engine has none."""
        if settings.engine == "plain" or ask.logprobs is None or ask.logprobs is False:
            return None
        count = (ask.top_logprobs or 0) if chat else int(ask.logprobs)
        liked = frozenset(word.strip() for word in split_words(said_text(settings, ask) or ""))
        if not chat and settings.engine == "vllm":
            prompt = split_words(ask.question()) if ask.echo else ()
            return _columns((*prompt, *said.tokens), liked, count, unknown=bool(prompt))
        return {"content": [self._token(token, liked, count) for token in said.tokens]}

    def _token(self, token: str, liked: frozenset[str], count: int) -> dict[str, object]:
        tops = _alternatives(token, liked, count)
        rows = [{"id": self.ids(text)[0], "token": text, "logprob": value} for text, value in tops.items()]
        own: dict[str, object] = {"id": self.ids(token)[0], "token": token, "logprob": _cost(token, liked)}
        return own | {"top_logprobs": rows}


def _cost(token: str, liked: frozenset[str]) -> float:
    return LIKED if token.strip() in liked else OTHER


def _alternatives(token: str, liked: frozenset[str], count: int) -> dict[str, float]:
    """Return the likeliest tokens in the place of `token`, which is one of them if it is liked."""
    found = {token: LIKED} if token.strip() in liked else {" truth": MADE_UP}
    for place, letter in enumerate(_LETTERS, 1):
        found.setdefault(f"{' ' * (place % 2)}{letter}", OTHER - place)
    return dict(list(found.items())[:count])


def _columns(tokens: Sequence[str], liked: frozenset[str], count: int, *, unknown: bool) -> dict[str, object]:
    """Return the lists of the completions protocol; nothing is known of a prompt's first token."""
    costs: list[float | None] = [_cost(token, liked) for token in tokens]
    tops: list[dict[str, float] | None] = [
        _alternatives(token, liked, count) | {token: _cost(token, liked)} for token in tokens
    ]
    if unknown:
        costs[0] = tops[0] = None
    offsets = [sum(map(len, tokens[:place])) for place in range(len(tokens))]
    return {"tokens": list(tokens), "token_logprobs": costs, "top_logprobs": tops, "text_offset": offsets}
