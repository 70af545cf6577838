"""How the verdict's sentences tell of numbers."""

from collections.abc import Sequence

from bakeoff.records import Comparison, Estimate


def share_text(estimate: Estimate) -> str:
    """Return a share with its interval and n."""
    value = "unknown" if estimate.value is None else f"{estimate.value:.1%}"
    interval = "interval unknown"
    if estimate.low is not None and estimate.high is not None:
        interval = f"{100 * estimate.level:g}% interval {estimate.low:.1%} to {estimate.high:.1%}"
    return f"{value} ({interval}, n = {estimate.n})"


def gap_text(rows: Sequence[Comparison | None]) -> str:
    """Return the difference of the first row in words, in brackets; empty where there is none."""
    row = rows[0] if rows else None
    if row is None or row.difference is None:
        return ""
    text = f" ({row.a} minus {row.b}: {points(row.difference)} points"
    if row.low is not None and row.high is not None:
        text += f", {100 * row.level:g}% interval {points(row.low)} to {points(row.high)}"
    if row.p_adjusted is not None:
        text += f", adjusted p = {row.p_adjusted:.2g}"
    return f"{text}, n = {row.n})"


def points(share: float) -> str:
    """Return a difference of shares in points, with its sign."""
    # Adding 0 turns a negative zero into a plain one.
    return f"{round(100 * share, 1) + 0.0:+.1f}"


def listed(names: Sequence[str]) -> str:
    """Return names as a list in a sentence."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def usd_text(amount: float) -> str:
    """Return an amount of money that is known."""
    return f"${amount:,.2f}" if amount >= 1 else f"${amount:.3g}"
