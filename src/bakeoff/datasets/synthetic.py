"""Prompts of an asked length made of random words, for load tests. No file, no tokenizer."""

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Annotated, Literal

import msgspec

from bakeoff.records import Case

Tokens = Annotated[int, msgspec.Meta(ge=1)]

# Common short words: one token each, with the blank before it, in the usual vocabularies.
_WORDS = tuple(
    """
    morning evening summer winter rain snow wind cloud river lake hill forest field garden flower tree
    leaf root stone sand wave ocean island bridge road path city town village house window door roof
    kitchen table chair lamp clock paper letter book page story music song dance picture color red blue
    green yellow white black bread butter milk sugar salt coffee apple orange fish chicken dinner lunch
    doctor teacher farmer driver writer artist soldier captain king queen mother father sister brother
    friend neighbor child baby dog cat horse bird sheep cow mouse lion bear train truck boat ship plane
    wheel engine metal gold silver iron glass cotton leather market money price bank office school
    church museum station airport street corner square hour minute week month year today early late
    quick slow small large heavy light warm cold bright dark quiet loud simple strong gentle happy
    walk run jump climb swim build carry open close read speak listen think learn remember forget
    travel visit watch follow lead begin finish share choose answer question number reason idea plan
    """.split()  # noqa: SIM905  a word list reads better as words
)


class Length(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A length in tokens that varies from case to case.

    Draws are rounded and clamped to `min`..`max`, so a wide spread near a bound moves the mean.

    Attributes:
        kind: the distribution.
        mean: in tokens.
        stddev: in tokens; 0 is always the mean.
    """

    kind: Literal["normal"] = "normal"
    mean: Annotated[float, msgspec.Meta(gt=0)]
    stddev: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    min: Tokens = 1
    max: Tokens | None = None

    def __post_init__(self) -> None:
        if self.max is not None and self.max < self.min:
            raise ValueError(f"`max` {self.max} is below `min` {self.min}")

    def draw(self, rng: Random) -> int:
        """Return one length."""
        length = max(self.min, round(rng.gauss(self.mean, self.stddev)))
        return length if self.max is None else min(self.max, length)


class Synthetic(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Prompts of random words, without end; the field is `prompt`.

    One common English word counts as one token. That is an approximation: the server's own count
    (which adds its chat template) stands in every sample and is what the reports show. Prompts differ
    from their first words on, so a server's prefix cache does not answer for it.

    Attributes:
        prompt_tokens: asked length of the prompt: a number, or `{mean, stddev, min, max}`.
        output_tokens: asked length of the answer, likewise; None leaves it to the model.
    """

    prompt_tokens: Tokens | Length = 256
    output_tokens: Tokens | Length | None = 128

    @property
    def endless(self) -> bool:
        """Tell that there is always one more."""
        return True

    def cases(self, base: Path, rng: Random) -> Iterator[Case]:  # noqa: ARG002  nothing is read from disk
        """Yield cases for ever; the same `rng` gives the same cases."""
        number = 0
        while True:
            number += 1
            words = _draw(self.prompt_tokens, rng)
            answer = None if self.output_tokens is None else _draw(self.output_tokens, rng)
            yield Case(
                id=f"synthetic-{number:06d}",
                fields={"prompt": " ".join(rng.choices(_WORDS, k=words))},
                prompt_tokens=words,
                output_tokens=answer,
            )


def _draw(length: int | Length, rng: Random) -> int:
    return length if isinstance(length, int) else length.draw(rng)
