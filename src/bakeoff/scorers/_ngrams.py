"""Runs of tokens, counted; and the tokens that each measure of overlap is defined on."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice

Gram = tuple[str, ...]

_SPLIT_OFF = re.compile(r"([{-~\[-` -&(-+:-@/])")
_AFTER_NO_DIGIT = re.compile(r"([^0-9])([.,])")
_BEFORE_NO_DIGIT = re.compile(r"([.,])([^0-9])")
_AFTER_DIGIT = re.compile(r"([0-9])(-)")


def grams(tokens: Sequence[str], size: int) -> Counter[Gram]:
    """Count the runs of `size` tokens."""
    return Counter(zip(*(islice(tokens, at, None) for at in range(size)), strict=False))


def overlap(left: Counter[Gram], right: Counter[Gram]) -> int:
    """Return how many runs both have, each as often as the poorer one has it."""
    if len(left) > len(right):
        left, right = right, left
    return sum(min(count, right[gram]) for gram, count in left.items() if gram in right)


def f_score(precision: float, recall: float, beta: float = 1.0) -> float:
    """Return (1 + beta²) · precision · recall / (beta² · precision + recall), 0 where both are 0."""
    weight = beta * beta
    below = weight * precision + recall
    return (1 + weight) * precision * recall / below if below else 0.0


def best(scores: Iterable[float]) -> float:
    """Return the largest score, brought into 0..1 where rounding left it outside."""
    return min(max(0.0, *scores, 0.0), 1.0)


def words(text: str) -> list[str]:
    """Split lower-case text at white space."""
    return text.lower().split()


def words_13a(text: str) -> list[str]:
    """Split text as the WMT script `mteval-v13a` does, which sacrebleu calls `13a`."""
    text = text.rstrip().replace("<skipped>", "").replace("-\n", "").replace("\n", " ")
    if "&" in text:
        for entity, mark in (("&quot;", '"'), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">")):
            text = text.replace(entity, mark)
    text = _SPLIT_OFF.sub(r" \1 ", f" {text} ")
    text = _AFTER_NO_DIGIT.sub(r"\1 \2 ", text)
    text = _BEFORE_NO_DIGIT.sub(r" \1 \2", text)
    return _AFTER_DIGIT.sub(r"\1 \2 ", text).split()
