"""NeMo's templates, rendered over a row: `{{item.x}}`, `{{x}}`, and where it is known the model's answer."""

import re
from collections.abc import Mapping
from typing import Any, cast

import msgspec

from bakeoff.errors import TemplateError
from bakeoff.server.nemo.shapes import invalid
from bakeoff.templates import compile_template

ANSWER = re.compile(r"\s*\{\{-?\s*(?:sample\s*\.\s*)?output_text(?P<filters>(?:\s*\|\s*\w+)*)\s*-?\}\}\s*")
"""A template that is the model's answer and nothing else, with filters."""
_SAID = re.compile(r"\b(?:sample\b|output_text\b)")
_LONGEST = 100_000
_MOST_BYTES = 400_000_000


def says_answer(source: str) -> bool:
    """Tell whether a template asks for the model's answer."""
    return any(_SAID.search(code) for code in re.findall(r"\{[{%].*?[%}]\}", source, re.DOTALL))


class Renderer:
    """Renders templates over rows, up to a total length."""

    def __init__(self) -> None:
        self._left = _MOST_BYTES

    def text(self, source: object, row: Mapping[str, Any], where: str, *, answer: str | None = None) -> str:
        """Return what a template says of a row.

        Raises:
            InvalidError: it cannot be read, or the row lacks what it asks for.
        """
        if not isinstance(source, str):
            raise invalid(where, "a template is a text")
        if len(source) > _LONGEST:
            raise invalid(where, f"the template has more than {_LONGEST:,} characters")
        try:
            made = compile_template(source, where)(_names(row, answer))
        except TemplateError as error:
            raise invalid(where, error.message + (f" ({error.hint})" if error.hint else "")) from error
        self._left -= len(made)
        if self._left < 0:
            raise invalid(where, "the templates make more text than one job may have")
        return made

    def value(self, source: object, row: Mapping[str, Any], where: str) -> Any:  # noqa: ANN401  JSON
        """Return JSON with all texts in it rendered; a lone text is rendered and read as JSON."""
        if isinstance(source, str):
            try:
                return msgspec.json.decode(self.text(source, row, where))
            except msgspec.DecodeError as error:
                raise invalid(where, f"the template does not make JSON: {error}") from error
        return self._filled(source, row, where)

    def _filled(self, source: object, row: Mapping[str, Any], where: str) -> Any:  # noqa: ANN401  JSON
        if isinstance(source, str):
            return self.text(source, row, where)
        if isinstance(source, list):
            return [self._filled(each, row, where) for each in cast("list[object]", source)]
        if isinstance(source, dict):
            members = cast("dict[str, object]", source)
            return {name: self._filled(each, row, where) for name, each in members.items()}
        return source


def _names(row: Mapping[str, Any], answer: str | None) -> dict[str, Any]:
    names = {**row, "item": row}
    if answer is not None:
        names |= {"sample": {"output_text": answer}, "output_text": answer}
    return names
