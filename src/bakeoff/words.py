"""Prompts of an asked length: random common words, and how many of them make the asked tokens.

It knows no tokenizer. What a word costs is learnt from the server's own count of earlier prompts.
"""

import hashlib
from random import Random

import msgspec

from bakeoff.records import Case

WORDS = tuple(
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
"""Common short words: one token each, with the blank before it, in the usual vocabularies."""

_DIGITS = 3
_DISTINCT = len(WORDS) ** _DIGITS

_PRIOR_SLOPE = 1.0
_PRIOR_WEIGHT = 25.0
"""As much as two prompts that lie seven words apart: pulls the slope to 1 until lengths really differ."""
_SLOPES = (0.25, 16.0)


class Distinct:
    """Draws texts that differ from one another from their first words on.

    The first words of a text count the texts, in an order that `rng` sets, so that no two of the first
    five million are alike and two runs with other seeds share no prompt. A text of one or two words can
    take only so many forms, and repeats after them.
    """

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._digits = rng.sample(WORDS, len(WORDS))
        self._number = rng.randrange(_DISTINCT)

    def draw(self, words: int) -> list[str]:
        """Return the words of the next text."""
        self._number += 1
        left, first = self._number, list[str]()
        for _ in range(min(words, _DIGITS)):
            left, digit = divmod(left, len(WORDS))
            first.append(self._digits[digit])
        return first + self._rng.choices(WORDS, k=words - len(first))


def fit(text: str, words: int) -> str:
    """Return `text` with exactly so many words: cut at the end, or continued.

    What is added follows from the text and is the same every time, so the beginning of a text, and with
    it a shared prefix, never changes.

    Args:
        text: words with one blank between.
        words: how many to have, at least 1.
    """
    surplus = _count(text) - max(1, words)
    if surplus >= 0:
        # Prompts are long and what is cut is short, so the end is cut off rather than all of it taken apart.
        return text.rsplit(" ", surplus)[0]
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    return " ".join([text, *Random(seed).choices(WORDS, k=-surplus)])


def _count(text: str) -> int:
    return text.count(" ") + 1


def words_of(case: Case) -> int | None:
    """Return the words of a prompt that can be fitted, None where the case is none of an asked length."""
    if case.prompt_tokens is None or case.messages or case.follows is not None:
        return None
    prompt = str(case.fields.get("prompt", ""))
    return _count(prompt) if prompt else None


def fitted(case: Case, feedback: "LengthFeedback") -> Case:
    """Return the case with a prompt of as many words as make its asked tokens, as far as is known.

    A case without an asked length, with images, or within a conversation is returned as it is.
    """
    if case.prompt_tokens is None or words_of(case) is None:
        return case
    prompt = fit(case.fields["prompt"], feedback.words_for(case.prompt_tokens))
    return msgspec.structs.replace(case, fields={**case.fields, "prompt": prompt})


class LengthFeedback(msgspec.Struct, frozen=True, kw_only=True):
    """What prompts of so many words turned out to cost: tokens = overhead + slope x words.

    A least-squares line through all observations, its slope drawn towards one token a word by a weight
    that matters only until prompts of clearly different length were seen. Sums of whole numbers are
    kept, so observations may come in any order and from several feedbacks (`merged`).

    Attributes:
        n: prompts seen.
        words: sum of their words.
        tokens: sum of their tokens, as the server counted them.
        words_words: sum of squared words.
        words_tokens: sum of words times tokens.
    """

    n: int = 0
    words: int = 0
    tokens: int = 0
    words_words: int = 0
    words_tokens: int = 0

    def observed(self, words: int, tokens: int) -> "LengthFeedback":
        """Return the feedback with one more prompt: the words that were sent and the tokens they cost."""
        one = LengthFeedback(
            n=1, words=words, tokens=tokens, words_words=words * words, words_tokens=words * tokens
        )
        return self.merged(one)

    def merged(self, other: "LengthFeedback") -> "LengthFeedback":
        """Return what both have seen."""
        return LengthFeedback(
            n=self.n + other.n,
            words=self.words + other.words,
            tokens=self.tokens + other.tokens,
            words_words=self.words_words + other.words_words,
            words_tokens=self.words_tokens + other.words_tokens,
        )

    @property
    def tokens_per_word(self) -> float:
        """Return the slope: 1 before anything was seen."""
        if not self.n:
            return _PRIOR_SLOPE
        spread = self.words_words - self.words * self.words / self.n
        together = self.words_tokens - self.words * self.tokens / self.n
        slope = (together + _PRIOR_WEIGHT * _PRIOR_SLOPE) / (spread + _PRIOR_WEIGHT)
        return min(max(slope, _SLOPES[0]), _SLOPES[1])

    @property
    def overhead(self) -> float:
        """Return the tokens that the chat template adds whatever the length; 0 before anything was seen."""
        return (self.tokens - self.tokens_per_word * self.words) / self.n if self.n else 0.0

    def expected(self, words: int) -> float:
        """Return the tokens that a prompt of so many words is expected to cost."""
        return self.overhead + self.tokens_per_word * words

    def words_for(self, tokens: int) -> int:
        """Return how many words to send so that the server counts so many tokens; at least 1."""
        return max(1, round((tokens - self.overhead) / self.tokens_per_word))
