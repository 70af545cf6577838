"""The answer is XML, or holds XML; on request with given elements."""

import re
from collections.abc import Sequence
from typing import cast
from xml.parsers import expat

import msgspec

from bakeoff.records import Case, Grade, Sample
from bakeoff.scorers import _expected

_NAME = r"[A-Za-z_:\u00c0-\uffff][\w:.\-]*+"
_TAG = re.compile(
    rf"<(?:!--.*?(?:-->|\Z)|!\[CDATA\[.*?(?:\]\]>|\Z)|[!?][^>]*+(?:>|\Z)"
    rf"|(?P<close>/?)(?P<name>{_NAME})(?P<inside>(?>[^\"'<>]++|\"[^\"]*+\"|'[^']*+')*+)>)",
    re.DOTALL,
)
_MAX_REASON = 200


class _Element(msgspec.Struct):
    """An element as far as required paths look: attributes, and children by name."""

    attributes: dict[str, str]
    children: dict[str, list["_Element"]]


class _NoXml(ValueError):  # noqa: N818  what a text is not
    """A text is no XML; the message says why."""


class _Places(msgspec.Struct, frozen=True):
    """Where a fragment begins and ends in an answer."""

    start: int
    end: int


class IsXml(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pass an answer that is one well-formed XML document and has the elements that `value` names.

    Prefixes must be bound to namespaces. A document type with rules of its own (an internal subset) does
    not pass: its entities can blow up. promptfoo: `is-xml`.

    Attributes:
        value: paths of elements that must be there, such as `order.item.name` from the root on, as a list,
            as one text with commas, or as `{requiredElements: […]}`. A number picks one of equal siblings
            (from 0), `@_id` is an attribute. None for any XML.
        metric: the metric that it feeds.
    """

    value: str | list[str] | dict[str, list[str]] | None = None
    metric: str = "is_xml"

    def __post_init__(self) -> None:
        _required(self.value)

    def grade(self, answer: str, case: Case, sample: Sample) -> Grade:  # noqa: ARG002  the text is enough
        """Return pass or fail."""
        paths = _required(self.value)
        try:
            root = _parse(answer, paths, strict=True)
        except _NoXml as error:
            return _graded(answer, f"the answer is no XML: {error}", passed=False)
        lacking = [path for path in paths if not _has(root, path.split("."))]
        if lacking:
            return _graded(answer, f"the XML lacks {_expected.listed(tuple(lacking))}", passed=False)
        return _graded(answer, "the answer is well-formed XML" + _with(paths), passed=True)


class ContainsXml(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pass an answer that holds well-formed XML elements with all that `value` names.

    An element may stand in a sentence or a code fence. Prefixes and entities may be unknown. Where elements
    stand side by side, paths may begin in any of them. promptfoo: `contains-xml`.

    Attributes:
        value: paths of elements that must be there, as for `is-xml`.
        metric: the metric that it feeds.
    """

    value: str | list[str] | dict[str, list[str]] | None = None
    metric: str = "contains_xml"

    def __post_init__(self) -> None:
        _required(self.value)

    def grade(self, answer: str, case: Case, sample: Sample) -> Grade:  # noqa: ARG002  the text is enough
        """Return pass or fail."""
        paths = _required(self.value)
        whole = _Element({}, {})
        count = 0
        for place in _fragments(answer):
            try:
                found = _parse(answer[place.start : place.end], paths, strict=False)
            except _NoXml:
                continue
            count += 1
            for name, siblings in found.children.items():
                whole.children.setdefault(name, []).extend(siblings)
        if not count:
            return _graded(answer, f"there is no XML in {_expected.shown(answer)}", passed=False)
        lacking = [path for path in paths if not _has(whole, path.split("."))]
        if lacking:
            reason = f"the XML in the answer lacks {_expected.listed(tuple(lacking))}"
            return _graded(answer, reason, passed=False)
        return _graded(answer, "the answer contains well-formed XML" + _with(paths), passed=True)


def _required(value: str | list[str] | dict[str, list[str]] | None) -> tuple[str, ...]:
    if isinstance(value, dict):
        if set(value) - {"requiredElements"}:
            raise ValueError("`value` is a list of paths, or `{requiredElements: […]}`")
        value = value.get("requiredElements", [])
    if isinstance(value, str):
        value = value.split(",")
    return tuple(path.strip() for path in value or () if path.strip())


def _parse(text: str, paths: Sequence[str], *, strict: bool) -> _Element:
    """Return an element that holds the root, as deep as the paths go.

    Raises:
        _NoXml: the text is not well-formed.
    """
    deepest = max((path.count(".") + 1 for path in paths), default=0)
    # Only levels that a path can reach are kept, so depth costs no memory.
    open_elements = [_Element({}, {})]
    depth = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth <= deepest:
            element = _Element({_written(key): value for key, value in attributes.items()}, {})
            open_elements[-1].children.setdefault(_written(name), []).append(element)
            open_elements.append(element)

    def end(_name: str) -> None:
        nonlocal depth
        if depth <= deepest:
            open_elements.pop()
        depth -= 1

    def doctype(_name: str, _system: str | None, _public: str | None, has_internal: int) -> None:
        if has_internal:
            raise _NoXml("a document type with an internal subset is not accepted")

    parser = expat.ParserCreate(namespace_separator=" " if strict else None)
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.StartDoctypeDeclHandler = doctype
    parser.namespace_prefixes = strict
    if not strict:
        parser.UseForeignDTD(True)  # noqa: FBT003  unknown entities are skipped
    try:
        parser.Parse(text.strip().encode("utf-8"), True)  # noqa: FBT003  expat takes no names
    except expat.ExpatError as error:
        raise _NoXml(str(error)[:_MAX_REASON]) from error
    except UnicodeEncodeError as error:
        raise _NoXml("it holds half a character") from error
    return open_elements[0]


def _written(name: str) -> str:
    """Return a name as the text has it, with its prefix; the parser tells `URI NAME PREFIX`."""
    parts = name.split(" ")
    return f"{parts[2]}:{parts[1]}" if len(parts) == 3 else parts[-1]


def _has(element: _Element, path: Sequence[str]) -> bool:
    """Tell whether a path leads somewhere; a name stands for any of the siblings that have it."""
    found = [element]
    siblings: list[_Element] = []
    for at, part in enumerate(path):
        if part.isdecimal() and siblings:
            found = siblings[int(part) : int(part) + 1] if len(part) < 8 else []
        elif part.startswith("@_"):
            return at == len(path) - 1 and any(part[2:] in each.attributes for each in found)
        else:
            siblings = [child for each in found for child in each.children.get(part, ())]
            found = siblings
        if not found:
            return False
    return True


def _fragments(text: str) -> list[_Places]:
    """Return the outermost parts of a text that open and close as an element does."""
    open_tags: list[tuple[str, int]] = []
    found: list[_Places] = []
    for tag in _TAG.finditer(text):
        name = cast("str | None", tag["name"])
        if name is None:
            continue
        if tag["close"]:
            if not open_tags or open_tags[-1][0] != name:
                open_tags.clear()
                continue
            place = _Places(open_tags.pop()[1], tag.end())
        elif tag["inside"].rstrip().endswith("/"):
            place = _Places(tag.start(), tag.end())
        else:
            open_tags.append((name, tag.start()))
            continue
        while found and found[-1].start >= place.start:
            found.pop()
        found.append(place)
    return found


def _with(paths: Sequence[str]) -> str:
    return " with the required elements" if paths else ""


def _graded(answer: str, reason: str, *, passed: bool) -> Grade:
    return _expected.judged(passed=passed, parsed=answer[:200], reason=reason)
