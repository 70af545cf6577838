"""Lengths in tokens: fixed, drawn from a distribution, or drawn from lengths that were observed."""

from collections.abc import Callable, Sequence
from math import exp, log, log1p, sqrt
from pathlib import Path
from random import Random
from typing import Annotated, Literal

import msgspec

from bakeoff import textfiles
from bakeoff.errors import DataError

Tokens = Annotated[int, msgspec.Meta(ge=1)]
Draw = Callable[[Random], int]

_KEYS = {
    "fixed": ("mean",),
    "normal": ("mean", "stddev", "min", "max"),
    "uniform": ("min", "max"),
    "lognormal": ("mean", "stddev", "min", "max"),
    "empirical": ("values", "path", "min", "max"),
}
_NEEDED = {"fixed": ("mean",), "normal": ("mean",), "uniform": ("max",), "lognormal": ("mean",)}


class Length(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A length in tokens that varies from case to case.

    Draws are rounded and clamped to `min`..`max`, so a wide spread near a bound moves the mean.

    Attributes:
        kind: the distribution.
        mean: in tokens, of the lengths themselves, also where they are lognormal.
        stddev: in tokens; 0 is always the mean.
        min: the shortest.
        max: the longest.
        values: observed lengths, each as likely as any other.
        path: a file of observed lengths instead, one whole number per line.
    """

    kind: Literal["fixed", "normal", "uniform", "lognormal", "empirical"] = "normal"
    mean: Annotated[float, msgspec.Meta(gt=0)] | None = None
    stddev: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    min: Tokens = 1
    max: Tokens | None = None
    values: tuple[Tokens, ...] = ()
    path: str | None = None

    def __post_init__(self) -> None:
        for key in _NEEDED.get(self.kind, ()):
            if getattr(self, key) is None:
                raise ValueError(f"a length of the kind `{self.kind}` needs `{key}`")
        for field in msgspec.structs.fields(Length)[1:]:
            if field.name not in _KEYS[self.kind] and getattr(self, field.name) != field.default:
                raise ValueError(f"a length of the kind `{self.kind}` has no `{field.name}`")
        if self.kind == "empirical" and bool(self.values) == (self.path is not None):
            raise ValueError("a length of the kind `empirical` has either `values` or `path`")
        if self.max is not None and self.max < self.min:
            raise ValueError(f"`max` {self.max} is below `min` {self.min}")

    def sampler(self, base: Path) -> Draw:
        """Return what draws lengths.

        Args:
            base: where a relative `path` starts.

        Raises:
            DataError: the file of lengths cannot be read.
        """
        draw = self._drawing(base)
        low, high = self.min, self.max

        def clamped(rng: Random) -> int:
            length = max(low, round(draw(rng)))
            return length if high is None else min(high, length)

        return clamped

    def _drawing(self, base: Path) -> Callable[[Random], float]:
        mean, spread, low, high = self.mean or 0.0, self.stddev, self.min, self.max or 0
        match self.kind:
            case "fixed":
                return lambda _: mean
            case "normal":
                return lambda rng: rng.gauss(mean, spread)
            case "uniform":
                return lambda rng: rng.randint(low, high)
            case "lognormal":
                return lambda rng: lognormal(mean, spread, rng)
            case _:
                values = (
                    self.values if self.path is None else read_lengths(textfiles.resolve(base, self.path))
                )
                return lambda rng: rng.choice(values)


def sampler(length: int | Length, base: Path) -> Draw:
    """Return what draws lengths; a number is always itself."""
    if isinstance(length, Length):
        return length.sampler(base)
    return lambda _: length


def lognormal(mean: float, stddev: float, rng: Random) -> float:
    """Return one draw of a lognormal distribution by its own mean and standard deviation.

    The logarithm is normal with variance s² = ln(1 + (stddev / mean)²) and mean ln(mean) - s² / 2.
    """
    variance = log1p((stddev / mean) ** 2)
    return exp(rng.gauss(log(mean) - variance / 2, sqrt(variance)))


def read_lengths(path: Path) -> Sequence[int]:
    """Return the lengths in a file, one whole number per line; blank lines are skipped.

    Raises:
        DataError: a line is no whole number above 0, or there is none.
    """
    lengths: list[int] = []
    with textfiles.open_text(path, textfiles.UTF8) as file:
        for number, line in enumerate(file, 1):
            text = line.strip()
            if not text:
                continue
            if not (text.isascii() and text.isdigit() and int(text)):
                raise DataError(
                    "is no length in tokens",
                    where=f"{path}:{number}",
                    hint="one whole number above 0 per line, such as 512",
                )
            lengths.append(int(text))
    if not lengths:
        raise textfiles.empty(path, "lengths")
    return lengths
