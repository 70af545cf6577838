r"""The final answer of a solution is mathematically equal to the reference."""

from collections.abc import Sequence
from functools import lru_cache
from random import Random
from typing import Annotated

import msgspec

from bakeoff.records import Case, Grade, Sample
from bakeoff.scorers import _expected, _final, _formula, _patterns

_ROUNDING = 1e-9
_POINTS = 6
_PAIRS = {"(": ")", "[": "]", "{": "}"}
_Margin = Annotated[float, msgspec.Meta(ge=0, le=1e300)]


class Maths(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    r"""Pass a solution whose final answer equals the reference as a formula.

    The final answer is the last `\boxed{…}`, else the last "answer is …" or `#### …`, else a short answer
    as a whole, else the last formula between dollars, else the last number. Equal are: fractions, decimals,
    percents, mixed numbers, roots and powers of one value (rational numbers exactly, others to 9 digits);
    formulas with variables that agree at six random points where both have a value; lists, points and
    intervals part by part with the same brackets, `{…}` and lists without brackets in any order; `x = 5`
    and 5; words without regard to case. Units in `\text{…}`, degrees and currency signs do not count. No
    algebra system is used, so no answer takes long; sums, integrals and matrices are compared as text.

    Attributes:
        value: what to compare with; None for the reference and its accepted forms, may hold `{{field}}`
            placeholders. It is read as an answer is.
        tolerance: largest difference of numbers that passes.
        relative: largest difference that passes, as a share of the reference.
        pattern: a regular expression whose last match is where the final answer stands, in its first group if
            it has any; the answers in which it is not found are unparsable.
        metric: the metric that it feeds.
    """

    value: str | None = None
    tolerance: _Margin = 0.0
    relative: _Margin = 0.0
    pattern: str | None = None
    metric: str = "accuracy"

    def __post_init__(self) -> None:
        _expected.check_value(self.value)
        if self.pattern is not None:
            _patterns.check(self.pattern)

    def grade(self, answer: str, case: Case, sample: Sample) -> Grade:  # noqa: ARG002  the text is enough
        """Return pass or fail; an answer without a final answer is unparsable."""
        expected = _expected.expected(self.value, case)
        if not expected.texts:
            return _expected.ungradable(expected.missing)
        found = _final.final(answer) if self.pattern is None else _at(self.pattern, answer)
        if found is None or not found.text.strip():
            return _expected.unparsable(f"there is no final answer in {_expected.shown(answer)}")
        given = _final.clean(found.text)
        passed = any(self._equal(given, _reference(text)) for text in expected.texts)
        verb = "equals" if passed else "does not equal"
        reason = f"{_expected.shown(found.text)} ({found.how}) {verb} {_expected.listed(expected.texts)}"
        return _expected.judged(passed=passed, parsed=found.text[:200], reason=reason)

    def _equal(self, given: str, wanted: str) -> bool:
        if given == wanted or _final.words_of(given) == _final.words_of(wanted):
            return True
        one, other = _final.without_text(given), _final.without_text(wanted)
        if not one or not other or len(one) > 2000:
            return False
        return self._equal_sides(one, other)

    def _equal_sides(self, given: str, wanted: str) -> bool:
        left, right = given.split("="), wanted.split("=")
        if len(left) == len(right) == 2:
            return (
                self._equal_lists(left[1], right[1])
                if left[0].strip() == right[0].strip()
                else _same_equation(left, right)
            )
        # The name of the unknown may be said or not.
        return self._equal_lists(
            left[-1] if len(right) == 1 else given, right[-1] if len(left) == 1 else wanted
        )

    def _equal_lists(self, given: str, wanted: str) -> bool:
        given, wanted = given.strip(), wanted.strip()
        if _wrapped(given) and _wrapped(wanted):
            if given[0] + given[-1] != wanted[0] + wanted[-1]:
                return len(_inside(given)) == len(_inside(wanted)) == 1 and self._equal_value(given, wanted)
            return self._equal_parts(_inside(given), _inside(wanted), ordered=given[0] != "{")
        one, other = _parts(given), _parts(wanted)
        if len(one) == len(other) == 1:
            return self._equal_value(one[0], other[0])
        return self._equal_parts(one, other, ordered=False)

    def _equal_parts(self, given: Sequence[str], wanted: Sequence[str], *, ordered: bool) -> bool:
        if len(given) != len(wanted) or len(given) > 50:
            return False
        if len(given) == 1:
            return self._equal_value(given[0], wanted[0])
        if ordered:
            return all(map(self._equal_lists, given, wanted))
        left = list(given)
        for each in wanted:
            match = next((at for at, one in enumerate(left) if self._equal_lists(one, each)), None)
            if match is None:
                return False
            del left[match]
        return True

    def _equal_value(self, given: str, wanted: str) -> bool:
        if given.replace(" ", "") == wanted.replace(" ", ""):
            return True
        one, other = _read(given), _read(wanted)
        if one is None or other is None:
            return False
        if _formula.names(one) or _formula.names(other):
            return _same_everywhere(one, other)
        return self._equal_number(one, other, (given.endswith("%"), wanted.endswith("%")))

    def _equal_number(self, one: _formula.Node, other: _formula.Node, percents: tuple[bool, bool]) -> bool:
        try:
            left, right = _formula.value(one, {}), _formula.value(other, {})
        except _formula.NoFormula:
            return False
        # Where only one side has a percent sign, both readings count.
        if percents == (True, False) and self._near(left * 100, right):
            return True
        return self._near(left, right) or (percents == (False, True) and self._near(left, right * 100))

    def _near(self, given: _formula.Number, wanted: _formula.Number) -> bool:
        if given == wanted:
            return True
        exact = not isinstance(given, complex) and not isinstance(wanted, complex)
        if exact and not (self.tolerance or self.relative):
            return False
        try:
            size, gap = abs(complex(wanted)), abs(complex(given) - complex(wanted))
        except OverflowError:
            return False
        return gap <= max(
            self.tolerance, self.relative * size, 0.0 if exact else _ROUNDING * max(size, _ROUNDING)
        )


@lru_cache(maxsize=1024)
def _reference(text: str) -> str:
    found = _final.final(text) if "boxed" in text or "####" in text else None
    return _final.clean(text if found is None else found.text)


def _at(pattern: str, answer: str) -> _final.Final | None:
    found = _patterns.last(pattern, answer)
    return None if found is None else _final.Final(found, f"found by `{pattern}`")


def _read(text: str) -> _formula.Node | None:
    try:
        return _formula.read(text)
    except _formula.NoFormula:
        return None


def _same_everywhere(one: _formula.Node, other: _formula.Node) -> bool:
    """Tell whether two formulas agree at random points; two different polynomials never do at all of them."""
    agreed = 0
    for point in _points(_formula.names(one) | _formula.names(other)):
        try:
            left, right = complex(_formula.value(one, point)), complex(_formula.value(other, point))
        except (_formula.NoFormula, OverflowError):
            continue
        if abs(left - right) > 1e-7 * max(abs(left), abs(right), 1e-7):
            return False
        agreed += 1
    return agreed >= _POINTS // 2


def _same_equation(left: Sequence[str], right: Sequence[str]) -> bool:
    """Tell whether two equations say the same: their sides' differences are in one ratio everywhere."""
    sides = [_read(f"({one[0]})-({one[1]})") for one in (left, right)]
    if sides[0] is None or sides[1] is None or _formula.names(sides[0]) != _formula.names(sides[1]):
        return False
    ratios: list[complex] = []
    for point in _points(_formula.names(sides[0])):
        try:
            one, other = (complex(_formula.value(side, point)) for side in sides if side is not None)
        except (_formula.NoFormula, OverflowError):
            continue
        if not one or not other:
            return False
        ratios.append(one / other)
    first = ratios[0] if ratios else 0
    return len(ratios) >= _POINTS // 2 and all(abs(ratio - first) <= 1e-7 * abs(first) for ratio in ratios)


@lru_cache(maxsize=256)
def _points(names: frozenset[str]) -> tuple[dict[str, complex], ...]:
    rng = Random(17)
    # Positive numbers, so that roots and logarithms mean the same on both sides.
    return tuple({name: complex(rng.uniform(0.3, 2.7)) for name in sorted(names)} for _ in range(_POINTS))


def _wrapped(text: str) -> bool:
    """Tell whether one pair of brackets, also of an interval such as `(1, 2]`, holds the whole text."""
    if len(text) < 2 or text[0] not in _PAIRS or text[-1] not in ")]}":
        return False
    depth = 0
    for at, char in enumerate(text):
        depth += (char in "([{") - (char in ")]}")
        if depth == 0:
            return at == len(text) - 1
    return False


def _inside(text: str) -> list[str]:
    return _parts(text[1:-1])


def _parts(text: str) -> list[str]:
    r"""Return the members of a list; `a \pm b` is two of them."""
    found: list[str] = []
    for part in _final.split_list(text):
        found += [part.replace("\u00b1", "+"), part.replace("\u00b1", "-")] if "\u00b1" in part else [part]
    return found
