"""How much work one rendering may be: a template is code, and code that somebody sent must end.

Work is counted, never timed, so that a template that renders here renders everywhere. The counts stand to
each other as the times of the slowest things of their kind do.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from contextvars import ContextVar
from functools import wraps
from typing import Any, cast

from jinja2 import nodes
from jinja2.exceptions import SecurityError
from jinja2.visitor import NodeTransformer

MOST = 50_000_000
"""Of work in one rendering: some seconds, some 100 MB."""
STEP, CALL, ELEMENT = 50, 300, 10
"""Of work: a step of a loop, a call, an element of a container looked at or made; a character is 1."""
LONGEST = 10_000_000
"""Of one text, list or power."""

STEPS, SEEN, JOINED = "~steps", "~seen", "~joined"
"""Filters that no template can name, put where Jinja itself counts nothing."""

_WIDE = frozenset({"batch", "center", "expandtabs", "indent", "ljust", "rjust", "slice", "zfill"})
_MANY = frozenset({"join", "replace", "translate"})
_FORMATS = frozenset({"format", "format_map"})
_WIDTH = re.compile(r"\d{6,}|%[-+ #0]*\*|%[^%a-zA-Z]*\.\*|\{[^{}]*\{")
_CONTAINERS = (list, tuple, dict, set, frozenset, range)
_left: ContextVar[list[int]] = ContextVar("left")

Function = Callable[..., Any]


def bounded(render: Callable[[], str]) -> str:
    """Return what a rendering makes.

    Raises:
        SecurityError: it is more work than one may be.
    """
    token = _left.set([MOST])
    try:
        return render()
    finally:
        _left.reset(token)


def charge(work: int) -> None:
    """Count work.

    Raises:
        SecurityError: nothing is left for it.
    """
    left = _left.get()
    left[0] -= work
    if left[0] < 0:
        raise SecurityError("it takes too long, or makes too much: a loop, call or text is too large")


def size(value: object) -> int:
    """Return the work of looking through a value, 0 for what is no container."""
    if isinstance(value, str | bytes):
        return len(value)
    return ELEMENT * len(cast("Sized", value)) if isinstance(value, _CONTAINERS) else 0


def check_call(name: str, values: Iterable[object], named: Mapping[str, object]) -> None:
    """Count a call before it is made: itself, what it is given, and what it could make of that."""
    given = [*values, *named.values()]
    sizes = [size(value) for value in given]
    charge(CALL + sum(sizes))
    if name in _WIDE:
        charge(sum(abs(value) for value in given if isinstance(value, int)) * max(1, _lines(given)))
    elif name in _MANY:
        charge(max(sizes, default=0) * max((_longest(value) for value in given[1:]), default=0))
    elif name == "sum":
        if any(sizes[1:]):
            raise SecurityError("`sum` adds numbers; texts and lists are joined")
    elif name in _FORMATS:
        check_format(given[0] if given else "")


def check_format(text: object) -> None:
    """Refuse a format whose width is huge, or is not written out.

    Raises:
        SecurityError: it is refused.
    """
    if isinstance(text, str) and _WIDTH.search(text):
        raise SecurityError("a width in a format is too large, or is not a number")


def check_binop(operator: str, left: object, right: object) -> None:
    """Count what an operator makes.

    Raises:
        SecurityError: it is too large.
    """
    if operator == "%":
        check_format(left)
    elif operator == "+":
        charge(size(left) + size(right))
    elif operator == "*":
        if isinstance(left, int) and isinstance(right, int):
            made = left.bit_length() + right.bit_length()
        else:
            times = next((each for each in (left, right) if isinstance(each, int)), 0)
            made = max(0, times) * max(size(left), size(right))
        _check_size(operator, made)
        charge(made)
    elif isinstance(left, int) and isinstance(right, int):
        _check_size(operator, left.bit_length() * max(0, right))


def counted(name: str, function: Function) -> Function:
    """Return a filter or a test that counts as a call does."""

    @wraps(function)
    def call(*values: Any, **named: Any) -> Any:  # noqa: ANN401  as Jinja calls it
        # A filter that wants it gets Jinja's own context before the value.
        at = 1 if hasattr(function, "jinja_pass_arg") else 0
        check_call(name, values[at:], named)
        made = function(*values, **named)
        charge(size(made))
        return made

    return call


def steps(values: Iterable[Any]) -> Iterator[Any]:
    """Count the steps of a loop as it goes."""
    for value in values:
        charge(STEP + size(value))
        yield value


def seen(value: Any) -> Any:  # noqa: ANN401  any value
    """Count what is looked through, and return it."""
    charge(size(value))
    return value


def joined(values: Iterable[Any]) -> str:
    """Return texts as one, counted piece by piece: what they are made from may never end."""
    made: list[str] = []
    for value in values:
        text = str(value)
        charge(len(text))
        made.append(text)
    return "".join(made)


class Counting(NodeTransformer):
    """Puts the counting filters into a template where it loops, joins, cuts and compares."""

    def visit_For(self, node: nodes.For) -> nodes.For:  # noqa: N802  the base class's names
        """Count the steps."""
        self.generic_visit(node)
        node.iter = _filtered(cast("nodes.Expr", node.iter), STEPS)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Expr:  # noqa: N802  as above
        """Join by our own filter."""
        self.generic_visit(node)
        return _filtered(nodes.List(node.nodes, lineno=node.lineno), JOINED)

    def visit_Compare(self, node: nodes.Compare) -> nodes.Compare:  # noqa: N802  as above
        """Count both sides."""
        self.generic_visit(node)
        node.expr = _filtered(node.expr, SEEN)
        for operand in node.ops:
            operand.expr = _filtered(operand.expr, SEEN)
        return node

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Expr:  # noqa: N802  as above
        """Count what a slice copies."""
        self.generic_visit(node)
        return _filtered(node, SEEN) if isinstance(node.arg, nodes.Slice) else node


def _filtered(node: nodes.Expr, name: str) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


def _check_size(operator: str, made: int) -> None:
    if made > LONGEST:
        raise SecurityError(f"the result of `{operator}` is too large")


def _lines(given: list[object]) -> int:
    """Return how often a width is put into a text: once a line."""
    return given[0].count("\n") + 1 if given and isinstance(given[0], str) else 1


def _longest(value: object) -> int:
    """Return the longest text that a call may put in the place of one of its elements."""
    if isinstance(value, dict):
        return max((size(each) for each in cast("dict[object, object]", value).values()), default=0)
    return size(value)
