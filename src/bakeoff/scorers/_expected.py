"""What an answer is compared with: the case's reference, or a text with `{{field}}` placeholders.

Placeholders are replaced, not evaluated: a scorer needs no template engine, and no row becomes code.
"""

import re
from collections.abc import Sequence
from typing import cast

import msgspec

from bakeoff.records import Case, Grade

REFERENCE = "reference"
_PLACE = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_PARTS = re.compile(
    r'[\s,]*+(?:"(?P<quoted>(?:[^"\\]|\\.|"")*+)"(?=\s*+(?:,|$))|(?P<plain>[^,]++))', re.DOTALL
)
_SHOWN = 80


class Expected(msgspec.Struct, frozen=True):
    """The texts that count as right, none where the case lacks them; `missing` says what it lacks."""

    texts: tuple[str, ...]
    missing: str = ""


def check_value(value: str | Sequence[str] | None) -> None:
    """Refuse what only a template engine could read.

    Raises:
        ValueError: `value`, or a text in it, holds more than `{{field}}` placeholders.
    """
    if value is not None and not isinstance(value, str):
        for text in value:
            check_value(text)
        return
    rest = _PLACE.sub("", value or "")
    if "{{" in rest or "{%" in rest:
        raise ValueError(f"`{value}` may hold placeholders such as {{{{reference}}}}, no other template code")


def expected(value: str | None, case: Case) -> Expected:
    """Return what counts as right for a case.

    None and a bare `{{reference}}` stand for the reference and all its accepted forms; any other text
    stands for itself, with each `{{field}}` replaced by that field of the case.
    """
    if value is not None and "{{" not in value:
        return Expected((value,))
    if value is None or _is_reference(value):
        texts = (() if case.reference is None else (as_text(case.reference),)) + case.accepted
        found = tuple(text for text in texts if text.strip())
        return Expected(found, "" if found else "the case has no reference")
    missing = [name for name in _PLACE.findall(value) if _field(name, case) is None]
    if missing:
        return Expected((), f"the case has no `{missing[0]}`")
    return Expected((_PLACE.sub(lambda place: as_text(_field(place[1], case)), value),))


def expected_any(value: str | Sequence[str] | None, case: Case) -> Expected:
    """Return what counts as right where `value` may be a list: each of its texts, as `expected` reads it."""
    if value is None or isinstance(value, str):
        return expected(value, case)
    found: list[str] = []
    for item in value:
        each = expected(item, case)
        if not each.texts:
            return each
        found += each.texts
    return Expected(tuple(found))


def expected_items(value: str | Sequence[str] | None, case: Case) -> Expected:
    """Return a list of texts: `value` or the reference if they are lists, else split at commas.

    A comma inside double quotes splits nothing; quotes in quotes are doubled or have a backslash.
    """
    if value is None or (isinstance(value, str) and _is_reference(value)):
        reference: object = case.reference
        if isinstance(reference, list):
            items = tuple(map(as_text, cast("list[object]", reference)))
            return Expected(items, "" if items else "the reference is an empty list")
        value = None if reference is None else as_text(reference)
        if value is None or not value.strip():
            return Expected((), "the case has no reference")
        items = split_list(value)
    elif isinstance(value, str):
        whole = expected(value, case)
        if not whole.texts:
            return whole
        items = split_list(whole.texts[0])
    else:
        return expected_any(value, case)
    return Expected(items, "" if items else "the list of texts is empty")


def split_list(text: str) -> tuple[str, ...]:
    """Return the parts of a text between commas, without the white space and double quotes around them."""
    found = (
        re.sub(r'\\(["\\])|""', lambda pair: pair[1] or '"', part["quoted"])
        if part["quoted"] is not None
        else part["plain"].strip()
        for part in _PARTS.finditer(text)
    )
    return tuple(part for part in found if part)


def fill_pattern(pattern: str, case: Case) -> Expected:
    """Return a regular expression with each placeholder replaced by the literal text it stands for."""
    if "{{" not in pattern:
        return Expected((pattern,))
    literals: dict[str, str] = {}
    for name in _PLACE.findall(pattern):
        found = expected(f"{{{{{name}}}}}", case)
        if not found.texts:
            return found
        literals[name] = "(?:" + "|".join(re.escape(text.strip()) for text in found.texts) + ")"
    return Expected((_PLACE.sub(lambda place: literals[place[1]], pattern),))


def probe_pattern(pattern: str) -> str:
    """Return a regular expression with a letter for each placeholder, to try whether it compiles."""
    return _PLACE.sub("x", pattern)


def as_text(value: object) -> str:
    """Return a field as text: text as it stands, everything else as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def ungradable(reason: str) -> Grade:
    """Return the grade of a case that lacks what the scorer needs: neither a value nor a yes or no."""
    return Grade(value=None, passed=None, reason=reason)


def unknown(reason: str) -> Grade:
    """Return the grade where not the case but the sample lacks something, such as times or a price.

    It is told from `ungradable` by `parsed`: nothing is wrong with the case, so the run may start.
    """
    return Grade(value=None, passed=None, reason=reason, parsed="")


def failed(reason: str) -> Grade:
    """Return the grade where what was to judge failed: nothing is known of the answer; it is in no rate."""
    return Grade(value=None, passed=None, reason=reason, parsed="", failed=True)


def unparsable(reason: str) -> Grade:
    """Return the grade of an answer from which nothing could be extracted: not passed, nothing parsed."""
    return Grade(value=None, passed=False, reason=reason)


def judged(*, passed: bool, parsed: str, reason: str) -> Grade:
    """Return a grade of all or nothing."""
    return Grade(value=1.0 if passed else 0.0, passed=passed, reason=reason, parsed=parsed)


def shown(text: str) -> str:
    """Return a text in quotes for a reason, cut to a line's length."""
    return f'"{text}"' if len(text) <= _SHOWN else f'"{text[:_SHOWN]}…"'


def listed(texts: tuple[str, ...]) -> str:
    """Return texts in quotes, joined for a reason."""
    return " or ".join(shown(text) for text in texts[:5]) + (" or …" if len(texts) > 5 else "")


def _is_reference(value: str) -> bool:
    place = _PLACE.fullmatch(value.strip())
    return place is not None and place[1] == REFERENCE


def _field(name: str, case: Case) -> object:
    return case.reference if name == REFERENCE else case.fields.get(name)
