"""The final answer of a worked solution, and its parts: what is boxed, stated, or stands last."""

import re

import msgspec

_MAX_CHARS = 20_000
_LONGEST = 200
_FEW = 4
_PROSE = re.compile(r"[a-z]{2,} [a-z]{2,}", re.IGNORECASE)
_STATED = re.compile(
    r"(?:final\s+answer|answer)\s*(?:is\s*:?|:|=)\s*(?P<said>[^\n]{1,400})|^\s*####\s*(?P<hash>[^\n]{1,400})",
    re.IGNORECASE | re.MULTILINE,
)
_FORMULA = re.compile(
    r"\$\$(?P<two>[^$]{1,400})\$\$|\$(?P<one>[^$\n]{1,400})\$|\\\((?P<round>.{1,400}?)\\\)|\\\[(?P<square>.{1,400}?)\\\]",
    re.DOTALL,
)
_NUMBER = re.compile(r"(?<![\w.])-?\d[\d,]*(?:\.\d+)?(?:/\d+)?%?")
_TEXT = re.compile(r"\\(?:text|mathrm|textbf|mathbf|operatorname|mbox|textit)\s*\{([^{}]*)\}")
_SPACED_COMMA = re.compile(r",\s*\\!\s*")
_DROPPED = re.compile(r"\\(?:left|right|displaystyle|limits|quad|qquad|ldots)(?![A-Za-z])|\\[!,;: ]|~|\$")
_DEGREES = re.compile(r"\^\s*(?:\\circ|\{\s*\\circ\s*\})|\u00b0|\\degree")
_THOUSANDS = re.compile(r"(?<![\d,.])\d{1,3}(?:,\d{3})+(?![\d,])")
_SYMBOLS = {
    "\u2212": "-", "\u2013": "-", "\u00d7": "\\times ", "\u00b7": "\\cdot ", "\u00f7": "/",
    "\u221a": "\\sqrt ", "\u03c0": "\\pi ", "\u221e": "\\infty ", "\\$": "", "**": "^", "\\%": "%",
    "\\{": "{", "\\}": "}", "{,}": ",",
    "\\lbrace": "{", "\\rbrace": "}", "\\pm": "\u00b1", "\\neq": "\\ne ", "\\leq": "\\le ", "\\geq": "\\ge ",
}  # fmt: skip


class Final(msgspec.Struct, frozen=True):
    """The final answer as it was written, and how it was found."""

    text: str
    how: str


def final(answer: str) -> Final | None:
    r"""Return the final answer: boxed, stated, a short answer as a whole, the last formula or number.

    The last of each form counts. `\boxed{…}`, "the answer is …" and `#### …` are forms of stating it.
    """
    text = answer[-_MAX_CHARS:].strip()
    boxed = _boxed(text)
    if boxed is not None:
        return Final(boxed, "boxed")
    stated = list(_STATED.finditer(text))
    if stated:
        said = stated[-1]["said"] or stated[-1]["hash"]
        return Final(_first_formula(said) or _bare(said), "stated")
    short = len(text) <= _LONGEST and "\n" not in text
    if short and not _PROSE.search(text):
        return Final(_bare(text), "the whole answer")
    formulas = [next(filter(None, found.groups())) for found in _FORMULA.finditer(text)]
    if formulas:
        return Final(formulas[-1], "the last formula")
    numbers = _NUMBER.findall(text)
    if numbers:
        return Final(numbers[-1], "the last number")
    return Final(_bare(text), "the whole answer") if short and len(text.split()) <= _FEW else None


def clean(text: str) -> str:
    """Return a formula without what says nothing: spacing, dollars, degrees, units, commas of thousands."""
    for old, new in _SYMBOLS.items():
        text = text.replace(old, new)
    text = _DROPPED.sub(" ", _SPACED_COMMA.sub(",", text))
    text = _DEGREES.sub("", text)
    text = _THOUSANDS.sub(lambda number: number[0].replace(",", ""), text)
    return " ".join(text.split()).rstrip(".")


def without_text(text: str) -> str:
    r"""Return a formula without the words in it, `\text{ cm}`; they are units."""
    return " ".join(_TEXT.sub(" ", text).split())


def words_of(text: str) -> str:
    """Return a formula as plain words, for answers that are no numbers."""
    return " ".join(_TEXT.sub(r"\1", text).replace("{", " ").replace("}", " ").casefold().split())


def split_list(text: str) -> list[str]:
    """Return the parts of a text between the commas that stand in no bracket."""
    parts = [""]
    depth = 0
    for char in text:
        depth += (char in "([{") - (char in ")]}")
        if char in ",;" and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
    return [part.strip() for part in parts]


def _boxed(text: str) -> str | None:
    r"""Return what the last `\boxed` or `\fbox` holds, braces in it balanced; nothing where it never ends."""
    start = max(text.rfind("\\boxed"), text.rfind("\\fbox"))
    if start < 0:
        return None
    at = start + len("\\boxed" if text.startswith("\\boxed", start) else "\\fbox")
    rest = text[at:].lstrip()
    if not rest.startswith("{"):
        found = re.match(r"[^\s$]{1,200}", rest)
        return found[0] if found else ""
    depth = 0
    for end, char in enumerate(rest):
        depth += (char == "{") - (char == "}")
        if depth == 0:
            return rest[1:end].strip()
    return ""


def _bare(text: str) -> str:
    return text.strip().strip("*").rstrip("*. ").strip()


def _first_formula(text: str) -> str | None:
    found = _FORMULA.match(text.strip().strip("*").strip())
    return next(filter(None, found.groups())) if found else None
