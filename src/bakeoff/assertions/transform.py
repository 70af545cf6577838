"""What is done to an answer before it is graded: promptfoo's `transform`.

Simple JavaScript expressions are worked out here; functions and other expressions run in their own process.
"""

import re
from collections.abc import Callable
from typing import Any, cast

import msgspec

from bakeoff.records import Case
from bakeoff.sandbox import FILE, Limits, Script, call, script

_SPACES = [
    *range(9, 14),
    32,
    0xA0,
    0x1680,
    *range(0x2000, 0x200B),
    0x2028,
    0x2029,
    0x202F,
    0x205F,
    0x3000,
    0xFEFF,
]
_SPACE = "".join(map(chr, _SPACES))
_START = re.compile(r"\s*(?:return\s+)?(?:(JSON\.parse)\(\s*output\s*\)|output)\s*")
_STEP = re.compile(
    r"(?:\.(?P<method>trim|trimStart|trimEnd|toLowerCase|toUpperCase)\(\)"
    r"|(?P<maybe>\?)?\.(?P<key>[A-Za-z_$][\w$]*)(?![\w$]|\s*\()"
    r"|\[(?:(?P<index>\d+)|'(?P<single>[^'\\]*)'|\"(?P<double>[^\"\\]*)\")\])\s*"
)
_UNDEFINED = object()


class Step(msgspec.Struct, frozen=True):
    """A call of a text's method, or a look into an object; `optional` is `?.`."""

    method: str = ""
    key: str | int = ""
    optional: bool = False


class TransformError(Exception):
    """The answer cannot be transformed; caught where the transform is applied."""


class Transform(msgspec.Struct, frozen=True, kw_only=True):
    """One transform: steps that are worked out here, or a script."""

    text: str
    parse: bool = False
    steps: tuple[Step, ...] = ()
    script: Script | None = None

    async def apply(self, answer: str, case: Case) -> object:
        """Return what becomes of an answer.

        Raises:
            TransformError: with the reason.
        """
        if self.script is not None:
            return await self._called(self.script, answer, case)
        value: Any = _parsed(answer) if self.parse else answer
        for step in self.steps:
            value = _stepped(value, step)
        if value is None or value is _UNDEFINED:
            raise TransformError("it gave nothing")
        return value

    async def _called(self, wanted: Script, answer: str, case: Case) -> object:
        variables = {name: value for name, value in case.fields.items() if name != "assert"}
        context = {"vars": variables, "prompt": {}, "metadata": case.fields.get("__metadata", {})}
        reply = await call(wanted, answer, context, Limits())
        if reply.outcome != "ok":
            raise TransformError(reply.error)
        if reply.value is None:
            raise TransformError("it gave nothing")
        return cast("object", reply.value)


def read_transform(text: str, base: str, *, allow_code: bool) -> Transform:
    """Return the transform that a text stands for.

    Raises:
        ValueError: it is code that nobody allowed, or a file of an unknown kind.
    """
    simple = _simple(text)
    if simple is not None:
        return simple
    if not allow_code:
        raise ValueError(f"the transform `{text}` runs code: set `allow_code: true` where it is your own")
    wanted = script(text, base, "javascript", "get_transform")
    if text.startswith(FILE) and not re.search(r"\.(?:py|[cm]?js)(?::\w+)?$", text.strip()):
        raise ValueError(f"the transform `{text}` is no `.py`, `.js`, `.cjs` or `.mjs` file")
    return Transform(text=text, script=wanted)


def _simple(text: str) -> Transform | None:
    """Return a chain of known steps, or None for any other expression."""
    bare = text.strip().rstrip(";")
    start = _START.match(bare)
    if start is None:
        return None
    at, steps = start.end(), list[Step]()
    while at < len(bare):
        found = _STEP.match(bare, at)
        if found is None:
            return None
        steps.append(_step(found))
        at = found.end()
    return Transform(text=text, parse=start[1] is not None, steps=tuple(steps))


def _step(found: re.Match[str]) -> Step:
    if found["method"]:
        return Step(method=found["method"])
    if found["index"]:
        return Step(key=int(found["index"]))
    key = next(found[name] for name in ("key", "single", "double") if found[name] is not None)
    return Step(key=key, optional=found["maybe"] is not None)


def _parsed(answer: str) -> Any:  # noqa: ANN401  any JSON
    try:
        return msgspec.json.decode(answer)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise TransformError(f"the answer is no JSON: {error}") from error


def _stepped(value: Any, step: Step) -> Any:  # noqa: ANN401  any JSON
    if value is None or value is _UNDEFINED:
        if step.optional:
            return _UNDEFINED
        raise TransformError(f"there is no `{step.key or step.method}` in nothing")
    if step.method:
        if not isinstance(value, str):
            raise TransformError(f"`{step.method}` is for text only")
        return _METHODS[step.method](value)
    if isinstance(value, dict):
        return cast("dict[str, Any]", value).get(str(step.key), _UNDEFINED)
    if not isinstance(value, list | str):
        return _UNDEFINED
    row = cast("list[object] | str", value)
    if step.key == "length":
        return len(row.encode("utf-16-le", "surrogatepass")) // 2 if isinstance(row, str) else len(row)
    return row[step.key] if isinstance(step.key, int) and step.key < len(row) else _UNDEFINED


def _trim(text: str) -> str:
    return text.strip(_SPACE)


def _trim_start(text: str) -> str:
    return text.lstrip(_SPACE)


def _trim_end(text: str) -> str:
    return text.rstrip(_SPACE)


_METHODS: dict[str, Callable[[str], str]] = {
    "trim": _trim,
    "trimStart": _trim_start,
    "trimEnd": _trim_end,
    "toLowerCase": str.lower,
    "toUpperCase": str.upper,
}
