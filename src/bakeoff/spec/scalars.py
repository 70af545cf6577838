"""Leaves to values: numbers, texts, durations, rates. Each mistake is a sentence and a hint."""

import math
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from msgspec import inspect as mi

from bakeoff.plugins import suggest
from bakeoff.spec.tree import Leaf, describe, resolve, shown

_DURATION = re.compile(r"(\d+(?:\.\d+)?|\.\d+)\s*(us|ms|s|sec|m|min|h)")
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_RATE = re.compile(r"(\d+(?:\.\d+)?|\.\d+)\s*/\s*(s|sec|m|min|h)")
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")
_INT64 = 2**63
_BOUNDS: tuple[tuple[str, str, Callable[[Any, Any], bool]], ...] = (
    ("ge", "at least", lambda value, bound: value >= bound),
    ("gt", "more than", lambda value, bound: value > bound),
    ("le", "at most", lambda value, bound: value <= bound),
    ("lt", "less than", lambda value, bound: value < bound),
)


class Mistake(Exception):  # noqa: N818  never leaves this package: the reader adds the place and raises
    """A value that cannot be read, without its place."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def expected(what: str, leaf: Leaf, hint: str = "") -> Mistake:
    """Return the mistake of a value of another type."""
    quoted = not leaf.plain and not isinstance(resolve(leaf.text), str)
    return Mistake(f"expected {what}, got {describe(leaf)}", hint or ("remove the quotes" if quoted else ""))


def read_bool(leaf: Leaf, _kind: mi.Type) -> bool:
    """Return true or false."""
    if isinstance(leaf.value, bool):
        return leaf.value
    raise expected("`true` or `false`", leaf)


def read_int(leaf: Leaf, kind: mi.Type) -> int:
    """Return a whole number within the type's bounds."""
    if isinstance(leaf.value, bool) or not isinstance(leaf.value, int):
        raise expected("a whole number", leaf)
    if not -_INT64 <= leaf.value < _INT64:
        raise Mistake("the number does not fit into 64 bits")
    _check_bounds(leaf.value, kind)
    return leaf.value


def read_float(leaf: Leaf, kind: mi.Type) -> float:
    """Return a finite number within the type's bounds."""
    value = leaf.value
    if isinstance(value, bool) or not isinstance(value, int | float):
        percent = _PERCENT.fullmatch(leaf.text)
        if percent:
            raise expected("a number", leaf, f"write the share: `{Decimal(percent[1]) / 100:f}`")
        raise expected("a number", leaf)
    return _finite(value, leaf, kind)


def _finite(value: float, leaf: Leaf, kind: mi.Type) -> float:
    if not math.isfinite(value) or abs(value) >= 1e300:
        raise Mistake(f"expected a finite number, got {describe(leaf)}")
    _check_bounds(value, kind)
    return float(value)


def _check_bounds(value: float, kind: mi.Type) -> None:
    for name, words, holds in _BOUNDS:
        bound = getattr(kind, name, None)
        if bound is not None and not holds(value, bound):
            share = getattr(kind, "le", None) == 1 and 1 < value <= 100
            hint = f"a share lies between 0 and 1: {value:g} % is `{value / 100:g}`" if share else ""
            raise Mistake(f"must be {words} {bound:g}, got {value:g}", hint)


def read_str(leaf: Leaf, _kind: mi.Type) -> str:
    """Return the text as written, so that `version: 1.10` keeps its zero."""
    if leaf.value is None:
        raise expected("a text", leaf, 'write `""` for an empty text')
    return leaf.text


def read_decimal(leaf: Leaf, _kind: mi.Type) -> Decimal:
    """Return an exact decimal number."""
    try:
        value = Decimal(leaf.text.strip())
    except InvalidOperation:
        raise expected("a decimal number", leaf, "without a currency sign") from None
    if isinstance(leaf.value, bool) or not value.is_finite() or abs(value.adjusted()) > 30:
        raise expected("a decimal number", leaf)
    return value


def read_none(_leaf: Leaf, _kind: mi.Type) -> None:
    """Return None; only an empty value is read as one."""


