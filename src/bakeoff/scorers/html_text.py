"""The answer is HTML, or holds HTML: rules of thumb, no browser."""

import re
from collections.abc import Iterator

import msgspec

from bakeoff.records import Case, Grade, Sample
from bakeoff.scorers import _expected

# No set below may hold the character that begins the next part: each text is then read once.
_OPENING = re.compile(r"<[a-zA-Z][a-zA-Z0-9-]*+(?:\s[^<>]*+)?>")
_CLOSING = re.compile(r"</[a-zA-Z][a-zA-Z0-9-]*+\s*+>")
_SELF_CLOSING = re.compile(r"<[a-zA-Z][a-zA-Z0-9-]*+(?:\s[^<>]*+(?<=/)|/)>")
_ENTITY = re.compile(r"&(?:[a-zA-Z]++|#[0-9]++|#x[0-9a-fA-F]++);")
_DOCTYPE = re.compile(r"<!doctype\s+html", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"\s[a-zA-Z-]++=\s*+[\"'][^\"']*+[\"']")
_COMMON = re.compile(
    r"<(?:html|head|body|div|span|p|a|img|h[1-6]|ul|ol|li|table|tr|td|th|form|input|button|script|style|link"
    r"|meta|br|hr)\b",
    re.IGNORECASE,
)
_WEIGHTED = ((_SELF_CLOSING, 1), (_ENTITY, 1), (_DOCTYPE, 2), (_ATTRIBUTE, 1), (_COMMON, 2))
_ENOUGH = 2

_ELEMENTS = frozenset({
    "title", "base", "link", "meta", "style", "article", "section", "nav", "aside", "h1", "h2", "h3", "h4",
    "h5", "h6", "header", "footer", "address", "p", "hr", "pre", "blockquote", "ol", "ul", "li", "dl", "dt",
    "dd", "figure", "figcaption", "main", "div", "a", "em", "strong", "small", "s", "cite", "q", "dfn",
    "abbr", "ruby", "rt", "rp", "data", "time", "code", "var", "samp", "kbd", "sub", "sup", "i", "b", "u",
    "mark", "bdi", "bdo", "span", "br", "wbr", "img", "iframe", "embed", "object", "param", "picture",
    "source", "video", "audio", "track", "map", "area", "svg", "math", "script", "noscript", "canvas",
    "ins", "del", "table", "caption", "colgroup", "col", "tbody", "thead", "tfoot", "tr", "td", "th",
    "form", "label", "input", "button", "select", "datalist", "optgroup", "option", "textarea", "output",
    "progress", "meter", "fieldset", "legend", "details", "summary", "dialog", "menu", "slot", "template",
    "html", "head", "body",
})  # fmt: skip
_VOID = frozenset({
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track",
    "wbr",
})  # fmt: skip
_RAW = frozenset({"script", "style", "textarea", "title", "iframe", "noscript"})
_FRAME = frozenset({"html", "head", "body"})
_TABLE = frozenset({"table", "tbody", "thead", "tfoot", "tr"})
_IN_TABLE = frozenset({"caption", "col", "colgroup", "tbody", "td", "tfoot", "th", "thead", "tr"})
_ENDS_P = frozenset({
    "address", "article", "aside", "blockquote", "details", "dialog", "div", "dl", "fieldset", "figcaption",
    "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "main", "menu", "nav",
    "ol", "p", "pre", "section", "summary", "table", "ul",
})  # fmt: skip
_TAG = re.compile(
    r"<(?P<close>/?)(?P<name>[a-zA-Z][^\s/><]*+)(?:[^\"'>=]++|=\s*+(?:\"[^\"]*+\"|'[^']*+')?|[\"'])*+>"
)


class _Tag(msgspec.Struct, frozen=True):
    """A tag, or with an empty name the text between two."""

    name: str
    closing: bool = False
    bare: bool = False


