"""The answer calls tools that exist, with arguments that fit their schemas; or just the tools expected."""

from typing import Any

import msgspec

from bakeoff.records import Case, Grade, Sample
from bakeoff.records.units import Share
from bakeoff.scorers import _calls, _expected, _extra, _json, _ngrams, _schema


class ValidToolsCall(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pass an answer with at least one tool call, all of them of known tools with fitting arguments.

    Calls are those that the server reported, else those that the text spells as JSON. Arguments must be JSON
    text, as OpenAI sends them, and fit the JSON schema of the tool's `parameters`; a tool without
    `parameters` takes none. promptfoo: `is-valid-openai-tools-call`, but for results of MCP tools.

    Attributes:
        tools: the tools, in OpenAI's form; None for those in the case's field `tools`.
        metric: the metric that it feeds.
    """

    tools: list[dict[str, Any]] | None = None
    metric: str = "valid_tools_call"

    def __post_init__(self) -> None:
        _check(self.tools, "is-valid-openai-tools-call")

    def grade(self, answer: str, case: Case, sample: Sample) -> Grade:
        """Return pass or fail."""
        return _valid(self.tools, answer, case, sample, worded=True)


class ValidFunctionCall(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pass an answer with at least one function call, all of them of known functions with fitting arguments.

    As `is-valid-openai-tools-call`, but arguments may also be a JSON object, as other protocols than
    OpenAI's have them. promptfoo: `is-valid-function-call` (there the provider decides on the form) and
    `is-valid-openai-function-call`.

    Attributes:
        tools: the functions, in OpenAI's form; None for those in the case's field `tools`.
        metric: the metric that it feeds.
    """

    tools: list[dict[str, Any]] | None = None
    metric: str = "valid_function_call"

    def __post_init__(self) -> None:
        _check(self.tools, "is-valid-function-call")

    def grade(self, answer: str, case: Case, sample: Sample) -> Grade:
        """Return pass or fail."""
        return _valid(self.tools, answer, case, sample, worded=False)


class ToolCallF1(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Measure the F1 of the tools that were called and those expected; order and number do not count.

    Calls are those that the server reported, else those that the text spells as JSON, also in a sentence or
    a code fence. promptfoo: `tool-call-f1`, which looks for JSON at the beginning of lines only.

    Attributes:
        value: names of the tools, as a list or with commas between; None for the reference.
        threshold: passes from here on.
        metric: the metric that it feeds.
    """

    value: str | list[str] | None = None
    threshold: Share = 1.0
    metric: str = "tool_call_f1"

    def __post_init__(self) -> None:
        if self.value is not None and not self.value:
            raise ValueError("`value` names no tool")
        _expected.check_value(self.value)

    def grade(self, answer: str, case: Case, sample: Sample) -> Grade:
        """Return the F1, and whether it reaches the threshold."""
        expected = _expected.expected_items(self.value, case)
        wanted = {name.strip() for name in expected.texts}
        if not wanted:
            return _expected.ungradable(expected.missing)
        calls = _calls.called(answer, sample)
        given = {call.name for call in calls}
        shared = len(wanted & given)
        score = _ngrams.f_score(shared / len(given), shared / len(wanted)) if shared else 0.0
        passed = score >= self.threshold
        listed = _expected.listed(tuple(sorted(wanted)))
        reason = f"F1 {score:.3f} of the tools called ({_calls.names(calls)}) and expected ({listed})"
        return Grade(value=score, passed=passed, reason=reason, parsed=_calls.names(calls)[:200])


def _check(tools: list[dict[str, Any]] | None, scorer: str) -> None:
    _extra.require("jsonschema", scorer)
    if tools is not None:
        found = _calls.tools_of(tools, Case())
        if found.missing:
            raise ValueError(found.missing)


def _valid(
    tools: list[dict[str, Any]] | None, answer: str, case: Case, sample: Sample, *, worded: bool
) -> Grade:
    offered = _calls.tools_of(tools, case)
    if offered.missing:
        return _expected.ungradable(offered.missing)
    calls = _calls.called(answer, sample)
    if not calls:
        reason = f"there is no tool call in {_expected.shown(answer)}"
        return _expected.judged(passed=False, parsed=answer[:200], reason=reason)
    for call in calls:
        problem = _problem(call, offered, worded=worded)
        if problem:
            reason = f"the call of {_json.shown(call.name)}: {problem}"
            return _expected.judged(passed=False, parsed=_calls.names(calls)[:200], reason=reason)
    reason = f"every call fits its schema: {_calls.names(calls)}"
    return _expected.judged(passed=True, parsed=_calls.names(calls)[:200], reason=reason)


def _problem(call: _calls.ToolCall, offered: _calls.Tools, *, worded: bool) -> str:
    if call.problem:
        return call.problem
    if worded and not call.worded:
        return "the arguments are not given as JSON text"
    schema = offered.schemas.get(call.name)
    if schema is None:
        return "there is no tool of this name"
    refused = _schema.refusal(call.arguments, schema)
    return "" if refused is None else refused.reason
