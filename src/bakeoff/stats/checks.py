"""Refuse input that has no statistical meaning: NaN, infinities, impossible counts and levels.

Every refusal is a `ValueError`; a caller that reads user data says where the value came from.
"""

import math
from collections.abc import Collection, Sequence


def check_level(level: float) -> None:
    """Refuse a confidence level outside the open interval (0, 1)."""
    if not 0.0 < level < 1.0:
        raise ValueError(f"a confidence level lies between 0 and 1, got {level}")


def check_share(value: float, name: str) -> None:
    """Refuse a share (a probability) outside 0..1; NaN is outside."""
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"{name} is a share between 0 and 1, got {value}")


def check_count(successes: int, n: int) -> None:
    """Refuse counts where not 0 <= successes <= n."""
    if not 0 <= successes <= n:
        raise ValueError(f"successes lie between 0 and n, got {successes} of {n}")


def check_finite(values: Collection[float], *, at_least: int = 1) -> None:
    """Refuse NaN, infinities and fewer than `at_least` values."""
    if len(values) < at_least:
        raise ValueError(f"needs at least {at_least} value{'s' if at_least != 1 else ''}, got {len(values)}")
    if not all(map(math.isfinite, values)):
        raise ValueError("a value is NaN or infinite; leave out what was not measured")


def check_same_length(a: Sequence[object], b: Sequence[object]) -> None:
    """Refuse two sequences that should run side by side and do not."""
    if len(a) != len(b):
        raise ValueError(f"the sequences must be equally long, got {len(a)} and {len(b)}")