class ContainsHtml(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pass an answer with at least two signs of HTML.

    A sign is: an opening tag, a closing tag, a self-closing tag, an entity, a comment, an attribute in
    quotes; a document type and a tag of a common element count as two. promptfoo: `contains-html`.

    Attributes:
        metric: the metric that it feeds.
    """

    metric: str = "contains_html"

    def grade(self, answer: str, case: Case, sample: Sample) -> Grade:  # noqa: ARG002  the text is enough
        """Return pass or fail."""
        signs = sum(weight for form, weight in _WEIGHTED if form.search(answer))
        signs += bool(_OPENING.search(answer)) + bool(_CLOSING.search(answer)) + _has_comment(answer)
        passed = signs >= _ENOUGH
        verb = "contains" if passed else "does not contain"
        reason = f"the answer {verb} HTML: {signs} signs of it"
        return _expected.judged(passed=passed, parsed=answer[:200], reason=reason)


class IsHtml(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pass an answer that is HTML from end to end.

    It must hold an element that HTML knows (or a custom one, with a hyphen), begin with no XML
    declaration, and have no text outside of elements, unless it spells out `<body>`. As in a browser,
    nothing else is an error: end tags may be missing. promptfoo: `is-html`.

    Attributes:
        metric: the metric that it feeds.
    """

    metric: str = "is_html"

    def grade(self, answer: str, case: Case, sample: Sample) -> Grade:  # noqa: ARG002  the text is enough
        """Return pass or fail."""
        problem = _problem(answer.strip())
        reason = f"the answer is no HTML: {problem}" if problem else "the answer is HTML"
        return _expected.judged(passed=not problem, parsed=answer[:200], reason=reason)


def _has_comment(text: str) -> bool:
    start = text.find("<!--")
    return start >= 0 and text.find("-->", start + 4) >= 0


def _problem(text: str) -> str:
    """Return why a text is no HTML, or an empty text."""
    if not text:
        return "it is empty"
    if text[:5].lower() == "<?xml":
        return "it is XML"
    known = body = loose = False
    stack: list[str] = []
    for part in _parts(text):
        if not part.name:
            loose = loose or _is_loose(stack)
        elif part.closing:
            _close(stack, part.name)
        elif part.name not in _IN_TABLE or "table" in stack[-16:]:
            known = known or part.name in _ELEMENTS or "-" in part.name
            body = body or part.name == "body"
            _open(stack, part)
    if loose and not body:
        return "there is text outside of elements"
    return "" if known else "it has no element that HTML knows"


def _is_loose(stack: list[str]) -> bool:
    """Tell whether text belongs to the body itself; what stands loose in a table goes before the table."""
    at = len(stack)
    while at and stack[at - 1] in _TABLE:
        at -= 1
    return not at or all(name in _FRAME for name in stack[:at])


def _open(stack: list[str], tag: _Tag) -> None:
    # A paragraph ends where an element begins that cannot stand in it.
    if tag.name in _ENDS_P and "p" in stack[-8:]:
        _close(stack, "p")
    foreign = tag.bare and ("svg" in stack[:4] or "math" in stack[:4])
    if tag.name not in _VOID and not foreign:
        stack.append(tag.name)


def _close(stack: list[str], name: str) -> None:
    # Only the innermost few are looked at, so that stray end tags in a deep text stay cheap.
    for back in range(1, min(len(stack), 64) + 1):
        if stack[-back] == name:
            del stack[-back:]
            return


def _parts(text: str) -> Iterator[_Tag]:
    """Yield tags and non-blank texts in order; comments and document types are neither."""
    at = 0
    while at < len(text):
        start = text.find("<", at)
        end = len(text) if start < 0 else start
        if text[at:end].strip():
            yield _Tag("")
        if start < 0:
            return
        at = _skipped(text, start)
        if at > start:
            continue
        tag = _TAG.match(text, start)
        if tag is None:
            at = start + 1
            if text[at : at + 2].strip("/")[:1].isalpha():
                return  # a tag that never ends swallows the rest
            yield _Tag("")
            continue
        at = tag.end()
        name = tag["name"].lower()
        yield _Tag(name, closing=bool(tag["close"]), bare=tag[0].endswith("/>"))
        if name in _RAW and not tag["close"]:
            closing = re.compile(rf"</{name}", re.IGNORECASE).search(text, at)
            at = len(text) if closing is None else closing.start()


def _skipped(text: str, start: int) -> int:
    """Return where a comment or declaration that begins here ends, or `start` where there is none."""
    if text.startswith("<!--", start):
        end = text.find("-->", start + 4)
        return len(text) if end < 0 else end + 3
    if text[start + 1 : start + 2] in {"!", "?"}:
        end = text.find(">", start)
        return len(text) if end < 0 else end + 1
    return start
