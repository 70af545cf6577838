"""Differences that the data shows beside the metric that decides, each in a sentence with its interval."""

from collections.abc import Iterator, Sequence

from bakeoff.records import Comparison


def shown_differences(comparisons: Sequence[Comparison], quality: str | None, level: float) -> Iterator[str]:
    """Yield a sentence for each slice of the deciding metric, and each latency, in which two targets differ.

    A difference counts where its adjusted p is below 1 - level and its interval leaves 0 out. A slice that
    only repeats what the whole shows of the same two is not told.
    """
    whole = {_winner(row) for row in comparisons if row.metric == quality and _shown(row, level)}
    for row in comparisons:
        if not _shown(row, level):
            continue
        if quality is not None and row.metric.startswith(f"{quality}@"):
            if _winner(row) in whole:
                continue
            yield _sentence(row, "better", scale=100, unit="points", more=True)
        elif row.metric.endswith((".ttft", ".e2e")):
            yield _sentence(row, "faster", scale=1000, unit="ms", more=False)


def _shown(row: Comparison, level: float) -> bool:
    if row.low is None or row.high is None or row.p_adjusted is None or not row.difference:
        return False
    return row.p_adjusted < 1 - level and (row.low > 0 or row.high < 0)


def _winner(row: Comparison) -> tuple[str, str]:
    """Return the names of a difference that is shown, the higher value first."""
    assert row.difference is not None
    return (row.a, row.b) if row.difference > 0 else (row.b, row.a)


def _sentence(row: Comparison, word: str, *, scale: float, unit: str, more: bool) -> str:
    assert row.difference is not None
    assert row.low is not None
    assert row.high is not None
    ahead = (row.difference > 0) == more
    first, second = (row.a, row.b) if ahead else (row.b, row.a)
    low, high = sorted((abs(row.low), abs(row.high)))
    return (
        f"{first} is {word} than {second} on {row.metric}: by {scale * abs(row.difference):.0f} {unit} "
        f"({row.level:.0%} interval {scale * low:.0f} to {scale * high:.0f}, "
        f"adjusted p = {row.p_adjusted:.2g}, n = {row.n})"
    )
