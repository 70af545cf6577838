"""What the comparisons that decide cannot show, as warnings of a run."""

from collections.abc import Sequence

from bakeoff.records import Comparison


def comparison_warnings(comparisons: Sequence[Comparison], metric: str | None) -> list[str]:
    """Return the notes of the comparisons on a metric, each once, with the pairs that it is about."""
    pairs: dict[str, list[str]] = {}
    for row in comparisons:
        if row.metric == metric and row.note:
            pairs.setdefault(row.note, []).append(f"{row.a} and {row.b}")
    return [f"{metric}, {_some(named)}: {note}" for note, named in pairs.items()]


def _some(pairs: Sequence[str]) -> str:
    more = len(pairs) - 1
    return f"{pairs[0]} (and {more} more pair{'s' if more > 1 else ''})" if more else pairs[0]
