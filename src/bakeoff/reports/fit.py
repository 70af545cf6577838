"""Keep the texts of a page within a size that every browser opens at once."""

from collections.abc import Iterator, Sequence

import msgspec

from bakeoff.charts.svg import esc
from bakeoff.records.view import Answer, Row

LARGEST = 12_000_000
_SAMPLED = 200


def _texts(row: Row) -> Iterator[str]:
    yield from (row.question, row.reference or "")
    for answer in row.answers:
        yield from (answer.text, answer.thinking, answer.error, answer.reason)


def _bytes(text: str) -> float:
    """Estimate a text's bytes in HTML from some of its characters; escaping all of them takes long."""
    some = text[:: len(text) // _SAMPLED + 1]
    return len(esc(some).encode("utf-8", "replace")) * len(text) / max(len(some), 1)


def _size(rows: Sequence[Row]) -> float:
    return sum(_bytes(text) for row in rows for text in _texts(row))


def _cut_answer(answer: Answer, most: int) -> Answer:
    lost = max(len(answer.text) - most, 0) + max(len(answer.thinking) - most, 0)
    return msgspec.structs.replace(
        answer,
        text=answer.text[:most],
        thinking=answer.thinking[:most],
        error=answer.error[:most],
        reason=answer.reason[:most],
        cut=answer.cut + lost,
    )


def _cut_row(row: Row, most: int) -> Row:
    return msgspec.structs.replace(
        row,
        question=row.question[:most],
        reference=None if row.reference is None else row.reference[:most],
        answers=[_cut_answer(answer, most) for answer in row.answers],
    )


def fitted(rows: Sequence[Row], most: int, *, largest: int = LARGEST) -> list[Row]:
    """Return the rows with texts of at most `most` characters, of fewer where together they are too large.

    `largest` is in bytes as HTML has them, estimated from samples.
    """
    kept = [_cut_row(row, most) for row in rows]
    while most > 1 and _size(kept) > largest:
        most //= 2
        kept = [_cut_row(row, most) for row in kept]
    return kept
