"""Jinja templates in a sandbox, with errors that say where and what to do. It knows no prompt and no judge.

A template is code that a user gave us; a row is data and is never read as a template.
"""

import json
import re
import string
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, cast

import jinja2
from jinja2 import nodes
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from bakeoff.errors import TemplateError
from bakeoff.plugins import suggest
from bakeoff.templates import bounds

Render = Callable[[Mapping[str, Any]], str]

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
    """The sandbox, and no rendering that does not end or that fills the memory."""

    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:  # noqa: ANN401  any two values
        """Compute `left operator right` unless the result would be huge."""
        bounds.check_binop(operator, left, right)
        return super().call_binop(context, operator, left, right)

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401,N805  any call; names cannot clash with its own
        """Call what the template calls, unless that is too much work."""
        # Of a method what it is called on is given too; the sandbox wraps those that fill in a format.
        owner: object = getattr(getattr(__obj, "__wrapped__", __obj), "__self__", None)
        owned = [owner] if bounds.size(owner) else []
        bounds.check_call(getattr(__obj, "__name__", ""), [*owned, *args], kwargs)
        made = super().call(__context, __obj, *args, **kwargs)
        bounds.charge(bounds.size(made))
        return made

    def concat(self, values: Iterable[str]) -> str:  # pyright: ignore[reportIncompatibleMethodOverride]  a static one there
        """Join the pieces of a text."""
        return bounds.joined(values)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        return cast("nodes.Template", bounds.Counting().visit(super()._parse(source, name, filename)))


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
    filters = cast("dict[str, Callable[..., Any]]", environment.filters)  # pyright: ignore[reportUnknownMemberType]  untyped in Jinja
    filters["lettered"] = lettered
    filters["tojson"] = _plain_json
    for known in (filters, cast("dict[str, Callable[..., Any]]", environment.tests)):  # pyright: ignore[reportUnknownMemberType]  as above
        known |= {name: bounds.counted(name, function) for name, function in known.items()}
    filters |= {bounds.STEPS: bounds.steps, bounds.SEEN: bounds.seen, bounds.JOINED: bounds.joined}
    # Text at random is no prompt that could be asked again.
    del cast("dict[str, Any]", environment.globals)["lipsum"]  # pyright: ignore[reportUnknownMemberType]  as above
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
            return bounds.bounded(lambda: template.render(fields))
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
