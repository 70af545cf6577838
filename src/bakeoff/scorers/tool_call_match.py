"""The answer makes just the tool calls expected, each argument one of the values accepted (BFCL's form)."""

import re
from collections.abc import Sequence
from typing import Annotated, Any, cast

import msgspec

from bakeoff.records import Case, Grade, Sample
from bakeoff.scorers import _calls, _expected, _json

_IGNORED = re.compile(r"[ ,./\-_*^]")
_MOST = 32


class _Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """One expected call: for each argument the values accepted, `exact` ones or with alternatives inside."""

    name: str
    arguments: dict[str, list[Any]]
    exact: bool = False


class ToolCallMatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pass an answer that makes just the expected tool calls, in any order unless `ordered`.

    Calls are those that the server reported, else those that the text spells as JSON. The expected ones are
    a list of `{TOOL: {ARGUMENT: [values that count]}}`, the form of the Berkeley function-calling
    leaderboard's possible answers (an empty text among the values makes the argument optional), or of
    `{name: TOOL, arguments: {ARGUMENT: value}}`. An argument that is not expected fails the call.
    Texts are compared without case, blanks and `, . / - _ * ^`, as there; 5 and 5.0 are equal, "5" and 5
    are not.

    Attributes:
        value: the expected calls; None for the reference. An empty list expects none.
        ordered: the calls must come in the expected order.
        exact_text: compare texts character for character.
        metric: the metric that it feeds.
    """

    value: list[dict[str, Any]] | None = None
    ordered: bool = False
    exact_text: bool = False
    metric: Annotated[str, msgspec.Meta(min_length=1)] = "tool_call_match"

    def __post_init__(self) -> None:
        if self.value is not None:
            _wanted(self.value)

    def grade(self, answer: str, case: Case, sample: Sample) -> Grade:
        """Return pass or fail."""
        given: Any = case.reference if self.value is None else self.value
        try:
            wanted = _wanted(_json.parse(given) if isinstance(given, str) else given)
        except ValueError as error:
            return _expected.ungradable(f"the expected calls cannot be read: {error}")
        calls = _calls.called(answer, sample)
        problem = self._problem(calls, wanted)
        reason = problem or f"the calls are those expected: {_calls.names(calls)}"
        return _expected.judged(passed=not problem, parsed=_calls.names(calls)[:200], reason=reason)

    def _problem(self, calls: Sequence[_calls.ToolCall], wanted: Sequence[_Wanted]) -> str:
        if len(calls) != len(wanted):
            return f"{len(calls)} calls ({_calls.names(list(calls))}), expected {len(wanted)}"
        fits = [[self._difference(call, each) == "" for call in calls] for each in wanted]
        if self.ordered:
            odd = next((at for at, row in enumerate(fits) if not row[at]), None)
        else:
            odd = _unmatched(fits)
        if odd is None:
            return ""
        alike = [call for call in calls if call.name == wanted[odd].name] or calls
        one = calls[odd] if self.ordered else alike[0]
        return f"no call is {wanted[odd].name}(…) as expected: {self._difference(one, wanted[odd])}"

    def _difference(self, call: _calls.ToolCall, wanted: _Wanted) -> str:
        """Return how a call differs from an expected one, or an empty text."""
        if call.name != wanted.name:
            return f"{_json.shown(call.name)} was called"
        if call.problem:
            return call.problem
        for name in call.arguments:
            if name not in wanted.arguments:
                return f"the argument {_json.shown(name)} is not expected"
        for name, accepted in wanted.arguments.items():
            if name not in call.arguments:
                if "" in accepted:
                    continue
                return f"the argument `{name}` is missing"
            if not any(self._same(call.arguments[name], each, exact=wanted.exact) for each in accepted):
                return f"`{name}` is {_json.shown(call.arguments[name])}, not {_json.shown(accepted)}"
        return ""

    def _same(self, given: Any, wanted: Any, *, exact: bool) -> bool:  # noqa: ANN401  any JSON value
        if isinstance(given, str) and isinstance(wanted, str):
            return given == wanted if self.exact_text else _plain(given) == _plain(wanted)
        if isinstance(given, list) and isinstance(wanted, list):
            pairs = list(zip(cast("list[object]", given), cast("list[object]", wanted), strict=False))
            same_length = len(cast("list[object]", given)) == len(cast("list[object]", wanted))
            return same_length and all(self._same(one, other, exact=exact) for one, other in pairs)
        if isinstance(given, dict) and isinstance(wanted, dict):
            one, other = cast("dict[str, object]", given), cast("dict[str, object]", wanted)
            return self._same_fields(one, other) if exact else self._accepted_fields(one, other)
        return _json.same(cast("object", given), cast("object", wanted))

    def _same_fields(self, given: dict[str, object], wanted: dict[str, object]) -> bool:
        return given.keys() == wanted.keys() and all(
            self._same(given[name], value, exact=True) for name, value in wanted.items()
        )

    def _accepted_fields(self, given: dict[str, object], wanted: dict[str, object]) -> bool:
        """Compare mappings in BFCL's form: each value of the expected one is a list of those accepted."""
        if not given.keys() <= wanted.keys():
            return False
        for name, value in wanted.items():
            accepted = cast("list[object]", value) if isinstance(value, list) else [value]
            if name not in given:
                if isinstance(value, list) and "" in accepted:
                    continue
                return False
            # Some of its answers give the value itself, a list, in place of the list of values.
            forms = [*accepted, accepted] if isinstance(value, list) else accepted
            if not any(self._same(given[name], each, exact=False) for each in forms):
                return False
        return True


def _plain(text: str) -> str:
    return _IGNORED.sub("", text).lower().replace("'", '"')


def _wanted(value: object) -> list[_Wanted]:
    """Read the expected calls.

    Raises:
        ValueError: they have neither form.
    """
    items = cast("list[object]", value) if isinstance(value, list) else [value]
    if len(items) > _MOST:
        raise ValueError(f"{len(items)} calls are more than {_MOST}")
    return [_one(item) for item in items]


def _one(item: Any) -> _Wanted:  # noqa: ANN401  from a user's file
    fields = cast("dict[str, Any]", item) if isinstance(item, dict) else {}
    if isinstance(fields.get("function"), dict):
        fields = cast("dict[str, Any]", fields["function"])
    if isinstance(fields.get("name"), str) and set(fields) <= {"name", "arguments"}:
        given: Any = fields.get("arguments", {})
        given = _json.parse(given) if isinstance(given, str) else given
        if isinstance(given, dict):
            exact = {name: [value] for name, value in cast("dict[str, Any]", given).items()}
            return _Wanted(name=fields["name"], arguments=exact, exact=True)
    if len(fields) == 1:
        name, arguments = next(iter(fields.items()))
        if isinstance(arguments, dict) and all(
            isinstance(each, list) for each in cast("dict[str, Any]", arguments).values()
        ):
            return _Wanted(name=name, arguments=cast("dict[str, list[Any]]", arguments))
    raise ValueError(
        f"{_json.shown(cast('object', item))} is no call such as {{name: {{argument: [values]}}}}"
    )


def _unmatched(fits: list[list[bool]]) -> int | None:
    """Return an expected call that no call is left for when all are matched as well as can be, or None."""
    taken: dict[int, int] = {}

    def place(want: int, seen: set[int]) -> bool:
        for call, fit in enumerate(fits[want]):
            if fit and call not in seen:
                seen.add(call)
                if call not in taken or place(taken[call], seen):
                    taken[call] = want
                    return True
        return False

    return next((want for want in range(len(fits)) if not place(want, set())), None)
