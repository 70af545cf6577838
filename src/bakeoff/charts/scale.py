"""Axes: nice ticks on linear and logarithmic scales."""

import math
from collections.abc import Callable

import msgspec

_RESOLUTION = 1e-9  # bounds nearer to each other than this share of their size cannot be told apart
_TINIEST = 1e-200  # below it, arithmetic on ticks runs out of digits
_MOST_DECADES = 12


class Axis(msgspec.Struct, frozen=True, kw_only=True):
    """A range of values laid over a range of pixels."""

    low: float
    high: float
    start: float
    end: float
    ticks: list[float]
    log: bool = False

    def at(self, value: float) -> float:
        """Return the pixel of a value, held inside the axis."""
        shape: Callable[[float], float] = math.log10 if self.log else float
        held = min(max(value, self.low), self.high)
        share = (shape(held) - shape(self.low)) / (shape(self.high) - shape(self.low))
        return self.start + share * (self.end - self.start)


def _linear_ticks(low: float, high: float, count: int) -> list[float]:
    raw = (high - low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [place * step for place in range(first, last + 1)]


def linear(low: float, high: float, start: float, end: float, *, count: int = 5) -> Axis:
    """Return a linear axis; an empty range is opened so that a single value sits inside."""
    low, high = min(low, high), max(low, high)
    if not high - low > max(_RESOLUTION * max(abs(low), abs(high)), _TINIEST):
        low, high = (
            (low - 0.5, high + 0.5)
            if abs(low) <= _TINIEST
            else (low - abs(low) * 0.5, high + abs(high) * 0.5)
        )
    return Axis(low=low, high=high, start=start, end=end, ticks=_linear_ticks(low, high, count))


def logarithmic(low: float, high: float, start: float, end: float) -> Axis:
    """Return a logarithmic axis over positive values with ticks at 1, 2 and 5 of each decade."""
    if not high - low > _RESOLUTION * high:
        low, high = low / 2, high * 2
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = (1, 2, 5) if len(decades) <= 4 else (1,)
    every = -(-len(decades) // _MOST_DECADES)
    ticks = [f * 10.0**d for d in decades[::every] for f in factors if low <= f * 10.0**d <= high]
    return Axis(low=low, high=high, start=start, end=end, ticks=ticks, log=True)


def spread(low: float, high: float, start: float, end: float) -> Axis:
    """Return a logarithmic axis where values span more than a factor of 20, else a linear one from 0."""
    if low > 0 and high / low > 20:
        return logarithmic(low * 0.9, high * 1.1, start, end)
    return linear(min(0.0, low), high * 1.05, start, end)
