"""Formulas as people and models write them, in LaTeX or plainly: read, and evaluated at given points.

Everything is bounded, since the text may be anything: length, depth, exponents. No code is ever run.
"""

import cmath
import math
import operator
import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import msgspec

_LONGEST = 400
_DEEPEST = 40
_LARGEST_POWER = 512
_LARGEST_BITS = 4096
_GREEK = frozenset({
    "alpha", "beta", "gamma", "delta", "epsilon", "varepsilon", "zeta", "eta", "theta", "vartheta", "iota",
    "kappa", "lambda", "mu", "nu", "xi", "rho", "sigma", "tau", "phi", "varphi", "chi", "psi", "omega",
    "Gamma", "Delta", "Theta", "Lambda", "Xi", "Sigma", "Phi", "Psi", "Omega",
})  # fmt: skip
_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d*)?|\.\d+)|\\(?P<command>[A-Za-z]+)|(?P<letter>[A-Za-z])|(?P<mark>[-+*/^_(){}\[\]|!,%]))"
)
_FUNCTIONS: dict[str, Callable[[complex], complex]] = {
    "sin": cmath.sin, "cos": cmath.cos, "tan": cmath.tan, "sinh": cmath.sinh, "cosh": cmath.cosh,
    "tanh": cmath.tanh, "arcsin": cmath.asin, "arccos": cmath.acos, "arctan": cmath.atan, "ln": cmath.log,
    "log": cmath.log, "exp": cmath.exp, "cot": lambda x: 1 / cmath.tan(x), "sec": lambda x: 1 / cmath.cos(x),
    "csc": lambda x: 1 / cmath.sin(x),
}  # fmt: skip
_WORDS = re.compile(
    r"(?<![A-Za-z\\])(sqrt|pi|infinity|"
    + "|".join(sorted(_FUNCTIONS, key=len, reverse=True))
    + r")(?![A-Za-z])"
)
_CONSTANTS = {"pi": complex(math.pi), "e": complex(math.e), "i": 1j}

Number = Fraction | complex
Point = Mapping[str, complex]


class NoFormula(ValueError):  # noqa: N818  what a text is not
    """A text is no formula that can be read."""


class Node(msgspec.Struct, frozen=True):
    """A part of a formula: a number, a name, or an operation on other parts."""

    kind: str
    value: Fraction = Fraction(0)
    name: str = ""
    parts: tuple["Node", ...] = ()


def read(text: str) -> Node:
    """Return the formula that a text is.

    Raises:
        NoFormula: it is none, or too long or deep.
    """
    if len(text) > _LONGEST:
        raise NoFormula(f"longer than {_LONGEST} characters")
    reader = _Reader(_tokens(_WORDS.sub(r"\\\1 ", text)))
    node = reader.sum(0)
    if reader.peek():
        raise NoFormula(f"unexpected `{reader.peek()}`")
    return node


def names(node: Node) -> frozenset[str]:
    """Return the free names of a formula."""
    own = frozenset({node.name}) if node.kind == "name" and node.name not in _CONSTANTS else frozenset[str]()
    return own.union(*map(names, node.parts))


def value(node: Node, point: Point) -> Number:
    """Return a formula's value at a point: exact as long as it is rational.

    Raises:
        NoFormula: it has none there, or one that is too large.
    """
    try:
        found = _value(node, point)
    except (ArithmeticError, ValueError) as error:
        raise NoFormula("it has no value") from error
    if isinstance(found, complex) and not cmath.isfinite(found):
        raise NoFormula("it has no finite value")
    return found


def _tokens(text: str) -> list[str]:
    found: list[str] = []
    at = 0
    text = text.rstrip()
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            raise NoFormula(f"unexpected `{text[at : at + 10].strip()}`")
        command = token["command"]
        found.append(f"\\{command}" if command else token[0].strip())
        at = token.end()
    return found


