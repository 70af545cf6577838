"""What a comparison can and cannot show, in a sentence; empty where its numbers say it all."""

from collections.abc import Iterator, Sequence

import msgspec

from bakeoff.stats.paired import PairedResult
from bakeoff.stats.unpaired import UnpairedResult

_FEW_GROUPS = 20
_TOO_LARGE, _TOO_SMALL = 1e60, 1e-60


class Basis(msgspec.Struct, frozen=True, kw_only=True):
    """What a paired comparison was made from.

    Attributes:
        a: values of the first target, side by side with those of the second.
        b: values of the second.
        shares: the values are shares of right answers.
        what: what one value stands for, in the plural.
    """

    a: Sequence[float]
    b: Sequence[float]
    shares: bool = True
    what: str = "cases"


def beyond_numbers(a: Sequence[float], b: Sequence[float]) -> str:
    """Say that the values are too large or too close to be computed with; empty where they are not."""
    if any(max(map(abs, values)) > _TOO_LARGE for values in (a, b)):
        return "not compared: the values are too large to be computed with"
    if 0 < max(abs(one - other) for one, other in zip(a, b, strict=True)) < _TOO_SMALL:
        return "not compared: the values are too close to be computed with"
    return ""


def paired_conclusions(found: PairedResult, basis: Basis) -> Iterator[str]:
    """Yield what the data of a paired comparison cannot show, and why."""
    differing = found.only_a + found.only_b
    if not differing:
        yield _none_differs(found, basis)
        return
    independent = min(found.groups, differing)
    # The least p of a sign test, and of a sign flip over so many values.
    least = 2.0 ** (1 - min(independent, 1000))
    if least > 1 - found.level:
        yield _too_few(found, basis, differing, least)
    elif found.low is not None and "BCa" in found.test and found.groups < _FEW_GROUPS:
        unit = basis.what if found.groups == found.n else "clusters"
        yield (
            f"an interval from {found.groups} {unit} holds the truth somewhat less often "
            f"than {found.level:.0%} of the time"
        )
    if found.low is None:
        yield "all values differ by the same amount, so there is no spread to make an interval from"


def _none_differs(found: PairedResult, basis: Basis) -> str:
    count = f"{found.n:,} {basis.what}"
    low, high = min(basis.a), max(basis.a)
    if basis.shares and low == high == 1:
        text = f"both are right on every one of the {count}: too easy to tell them apart"
    elif basis.shares and low == high == 0:
        text = f"neither is right on any of the {count}: too hard to tell them apart"
    else:
        text = f"the two have the same value on every one of the {count}: no difference is shown"
    if found.low is not None and found.high is not None and basis.shares:
        reach = 100 * max(abs(found.low), abs(found.high))
        text += f"; on others like them they may differ by up to {reach:.1f} points"
    return text


def _too_few(found: PairedResult, basis: Basis, differing: int, least: float) -> str:
    if found.groups < found.n and found.groups <= differing:
        how_many = f"the {found.n:,} {basis.what} form only {found.groups} independent group"
        how_many += "" if found.groups == 1 else "s"
    else:
        how_many = f"only {differing} of {found.n:,} {basis.what} differ{'s' if differing == 1 else ''}"
    return (
        f"{how_many}: even if all favoured the same target, p could not fall below {least:.2g}, "
        "so no difference can be shown with them"
    )


def unpaired_conclusions(found: UnpairedResult, what: str) -> Iterator[str]:
    """Yield why an unpaired comparison is the weaker one."""
    yield (
        f"unpaired: the two answered different {what} ({found.n_a:,} and {found.n_b:,}), so how hard these "
        f"were is part of the difference, and smaller gaps stay unseen than with the same {what}"
    )
    if found.p is None:
        yield "too few values, or no spread among them, for a test"
