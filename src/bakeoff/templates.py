"""Jinja templates in a sandbox, with errors that say where and what to do. It knows no prompt and no judge.

A template is code that a user gave us; a row is data and is never read as a template.
"""

import json
import re
import string
from collections.abc import Callable, Iterable, Mapping, Sized
from types import TracebackType
from typing import Any, cast

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from bakeoff.errors import TemplateError
from bakeoff.plugins import suggest

Render = Callable[[Mapping[str, Any]], str]

_LONGEST = 10_000_000
_UNDEFINED = re.compile(r"'(?P<name>[^']+)' is undefined|has no attribute '(?P<attribute>[^']+)'")
_FAILURES = (
    jinja2.TemplateError,
    TypeError,
    ValueError,
    ArithmeticError,
    LookupError,
    AttributeError,
    RecursionError,
)


class _Environment(ImmutableSandboxedEnvironment):
    """The sandbox, and no product or power so large that it fills the memory."""

    intercepted_binops = frozenset({"*", "**"})

    def call_binop(self, context: jinja2.runtime.Context, operator: str, left: Any, right: Any) -> Any:  # noqa: ANN401  any two values
        """Compute `left operator right` unless the result would be huge."""
        if operator == "*" and isinstance(left, int) and not isinstance(right, int):
            left, right = right, left
        if isinstance(right, int) and _size(operator, left) * right > _LONGEST:
            raise jinja2.exceptions.SecurityError(f"the result of `{operator}` is too large")
        return super().call_binop(context, operator, left, right)


def _size(operator: str, value: object) -> int:
    """Return how much longer the result grows with each step of the right operand."""
    if operator == "**":
        return value.bit_length() if isinstance(value, int) else 0
    return len(value) if isinstance(value, Sized) else 0


def lettered(choices: Iterable[object]) -> str:
    """Return choices one a line as `A. first`, `B. second`, and so on: the filter of that name."""
    letters = string.ascii_uppercase
    return "\n".join(f"{letter}. {choice}" for letter, choice in zip(letters, choices, strict=False))


def _plain_json(value: object, indent: int | None = None) -> str:
    """Return JSON without the escapes that HTML needs and a prompt must not have."""
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _environment() -> jinja2.Environment:
    # Prompts are plain text, escaping them would change what is asked.
    environment = _Environment(undefined=jinja2.StrictUndefined, autoescape=False, keep_trailing_newline=True)
    filters = cast("dict[str, Callable[..., str]]", environment.filters)  # pyright: ignore[reportUnknownMemberType]  untyped in Jinja
    filters["lettered"] = lettered
    filters["tojson"] = _plain_json
    return environment


_ENVIRONMENT = _environment()


def compile_template(source: str, where: str) -> Render:
    """Return a function from a row's fields to the text.

    Args:
        source: the template.
        where: benchmark and part of the prompt, for errors.

    Raises:
        TemplateError: now for a mistake in the syntax, later for a row that does not fit.
    """
    if not any(mark in source for mark in ("{{", "{%", "{#")):
        return lambda _fields: source
    try:
        template = _ENVIRONMENT.from_string(source)
    except jinja2.TemplateSyntaxError as error:
        raise TemplateError(
            f"the template cannot be read: {error.message}",
            where=f"{where} line {error.lineno}",
            hint="to send braces as they are, write {% raw %}{{ }}{% endraw %}",
        ) from error

    def render(fields: Mapping[str, Any]) -> str:
        try:
            return template.render(fields)
        except _FAILURES as error:
            raise _explained(error, where, fields) from error

    return render


def _explained(error: Exception, where: str, fields: Mapping[str, Any]) -> TemplateError:
    line = _line(error.__traceback__)
    place = f"{where} line {line}" if line else where
    found = _UNDEFINED.search(str(error)) if isinstance(error, jinja2.UndefinedError) else None
    if found is None:
        return TemplateError(f"the template cannot be rendered: {error}", where=place)
    name = found["name"] or found["attribute"]
    return TemplateError(
        f"the template asks for `{name}`, which the row does not have.{suggest(name, fields)}",
        where=place,
        hint=f"fields of the row: {', '.join(fields) or 'none'}",
    )


def _line(traceback: TracebackType | None) -> int:
    """Return the line inside the template: Jinja puts its own frames into the traceback."""
    line = 0
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == "<template>":
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return line
