"""Prompts with the lengths and the shared beginnings of a production trace."""

from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Annotated

import msgspec

from bakeoff import textfiles
from bakeoff.datasets._lengths import Tokens
from bakeoff.errors import DataError
from bakeoff.records import Case
from bakeoff.traces import TraceRow, read_trace
from bakeoff.words import WORDS, Distinct

_KEPT_BLOCKS = 4096
Block = Annotated[int, msgspec.Meta(ge=1)]


class Trace(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One prompt of random words for each request of a trace, as long as the trace says.

    The file is that of the load `trace`, which sends the prompts at the trace's times. Where a request has
    `hash_ids`, each names a block of its input: prompts with equal names at their beginning begin with the
    same text, so a prefix cache has as much to find as it had in production. Without them every prompt is
    different. An answer of 0 tokens is asked for as 1.

    Attributes:
        path: the file; `.gz` is read as it stands.
        block: tokens that each of `hash_ids` stands for.
        output_tokens: asked length of answers where the trace does not say; None leaves it to the model.
    """

    path: str
    block: Block = 512
    output_tokens: Tokens | None = None

    @property
    def endless(self) -> bool:
        """Tell that the file ends."""
        return False

    def cases(self, base: Path, rng: Random) -> Iterator[Case]:
        """Yield one case per request; another seed of `rng` gives other words of the same lengths."""
        path = textfiles.resolve(base, self.path)
        texts = Distinct(rng)
        blocks = _blocks(self.block, rng.getrandbits(64))
        for row in read_trace(path):
            if not row.prompt_tokens:
                raise DataError(
                    "the request does not say how long its input was",
                    where=f"{path}:{row.line}",
                    hint="give `prompt_tokens` (`input_length` in the Mooncake form), 1 or more",
                )
            output = self.output_tokens if row.output_tokens is None else max(1, row.output_tokens)
            yield Case(
                id=f"trace-{row.line:06d}",
                fields={"prompt": _text(row, row.prompt_tokens, blocks, texts)},
                prompt_tokens=row.prompt_tokens,
                output_tokens=output,
                line=row.line,
            )


def _blocks(size: int, salt: int) -> Callable[[int | str], list[str]]:
    """Return what gives the words of a block by its name; kept for those that come again soon."""

    @lru_cache(maxsize=_KEPT_BLOCKS)
    def words(name: int | str) -> list[str]:
        return Random(f"{salt}/{name}").choices(WORDS, k=size)

    return words


def _text(row: TraceRow, tokens: int, blocks: Callable[[int | str], list[str]], texts: Distinct) -> str:
    words: list[str] = []
    for name in row.blocks:
        words += blocks(name)
        if len(words) >= tokens:
            break
    return " ".join([*words[:tokens], *texts.draw(max(0, tokens - len(words)))])