class _Reader:
    """Read tokens by precedence: sums, products (also unwritten ones), signs, powers, single parts."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._at = 0

    def peek(self) -> str:
        """Return the next token, or an empty text at the end."""
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self, wanted: str = "") -> str:
        token = self.peek()
        if not token or (wanted and token != wanted):
            raise NoFormula(f"expected `{wanted or 'more'}`")
        self._at += 1
        return token

    def sum(self, depth: int) -> Node:
        """Read terms with + and - between them."""
        if depth > _DEEPEST:
            raise NoFormula("nested too deeply")
        node = self._product(depth)
        while self.peek() in {"+", "-"}:
            sign = self._take()
            other = self._product(depth)
            node = Node("+", parts=(node, other if sign == "+" else _negative(other)))
        return node

    def _product(self, depth: int) -> Node:
        node = self._signed(depth)
        while True:
            token = self.peek()
            if token in {"*", "\\cdot", "\\times"}:
                self._take()
                node = Node("*", parts=(node, self._signed(depth)))
            elif token in {"/", "\\div"}:
                self._take()
                node = Node("/", parts=(node, self._signed(depth)))
            elif self._starts_part(token):
                mixed = node.kind == "number" and token in {"\\frac", "\\dfrac", "\\tfrac"}
                other = self._power(depth)
                whole = mixed and node.value.denominator == 1 and _is_fraction(other)
                node = Node("+" if whole else "*", parts=(node, other))
            else:
                return node

    def _signed(self, depth: int) -> Node:
        negative = False
        while self.peek() in {"+", "-"}:
            negative ^= self._take() == "-"
        node = self._power(depth)
        return _negative(node) if negative else node

    def _power(self, depth: int) -> Node:
        node = self._part(depth + 1)
        while self.peek() in {"^", "!", "%"}:
            mark = self._take()
            if mark == "^":
                node = Node("^", parts=(node, self._exponent(depth + 1)))
            elif mark == "!":
                node = Node("!", parts=(node,))
            else:
                node = Node("/", parts=(node, Node("number", Fraction(100))))
        return node

    def _exponent(self, depth: int) -> Node:
        if depth > _DEEPEST:
            raise NoFormula("nested too deeply")
        if self.peek() == "{":
            return self._group("{", "}", depth)
        if self.peek() in {"+", "-"}:
            sign = self._take()
            node = self._exponent(depth + 1)
            return _negative(node) if sign == "-" else node
        node = self._part(depth)
        if self.peek() == "^":
            self._take()
            return Node("^", parts=(node, self._exponent(depth + 1)))
        return node

    def _starts_part(self, token: str) -> bool:
        return bool(token) and (token[0].isalnum() or token[0] in ".({[" or self._is_command(token))

    @staticmethod
    def _is_command(token: str) -> bool:
        name = token[1:]
        known = name in _FUNCTIONS or name in {"pi", "frac", "dfrac", "tfrac", "sqrt"} or name in _GREEK
        return token[0] == "\\" and known

    def _part(self, depth: int) -> Node:
        token = self._take()
        if token[0].isdigit() or token[0] == ".":
            return Node("number", Fraction(token + "0" if token[-1] == "." else token))
        if token in {"(", "[", "{"}:
            self._at -= 1
            return self._group(token, {"(": ")", "[": "]", "{": "}"}[token], depth)
        if token == "|":  # noqa: S105  no password
            node = self.sum(depth + 1)
            self._take("|")
            return Node("abs", parts=(node,))
        if token[0] == "\\":
            return self._command(token[1:], depth)
        if not token.isalpha():
            raise NoFormula(f"unexpected `{token}`")
        return Node("name", name=token + self._subscript())

    def _command(self, name: str, depth: int) -> Node:
        if name in {"frac", "dfrac", "tfrac"}:
            return Node("/", parts=(self._argument(depth), self._argument(depth)))
        if name == "sqrt":
            degree = self._group("[", "]", depth) if self.peek() == "[" else Node("number", Fraction(2))
            return Node("root", parts=(self._argument(depth), degree))
        if name in _FUNCTIONS:
            return self._function(name, depth)
        if name == "pi" or name in _GREEK:
            return Node("name", name=name + self._subscript())
        raise NoFormula(f"unknown \\{name}")

    def _function(self, name: str, depth: int) -> Node:
        base = exponent = None
        if self.peek() == "_":
            self._take()
            base = self._argument(depth)
        if self.peek() == "^":
            self._take()
            exponent = self._exponent(depth + 1)
        inner = self._group("(", ")", depth) if self.peek() == "(" else self._power(depth + 1)
        node = Node("call", name=name, parts=(inner,))
        if base is not None:
            node = Node("/", parts=(node, Node("call", name="ln", parts=(base,))))
        return node if exponent is None else Node("^", parts=(node, exponent))

    def _argument(self, depth: int) -> Node:
        """Read what stands in braces, or a single digit, letter or command."""
        if self.peek() == "{":
            return self._group("{", "}", depth)
        token = self.peek()
        if len(token) > 1 and token.isdigit():
            self._tokens[self._at] = token[1:]
            return Node("number", Fraction(token[0]))
        return self._part(depth + 1)

    def _group(self, opening: str, closing: str, depth: int) -> Node:
        self._take(opening)
        node = self.sum(depth + 1)
        self._take(closing)
        return node

    def _subscript(self) -> str:
        """Read an index, which belongs to the name."""
        if self.peek() != "_":
            return ""
        self._take()
        found = [self._take()]
        while found[0] == "{" and found[-1] != "}" and len(found) < _DEEPEST:
            found.append(self._take())
        return "_" + "".join(found).strip("{}")


def _negative(node: Node) -> Node:
    return Node("*", parts=(Node("number", Fraction(-1)), node))


def _is_fraction(node: Node) -> bool:
    return node.kind == "/" and all(part.kind == "number" for part in node.parts)


def _value(node: Node, point: Point) -> Number:
    if node.kind == "number":
        return node.value
    if node.kind == "name":
        return point[node.name] if node.name in point else _CONSTANTS[node.name]
    found = [_value(part, point) for part in node.parts]
    if node.kind == "call":
        return _FUNCTIONS[node.name](complex(found[0]))
    if node.kind in _ARITHMETIC:
        return _bounded(_ARITHMETIC[node.kind](*_alike(found[0], found[1])))
    return _OTHERS[node.kind](*found)


def _alike(left: Number, right: Number) -> tuple[Number, Number]:
    if isinstance(left, Fraction) and isinstance(right, Fraction):
        return left, right
    return complex(left), complex(right)


def _bounded(found: Number) -> Number:
    if (
        isinstance(found, Fraction)
        and found.numerator.bit_length() + found.denominator.bit_length() > _LARGEST_BITS
    ):
        raise NoFormula("too large")
    return found


def _raised(base: Number, exponent: Number) -> Number:
    if isinstance(base, Fraction) and isinstance(exponent, Fraction) and exponent.denominator == 1:
        size = base.numerator.bit_length() + base.denominator.bit_length()
        if abs(exponent) > _LARGEST_POWER or size * abs(exponent) > _LARGEST_BITS:
            raise NoFormula("too large")
        return base ** int(exponent)
    return complex(base) ** complex(exponent)


def _root(inner: Number, degree: Number) -> Number:
    if isinstance(inner, Fraction) and degree == 2 and inner >= 0:
        above, below = math.isqrt(inner.numerator), math.isqrt(inner.denominator)
        if above * above == inner.numerator and below * below == inner.denominator:
            return Fraction(above, below)
    real = complex(inner)
    if (
        isinstance(degree, Fraction)
        and degree.denominator == 1
        and degree % 2 == 1
        and not real.imag
        and real.real < 0
    ):
        return -((-real) ** (1 / complex(degree)))
    return real ** (1 / complex(degree))


def _factorial(inner: Number) -> Number:
    if not isinstance(inner, Fraction) or inner.denominator != 1 or not 0 <= inner <= 200:
        raise NoFormula("no factorial")
    return Fraction(math.factorial(int(inner)))


def _size(inner: Number) -> Number:
    return abs(inner) if isinstance(inner, Fraction) else complex(abs(inner))


_OPERATORS: Any = operator
_ARITHMETIC: dict[str, Callable[[Number, Number], Number]] = {
    "+": _OPERATORS.add,
    "*": _OPERATORS.mul,
    "/": _OPERATORS.truediv,
}
_OTHERS: dict[str, Callable[..., Number]] = {
    "^": _raised,
    "root": _root,
    "!": _factorial,
    "abs": _size,
}
