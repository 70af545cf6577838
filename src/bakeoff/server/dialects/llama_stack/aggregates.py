"""Scores of rows as one figure, by Llama Stack's formulas; rows without a score harm none of them."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any

Rows = Sequence[Mapping[str, Any]]


def aggregated(rows: Rows, names: Sequence[str]) -> dict[str, Any]:
    """Return the figures asked for, each under its name as the real server has it.

    Args:
        rows: each with a `score`, which may be None, and perhaps a `weight`.
        names: of the aggregations.
    """
    return {name: _FORMULAS[name](rows) for name in names}


def _accuracy(rows: Rows) -> dict[str, Any]:
    # A row without a score is no right answer, but stays in the denominator; a word is neither.
    words = sum(isinstance(row.get("score"), str) for row in rows)
    right, total = float(sum(_numbers(rows))), len(rows) - words
    value = right / total if total else None
    return {"accuracy": value, "num_correct": right, "num_total": total} | _skipped(words)


def _average(rows: Rows) -> dict[str, Any]:
    found = _numbers(rows)
    return {"average": sum(found) / len(found) if found else None} | _skipped(len(rows) - len(found))


def _weighted(rows: Rows) -> dict[str, Any]:
    pairs = [(row["score"], float(row.get("weight", 1.0))) for row in rows if _is_number(row.get("score"))]
    whole = sum(weight for _, weight in pairs)
    value = sum(score * weight for score, weight in pairs) / whole if whole else None
    return {"weighted_average": value} | _skipped(len(rows) - len(pairs))


def _median(rows: Rows) -> dict[str, Any]:
    found = _numbers(rows)
    return {"median": median(found) if found else None} | _skipped(len(rows) - len(found))


def _skipped(count: int) -> dict[str, Any]:
    """Say how many rows are not in a figure, where there are some."""
    return {"num_skipped": count} if count else {}


def _counted(rows: Rows) -> dict[str, Any]:
    counts = Counter(str(row.get("score")) for row in rows)
    return {"categorical_count": dict(sorted(counts.items()))}


def _numbers(rows: Rows) -> list[float]:
    return [row["score"] for row in rows if _is_number(row.get("score"))]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_FORMULAS: dict[str, Callable[[Rows], dict[str, Any]]] = {
    "accuracy": _accuracy,
    "average": _average,
    "weighted_average": _weighted,
    "median": _median,
    "categorical_count": _counted,
}
