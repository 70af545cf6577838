"""What a user's script says of an answer, in the forms of promptfoo: what it is given, what it may return."""

import json
import math
import re
from typing import Any, cast

import msgspec

from bakeoff.records import Case, Grade, Part, Sample
from bakeoff.sandbox import Reply

_PLACE = re.compile(r"\{\{\s*([A-Za-z_]\w*(?:\.\w+)*)\s*\}\}")
_NUMBER = re.compile(r"\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_SNAKE = {"pass_": "pass", "named_scores": "namedScores", "named_score_weights": "namedScoreWeights"}
_SHOWN = 600


class _Wrong(Exception):  # noqa: N818  caught where it is raised from
    """The script returned nothing that could be read as a grade."""


def check(value: str, language: str, *, allowed: bool) -> None:
    """Refuse a script that nobody allowed, and one without code.

    Raises:
        ValueError: with the reason.
    """
    if not allowed:
        raise ValueError(f"`{language}` runs code: set `allow_code: true` where it is your own")
    if not value.strip():
        raise ValueError(f"`{language}` needs code, or `file://` and a path")


def filled(code: str, case: Case, language: str) -> str:
    """Return code with each `{{field}}` that the case has in its place.

    A text is escaped as inside quotes, so that no row of data becomes code by ending them.
    """
    return _PLACE.sub(lambda place: _in_code(place, case, language), code)


def _in_code(place: re.Match[str], case: Case, language: str) -> str:
    value: Any = case.fields
    for name in place[1].split("."):
        if not isinstance(value, dict) or name not in value:
            return place[0]
        value = cast("dict[str, Any]", value)[name]
    if not isinstance(value, str):
        return json.dumps(value)
    special = {"\n": "\\n", "\r": "\\r", "\0": "\\x00", "\u2028": "\\u2028", "\u2029": "\\u2029"}
    quotes = "\\'\"" + ("`$" if language == "javascript" else "")
    return "".join(f"\\{char}" if char in quotes else special.get(char, char) for char in value)


def context(case: Case, sample: Sample, config: dict[str, Any]) -> dict[str, Any]:
    """Return what a script is given beside the answer."""
    variables = {
        name: value for name, value in case.fields.items() if name != "assert" and not name.startswith("__")
    }
    usage = msgspec.to_builtins(sample.usage)
    metadata = case.fields.get("__metadata", {})
    response = {
        "output": sample.text,
        "finishReason": sample.finish_reason,
        "tokenUsage": usage,
        "toolCalls": sample.tool_calls,
        "reasoning": sample.thinking,
    }
    return {
        "vars": variables,
        "config": config,
        "reference": case.reference,
        "test": {"vars": variables, "metadata": metadata},
        "metadata": metadata,
        "providerResponse": response,
    }


def grade_of(reply: Reply, language: str, threshold: float | None) -> Grade:
    """Return the grade that a script's result stands for.

    A script that raised, was ended or gave no grade has failed itself: nothing is known of the answer then.
    """
    if reply.outcome == "error":
        return _failed(f"the {language} code failed: {reply.error}", parsed="")
    if reply.outcome != "ok":
        return _failed(f"the {language} code was ended: {reply.error}", parsed=None)
    try:
        return _judged(reply.value, language, threshold)
    except _Wrong as wrong:
        reason = _cut(f"the {language} code must return true or false, a number, or an object with `pass`, ")
        return _failed(f"{reason}`score` and `reason`; {wrong}", parsed="")


def _failed(reason: str, *, parsed: str | None) -> Grade:
    return Grade(value=None, passed=None, reason=_cut(reason), parsed=parsed, failed=True)


def as_failure(grade: Grade) -> Grade:
    """Return what promptfoo makes of a script that failed itself: an assertion that did not pass.

    One that raised has the score 0; one that was ended has none.
    """
    value = None if grade.parsed is None else 0.0
    return msgspec.structs.replace(grade, value=value, passed=False, failed=False)


def negated(grade: Grade) -> Grade:
    """Return the opposite of a script's grade: a yes or no turns, a score stays, and an error stays one."""
    if not grade.parsed or grade.passed is None:
        return grade
    passed = not grade.passed
    value = float(passed) if grade.parsed in {"true", "false"} else grade.value
    parts = [msgspec.structs.replace(p, passed=passed) if not p.metric else p for p in grade.parts]
    return msgspec.structs.replace(grade, passed=passed, value=value, parts=parts)


def _judged(result: Any, language: str, threshold: float | None) -> Grade:  # noqa: ANN401  any JSON
    if isinstance(result, str):
        result = _read_text(result)
    parsed = _cut(json.dumps(result))
    if isinstance(result, bool):
        reason = f"the {language} code returned {str(result).lower()}"
        return Grade(value=float(result), passed=result, reason=reason, parsed=parsed)
    if isinstance(result, int | float):
        passed = result > 0 if threshold is None else result >= threshold
        bound = "above 0" if threshold is None else f"{threshold:g} or more"
        reason = f"the {language} code returned {result:g}; it passes with {bound}"
        return _scored(_Result(passed, float(result), reason), {}, parsed)
    if isinstance(result, dict):
        found = {_SNAKE.get(key, key): value for key, value in cast("dict[str, Any]", result).items()}
        return _scored(_result_of(found, threshold), found, parsed)
    raise _Wrong(f"it returned {_cut(parsed, 80)}")


class _Result(msgspec.Struct, frozen=True):
    passed: bool
    score: float
    reason: str


def _result_of(found: dict[str, Any], threshold: float | None) -> _Result:
    passed, score, reason = found.get("pass"), found.get("score"), found.get("reason")
    if not isinstance(passed, bool):
        raise _Wrong("its `pass` is not true or false")
    if isinstance(score, bool) or not isinstance(score, int | float):
        raise _Wrong("its `score` is no number")
    if not isinstance(reason, str):
        raise _Wrong("its `reason` is no text")
    if threshold is not None and score < threshold:
        passed, reason = False, f"the score {score:g} is below {threshold:g}: {reason}"
    return _Result(passed, float(score), reason or f"the script gave {score:g} and no reason")


def _read_text(text: str) -> Any:  # noqa: ANN401  any JSON
    """Read a text as promptfoo does: a yes or no, an object, or the number at its start."""
    if text.strip().lower() in {"true", "false"}:
        return text.strip().lower() == "true"
    if text.startswith("{"):
        try:
            return msgspec.json.decode(text)
        except msgspec.DecodeError as error:
            raise _Wrong(f"it returned a text that is no JSON: {error}") from error
    number = _NUMBER.match(text)
    if number is None or not math.isfinite(float(number[0])):
        raise _Wrong(f"it returned the text {_cut(json.dumps(text), 80)}")
    return float(number[0])


def _scored(result: _Result, found: dict[str, Any], parsed: str) -> Grade:
    """Return a grade whose value is in its range; a part without a metric keeps the number itself."""
    value = min(max(result.score, 0.0), 1.0)
    reason = _cut(result.reason)
    parts = list(_named(found))
    if value != result.score:
        parts.insert(0, Part(scorer="score", value=result.score, passed=result.passed))
    return Grade(value=value, passed=result.passed, reason=reason, parsed=parsed, parts=parts)


def _named(found: dict[str, Any]) -> list[Part]:
    scores, weights = found.get("namedScores"), found.get("namedScoreWeights")
    if not isinstance(scores, dict):
        return []
    weigh: dict[str, Any] = cast("dict[str, Any]", weights) if isinstance(weights, dict) else {}
    parts: list[Part] = []
    for name, score in cast("dict[str, Any]", scores).items():
        weight = weigh.get(name, 1.0)
        if any(isinstance(each, bool) or not isinstance(each, int | float) for each in (score, weight)):
            raise _Wrong(f"its `namedScores` hold no number for `{name}`")
        part = Part(scorer="score", metric=name, value=float(score), passed=None, weight=max(weight, 0.0))
        parts.append(part)
    return parts


def _cut(text: str, most: int = _SHOWN) -> str:
    return text if len(text) <= most else f"{text[:most]}…"
