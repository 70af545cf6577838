"""Why requests failed, in the servers' own words, counted without keeping every text."""

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence

from bakeoff.records import Sample

_FAILED = frozenset({"error", "timeout"})
_NUMBERS = re.compile(r"\d+")
_MOST_KINDS = 1000
_SHOWN = 3
_LONGEST = 160
_FEW = 0.02


class Failures:
    """Count failed samples by their message; messages that differ in numbers alone are one.

    Attributes:
        total: failed samples.
        counts: by message without its numbers, of those that came with one.
        first: the first of these messages, as it stood.
    """

    def __init__(self, samples: Iterable[Sample] = ()) -> None:
        self.total = 0
        self.counts: dict[str, int] = {}
        self.first: dict[str, str] = {}
        for sample in samples:
            self.add(sample)

    def add(self, sample: Sample) -> None:
        """Take one sample; what did not fail is passed over."""
        if sample.outcome not in _FAILED:
            return
        self.note(sample.error)

    def note(self, error: str) -> None:
        """Take one failure by its message."""
        self.total += 1
        if not error:
            return
        kind = _NUMBERS.sub("0", error)
        # A server that puts something new into each message must not fill the memory.
        if kind in self.counts or len(self.counts) < _MOST_KINDS:
            self.counts[kind] = self.counts.get(kind, 0) + 1
            self.first.setdefault(kind, error)

    def take(self, others: "Failures") -> None:
        """Take what others counted."""
        self.total += others.total
        for kind, count in others.counts.items():
            self.counts[kind] = self.counts.get(kind, 0) + count
            self.first.setdefault(kind, others.first[kind])

    def sentence(self) -> str:
        """Return the most frequent messages with their counts; empty where nothing is told."""
        return "; ".join(self._told())

    def _told(self) -> Iterator[str]:
        ranked = sorted(self.counts.items(), key=lambda item: -item[1])
        for kind, count in ranked[:_SHOWN]:
            yield f"{_short(self.first[kind])} ({count})"
        rest = self.total - sum(count for _, count in ranked[:_SHOWN])
        if ranked and rest:
            yield f"others ({rest})"


def tried_again(samples: Sequence[Sample]) -> str:
    """Say how many answers took several tries, and why; empty where they are too few to shift a time."""
    again = [[one for one in sample.attempts if one.kind != "reconnect"] for sample in samples]
    count = sum(map(bool, again))
    if count <= _FEW * len(samples):
        return ""
    why = Failures()
    for attempt in itertools.chain.from_iterable(again):
        why.note(f"{attempt.kind}: {attempt.error}")
    return (
        f"{count} of {len(samples)} answers took several tries: {why.sentence()}; the waiting between them, "
        "also of requests held back meanwhile, is in the times"
    )


def _short(error: str) -> str:
    """Return a message on one line, without the word for its kind where a sentence follows."""
    _, mark, text = error.partition(": ")
    line = " ".join((text if mark else error).split())
    return line if len(line) <= _LONGEST else line[:_LONGEST] + "…"
