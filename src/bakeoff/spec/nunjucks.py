"""Nunjucks templates of promptfoo to Jinja: what means the same stays, what would differ is refused."""

import re
from collections.abc import Iterator

_TAG = re.compile(r"\{\{(?P<print>.*?)\}\}|\{%(?P<block>.*?)%\}", re.DOTALL)
_RAW = re.compile(r"\{%-?\s*raw\s*-?%\}.*?\{%-?\s*endraw\s*-?%\}", re.DOTALL)
_COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)
_OPEN = re.compile(r"(\{%[^%]*$|\{\{[^}]*$|\{#[^#]*$)", re.MULTILINE)
_ENV = re.compile(r"\{\{-?\s*env\.([A-Za-z_]\w*)\s*-?\}\}|\{\{-?\s*env\[['\"]([A-Za-z_]\w*)['\"]\]\s*-?\}\}")
_TEXT = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'")
_FILTER = re.compile(r"\|\s*(\w+)")
_NAME = re.compile(r"\{\{-?\s*(\w+)\s*(?:\||-?\}\})")
_SAME_FILTERS = frozenset(
    {"upper", "lower", "trim", "length", "first", "last", "join", "safe", "string", "abs", "capitalize"}
)
_SAME_BLOCKS = frozenset({"if", "elif", "else", "endif", "for", "endfor", "set", "endset", "raw", "endraw"})
_NO_JINJA = ("===", "!==", "&&", "||", "=>", "?")
_NUMBER_COMPARED = re.compile(r"(?:[=!<>]=|[<>])\s*-?\d|\d\s*(?:[=!<>]=|[<>])")


def translate(text: str) -> tuple[str, list[str]]:
    """Return a template of the spec and what of it would mean something else here.

    `{{env.NAME}}` becomes `${NAME}`; other `${` are kept from being read as variables.
    """
    whole = text.replace("${", "$${")
    if _OPEN.search(text) and not _RAW.search(text):
        # promptfoo sends a template that is not closed as it stands.
        return "{% raw %}" + whole + "{% endraw %}", []
    whole = _ENV.sub(lambda found: "${" + (found[1] or found[2]) + "}", whole)
    rest = _COMMENT.sub("", _RAW.sub("", whole))
    problems = [problem for found in _TAG.finditer(rest) for problem in _problems(found)]
    return whole, list(dict.fromkeys(problems))


def printed(text: str) -> list[str]:
    """Return the variables that a template prints as they are."""
    return list(dict.fromkeys(_NAME.findall(_COMMENT.sub("", _RAW.sub("", text)))))


def _problems(tag: re.Match[str]) -> Iterator[str]:
    inner = tag["print"] if tag["print"] is not None else tag["block"]
    code = _TEXT.sub("''", inner.strip().strip("-"))
    word = (code.split() or [""])[0]
    if tag["block"] is not None and word not in _SAME_BLOCKS:
        yield f"the block `{{% {word} %}}`"
    if code.strip().lower() in {"none", "null", "true", "false"}:
        yield f"the constant `{code.strip()}`"
    yield from (f"the filter `{name}`" for name in _FILTER.findall(code) if name not in _SAME_FILTERS)
    yield from (f"the operator `{sign}`" for sign in _NO_JINJA if sign in code)
    if _NUMBER_COMPARED.search(code):
        yield "a comparison with a number"
    if "/" in code:
        yield "a division"
    if re.search(r"\benv\b", code):
        yield "`env` inside an expression"
