"""Numbers as text: one policy for decimals, units and what is unknown.

A value gets as many decimals as two significant digits of its interval's width need; without an
interval it gets three significant digits. Unknown is a word, never zero.
"""

import math
from collections.abc import Iterable

import msgspec

from bakeoff.records import Estimate

UNKNOWN = "unknown"


class Scale(msgspec.Struct, frozen=True, kw_only=True):
    """How a unit is displayed: values are multiplied by `factor` and followed by `unit`."""

    factor: float
    unit: str


def scale_for(unit: str, values: Iterable[float | None]) -> Scale:
    """Return the display scale for values that stand beside each other: shares in %, short times in ms."""
    if unit == "share":
        return Scale(factor=100.0, unit="%")
    known = [abs(value) for value in values if value is not None]
    if unit == "s" and known and max(known) < 1:
        return Scale(factor=1000.0, unit="ms")
    return Scale(factor=1.0, unit=unit)


def scale_of(estimates: Iterable[Estimate]) -> Scale:
    """Return one display scale for estimates of the same metric."""
    listed = list(estimates)
    unit = listed[0].unit if listed else ""
    return scale_for(unit, [value for one in listed for value in (one.value, one.low, one.high)])


def places(value: float, low: float | None = None, high: float | None = None) -> int:
    """Return the number of decimals for a value with its interval."""
    width = high - low if low is not None and high is not None else 0.0
    if width > 0 and math.isfinite(width):
        digits = 1 - math.floor(math.log10(width))
    elif value == 0 or not math.isfinite(value):
        digits = 0
    else:
        digits = 2 - math.floor(math.log10(abs(value)))
    return min(max(digits, 0), 12)


def plain(value: float | None, digits: int) -> str:
    """Return a number with fixed decimals and thousands separators."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    return f"{round(value, digits) + 0.0:,.{digits}f}"


def number(value: float | None) -> str:
    """Return a number without interval, with three significant digits."""
    return UNKNOWN if value is None else plain(value, places(value))


def quantity(value: float | None, unit: str) -> str:
    """Return a number with its unit, on a scale of its own."""
    if value is None:
        return UNKNOWN
    scale = scale_for(unit, [value])
    return f"{number(value * scale.factor)} {scale.unit}".rstrip()


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """An estimate as text, without its unit; `interval` is empty where there is none."""

    value: str
    interval: str
    n: str

    @property
    def line(self) -> str:
        """Return value, interval and n in one line."""
        return " ".join(part for part in (self.value, self.interval, f"n={self.n}") if part)


def show(estimate: Estimate, scale: Scale) -> Shown:
    """Write an estimate on the given scale."""
    count = f"{estimate.n:,}"
    if estimate.value is None or not math.isfinite(estimate.value):
        return Shown(value=UNKNOWN, interval="", n=count)
    value, low, high = (
        None if bound is None else bound * scale.factor
        for bound in (estimate.value, estimate.low, estimate.high)
    )
    assert value is not None
    digits = places(value, low, high)
    interval = ""
    if low is not None and high is not None:
        interval = f"[{plain(low, digits)}, {plain(high, digits)}]"
    return Shown(value=plain(value, digits), interval=interval, n=count)


def probability(p: float | None) -> str:
    """Return a p-value, never as a bare zero."""
    if p is None:
        return UNKNOWN
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
