"""Prompts of an asked length made of random words, for load tests. No file, no tokenizer."""

from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from random import Random
from typing import Annotated, Any

import msgspec

from bakeoff.datasets._conversations import Think, linked
from bakeoff.datasets._images import Images, ImageSource
from bakeoff.datasets._lengths import Draw, Length, Tokens, sampler
from bakeoff.records import Case, Message
from bakeoff.records.units import Count, Share
from bakeoff.words import Distinct

Pause = Annotated[float, msgspec.Meta(ge=0, extra_json_schema={"x-bakeoff": "duration"})]

_OWN = 3
"""Words that every prompt has of its own, as many as it takes to tell prompts apart."""


class Prefix(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A beginning that prompts share, as a system prompt or a document is shared.

    Attributes:
        tokens: its length, which counts within the prompt's.
        share: part of the prompts that have one, exact over any number of them but for one.
        groups: how many different ones there are.
    """

    tokens: Tokens
    share: Share = 1.0
    groups: Count = 1


class Synthetic(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Prompts of random words, without end; the field is `prompt`.

    A length is a number, or a mapping: `{mean, stddev, min, max}` for a normal distribution; with `kind:
    lognormal` the same keys, mean and stddev being those of the lengths themselves; with `kind: uniform`
    `{min, max}`; with `kind: empirical` `{values: [...]}` or `{path: FILE}` of observed lengths, one per
    line; with `kind: fixed` `{mean}`. Draws are rounded and clamped to `min`..`max`.

    One common English word stands for one token until the server's own counts say what a word costs
    there; its count stands in every sample and is what the reports show.

    Prompts differ from their first words on, so a server's prefix cache does not answer for it. What
    they are to share is declared: `prefix: {tokens: 512, share: 0.8, groups: 4}` lets 80 % of the
    prompts begin with one of 4 texts, within their asked length. A prompt that is hardly longer keeps
    three words of its own and has as much of the text as fits.

    Images are PNGs of random colours, about 0.75 bytes per pixel, as `{width, height, count}`, each one
    different unless `distinct` says how many there are.

    Attributes:
        prompt_tokens: asked length of the prompt.
        output_tokens: asked length of the answer; None leaves it to the model.
        prefix: what prompts share, as a mapping of `tokens`, `share` and `groups`.
        images: what goes with every prompt, as a mapping of `width`, `height`, `count` and `distinct`.
        distinct: how many different prompts there are before they come again; None for no repetition.
        turns: user turns of a conversation, a number or a length as above; each turn has a prompt of its own.
        think: seconds between an answer and the next turn: a number or a mapping of `mean` and `stddev`.
    """

    prompt_tokens: Tokens | Length = 256
    output_tokens: Tokens | Length | None = 128
    prefix: Prefix | None = None
    images: Images | None = None
    distinct: Count | None = None
    turns: Count | Length = 1
    think: Pause | Think = 0.0

    @property
    def endless(self) -> bool:
        """Tell that there is always one more."""
        return True

    def cases(self, base: Path, rng: Random) -> Iterator[Case]:
        """Yield cases for ever; the same `rng` gives the same cases.

        Raises:
            DataError: a file of lengths cannot be read.
        """
        prompts = self._prompts(base, rng)
        if self.distinct is not None:
            prompts = cycle(list(islice(prompts, self.distinct)))
        turns = sampler(self.turns, base)
        number = 0
        while True:
            number += 1
            name = f"synthetic-{number:06d}"
            if self.turns == 1:
                yield msgspec.structs.replace(next(prompts), id=name)
            else:
                yield from linked(name, islice(prompts, turns(rng)), self.think, rng)

    def _prompts(self, base: Path, rng: Random) -> Iterator[Case]:
        """Yield prompts without names."""
        asked = sampler(self.prompt_tokens, base)
        answers: Draw | None = None if self.output_tokens is None else sampler(self.output_tokens, base)
        images = None if self.images is None else ImageSource(self.images, rng)
        texts = _Texts(self.prefix, rng)
        while True:
            tokens = asked(rng)
            text = texts.text(tokens)
            parts: list[dict[str, Any]] = [] if images is None else images.parts()
            content = [{"type": "text", "text": text}, *parts]
            yield Case(
                fields={"prompt": text},
                messages=(Message(role="user", content=content),) if parts else (),
                prompt_tokens=tokens,
                output_tokens=None if answers is None else answers(rng),
            )


class _Texts:
    """Texts of asked lengths, with the declared prefix where it is their turn."""

    def __init__(self, prefix: Prefix | None, rng: Random) -> None:
        self._rng = rng
        self._words = Distinct(rng)
        self._share = prefix.share if prefix else 0.0
        self._shared = [self._words.draw(prefix.tokens) for _ in range(prefix.groups)] if prefix else []
        self._number = 0

    def text(self, length: int) -> str:
        """Return the next text."""
        self._number += 1
        shared: list[str] = []
        # The whole part of number times share grows by one for exactly that share of the numbers.
        if int(self._number * self._share) > int((self._number - 1) * self._share):
            shared = self._rng.choice(self._shared)[: max(0, length - _OWN)]
        return " ".join([*shared, *self._words.draw(length - len(shared))])