def read_literal(leaf: Leaf, kind: mi.Type) -> object:
    """Return the one of the allowed values that the leaf is."""
    allowed = kind.values if isinstance(kind, mi.LiteralType) else ()
    for value in allowed:
        if value in (leaf.value, leaf.text):
            return value
    words = ", ".join(f"`{value}`" for value in allowed)
    near = suggest(leaf.text, [str(value) for value in allowed])
    raise Mistake(f"expected one of {words}, got {describe(leaf)}.{near}")


def read_duration(leaf: Leaf, kind: mi.Type) -> float:
    """Return seconds from a number or a text such as 500ms, 8s, 2m."""
    if not isinstance(leaf.value, str):
        if isinstance(leaf.value, int | float) and not isinstance(leaf.value, bool):
            return _finite(leaf.value, leaf, kind)
        raise expected("a duration", leaf, "for example `500ms`, `8s`, `2m`, or a number of seconds")
    match = _DURATION.fullmatch(leaf.text.strip())
    if match is None:
        raise expected("a duration", leaf, "for example `500ms`, `8s`, `2m`, or a number of seconds")
    return _finite(_scaled(match[1], _SECONDS[match[2]]), leaf, kind)


def read_rate(leaf: Leaf, kind: mi.Type) -> float:
    """Return requests per second from a number or a text such as 5/s, 300/min."""
    if not isinstance(leaf.value, str):
        if isinstance(leaf.value, int | float) and not isinstance(leaf.value, bool):
            return _finite(leaf.value, leaf, kind)
        raise expected("a rate", leaf, "for example `5/s`, `300/min`, or a number per second")
    match = _RATE.fullmatch(leaf.text.strip())
    if match is None:
        raise expected("a rate", leaf, "for example `5/s`, `300/min`, or a number per second")
    return _finite(float(match[1]) / _SECONDS[match[2]], leaf, kind)


def read_figure(leaf: Leaf, kind: mi.Type) -> float:
    """Return a number; a duration such as 300ms is seconds, a rate such as 5/s is per second."""
    if isinstance(leaf.value, str):
        text = leaf.text.strip()
        if _DURATION.fullmatch(text):
            return read_duration(leaf, kind)
        if _RATE.fullmatch(text):
            return read_rate(leaf, kind)
    return read_float(leaf, kind)


def _scaled(number: str, seconds: float) -> float:
    """Multiply so that 500ms is 0.5 and 100ms is 0.1, without a binary tail."""
    return float(Decimal(number) * Decimal(str(seconds)))


LeafReader = Callable[[Leaf, mi.Type], Any]

BY_TYPE: dict[type[mi.Type], LeafReader] = {
    mi.BoolType: read_bool,
    mi.IntType: read_int,
    mi.FloatType: read_float,
    mi.StrType: read_str,
    mi.DecimalType: read_decimal,
    mi.NoneType: read_none,
    mi.LiteralType: read_literal,
}
BY_MARK: dict[str, LeafReader] = {"duration": read_duration, "rate": read_rate, "figure": read_figure}


def name_of(kind: mi.Type) -> str:
    """Say in words what a type expects."""
    words: dict[type[mi.Type], str] = {
        mi.BoolType: "`true` or `false`",
        mi.IntType: "a whole number",
        mi.FloatType: "a number",
        mi.DecimalType: "a decimal number",
        mi.StrType: "a text",
        mi.NoneType: "nothing",
        mi.ListType: "a list",
        mi.VarTupleType: "a list",
        mi.DictType: "a mapping",
        mi.StructType: "a mapping",
    }
    if isinstance(kind, mi.Metadata):
        return name_of(kind.type)
    if isinstance(kind, mi.UnionType):
        members = [name_of(item) for item in kind.types if not isinstance(item, mi.NoneType)]
        return " or ".join(dict.fromkeys(members))
    if isinstance(kind, mi.LiteralType):
        return "one of " + ", ".join(f"`{shown(str(value))}`" for value in kind.values)
    return words.get(type(kind), "a value")
