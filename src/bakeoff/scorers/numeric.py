"""The number in the answer equals the number in the reference."""

import re
from fractions import Fraction
from typing import Annotated, Literal

import msgspec

from bakeoff.records import Case, Grade, Sample
from bakeoff.scorers import _expected

_MAX_CHARS = 20_000
_TAIL = 60
_SWAPPED = str.maketrans(",.", ".,")
# Lengths are bounded, so that a long run of digits is no number instead of slow arithmetic.
_NUMBER = re.compile(
    r"""
    (?<!\w)(?<!\d[.,'])(?=[-+$€£¥.\d])                      # not inside a word or another number
    (?P<sign>[-+](?![-+\s]))?
    (?P<currency>[$€£¥]\s?)?
    (?:
        (?<!/)(?:(?P<units>\d{1,15})\s+)?(?P<above>\d{1,15})\s?/\s?(?P<below>\d{1,15})(?![/.]?\d)
      | (?=\.?\d)
        (?P<whole>\d{1,3}(?:[,\u00a0\u202f']\d{3}(?!\d)){1,20}|\d{1,100})?(?P<decimals>(?<!\.)\.\d{1,100})?
        (?:[eE](?P<power>[-+]?\d{1,3})(?!\d))?
    )
    (?<=\d)(?!\d|[eE][-+]?\d)
    (?P<percent>\s?%)?
    """,
    re.VERBOSE,
)


class _Number(msgspec.Struct, frozen=True):
    """A number as written: its value, and whether a percent sign followed."""

    value: Fraction
    percent: bool
    text: str


class Numeric(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    r"""Pass an answer whose number equals the reference's, or one of its accepted forms'.

    Read are thousands separators (`1,234.5`), decimals, exponents, fractions (`3/4`, `1 1/2`,
    LaTeX `\frac{3}{4}`), signs, currency signs and percents. Where only one side has a percent sign,
    both readings count: 50 % equals 50 and 0.5. A reference that is a sentence counts by its last
    number. Arithmetic is exact.

    Attributes:
        value: what to compare with; None for the reference, may hold `{{field}}` placeholders.
        which: the number of the answer that counts.
        tolerance: largest difference that passes.
        relative: largest difference that passes, as a share of the reference.
        decimal_comma: `1.234,5` instead of `1,234.5`, in answers and references.
        metric: the metric that it feeds.
    """

    value: str | None = None
    which: Literal["last", "first"] = "last"
    tolerance: Annotated[float, msgspec.Meta(ge=0, le=1e300)] = 0.0
    relative: Annotated[float, msgspec.Meta(ge=0, le=1e300)] = 0.0
    decimal_comma: bool = False
    metric: str = "accuracy"

    def __post_init__(self) -> None:
        _expected.check_value(self.value)

    def grade(self, answer: str, case: Case, sample: Sample) -> Grade:  # noqa: ARG002  the text is enough
        """Return pass or fail; an answer without a number is unparsable."""
        expected = _expected.expected(self.value, case)
        if not expected.texts:
            return _expected.ungradable(expected.missing)
        # A JSON number is written with a point, whatever the language of the answers.
        comma = self.decimal_comma and not isinstance(case.reference, int | float)
        references = (_number_in(text, "last", decimal_comma=comma) for text in expected.texts)
        wanted = [number for number in references if number is not None]
        if not wanted:
            return _expected.ungradable(f"the reference {_expected.listed(expected.texts)} holds no number")
        text = answer[-_MAX_CHARS:] if self.which == "last" else answer[:_MAX_CHARS]
        number = _number_in(text, self.which, decimal_comma=self.decimal_comma)
        if number is None:
            return _expected.unparsable(f"there is no number in {_expected.shown(answer)}")
        passed = any(self._equal(number, other) for other in wanted)
        verb = "equals" if passed else "does not equal"
        reason = f"{self.which} number {number.text} {verb} {' or '.join(other.text for other in wanted)}"
        return _expected.judged(passed=passed, parsed=number.text, reason=reason + self._margin())

    def _equal(self, given: _Number, wanted: _Number) -> bool:
        if given.percent == wanted.percent:
            return self._near(given.value, wanted.value)
        share = Fraction(1, 100)
        if wanted.percent:
            return any(self._near(given.value, wanted.value * scale) for scale in (1, share))
        return any(self._near(given.value * scale, wanted.value) for scale in (1, share))

    def _near(self, given: Fraction, wanted: Fraction) -> bool:
        if given == wanted or not (self.tolerance or self.relative):
            return given == wanted
        difference = abs(given - wanted)
        # Tolerances are read as they were written: 0.1 is a tenth, not the nearest binary fraction.
        allowed = max(Fraction(str(self.tolerance)), Fraction(str(self.relative)) * abs(wanted))
        return difference <= allowed

    def _margin(self) -> str:
        parts = [f"{self.tolerance}"] if self.tolerance else []
        parts += [f"{self.relative:.4g} of it"] if self.relative else []
        return f" within {' or '.join(parts)}" if parts else ""


def _number_in(text: str, which: str, *, decimal_comma: bool) -> _Number | None:
    """Return the first or last number of a text."""
    text = text.replace("\u2212", "-")
    if "\\" in text or "{" in text:
        text = text.replace("{,}", ",").replace("\\,", ",").replace("\\%", "%")
        text = re.sub(r"\\[dt]?frac\{(\d+)\}\{(\d+)\}", r"\1/\2", text)
    if decimal_comma:
        text = text.translate(_SWAPPED)
    if which == "first":
        numbers = map(_number, _NUMBER.finditer(text))
        return next((number for number in numbers if number is not None), None)
    # The last number of a long answer nearly always stands in its last words, which are quick to read.
    last = max(text.rfind(digit) for digit in "0123456789")
    cut = text.find(" ", last - _TAIL, last) if last > _TAIL else -1
    found = None if cut < 0 else _last(text[cut:])
    return _last(text) if found is None else found


def _last(text: str) -> _Number | None:
    matches = reversed(list(_NUMBER.finditer(text)))
    return next((number for number in map(_number, matches) if number is not None), None)


def _number(match: re.Match[str]) -> _Number | None:
    if match["above"]:
        if not int(match["below"]):
            return None
        value = int(match["units"] or 0) + Fraction(int(match["above"]), int(match["below"]))
    else:
        digits, decimals = re.sub(r"\D", "", match["whole"] or "0"), (match["decimals"] or ".")[1:]
        value = _scaled(int(digits + decimals), int(match["power"] or 0) - len(decimals))
    sign = -1 if match["sign"] == "-" else 1
    return _Number(sign * value, match["percent"] is not None, match[0].strip())


def _scaled(digits: int, power: int) -> Fraction:
    return Fraction(digits * 10**power) if power >= 0 else Fraction(digits, 10**-power)
