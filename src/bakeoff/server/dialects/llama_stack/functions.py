"""Scoring functions of a call as scorers of a spec, and the scores of those scorers as Llama Stack's."""

import re
from collections.abc import Mapping, Sequence
from string import Formatter
from typing import Any, Literal, cast

import msgspec

from bakeoff.records import Score
from bakeoff.server.access import Principal
from bakeoff.server.dialects.llama_stack.aggregates import aggregated
from bakeoff.server.dialects.llama_stack.bodies import Params
from bakeoff.server.dialects.llama_stack.catalogue import (
    BRAINTRUST,
    Function,
    find_function,
    kind_of,
)
from bakeoff.server.dialects.llama_stack.judges import judge_model
from bakeoff.server.dialects.llama_stack.patterns import CHOICE, MATHS, SIMPLE_QA
from bakeoff.server.dialects.llama_stack.rows import ANSWER, ASKED, EXPECTED
from bakeoff.server.dialects.llama_stack.shapes import ScoringResult
from bakeoff.server.faults import RefusedError
from bakeoff.server.service import Service
from bakeoff.server.specs.wholes import whole
from bakeoff.spec.foreign import slug

_EXPECTED = "{{expected_answer}}"
_RULES: dict[str, dict[str, Any]] = {
    "equality": {"type": "equals", "value": _EXPECTED},
    "subset_of": {"type": "contains-all", "value": [_EXPECTED]},
    "docvqa": {"type": "em"},
    "ifeval": {"type": "ifeval", "level": "instruction"},
}
_INSTRUCTIONS = ("instruction_id_list", "kwargs")
_PLACES = {ASKED: ASKED, EXPECTED: EXPECTED, ANSWER: "output", "context": "context"}
_CHOICES = re.compile(r"\(((?:[A-Za-z][\w -]*)(?:\|[A-Za-z][\w -]*)+)\)|\(\[([A-Z])-([A-Z])\]\)")
_LITERAL = re.compile(r"[{$]")
"""What would begin a place of Jinja's, or a variable of a spec."""
_OURS = frozenset({*CHOICE, *MATHS})
_ABC = {"A": 1.0, "B": 0.0, "C": 0.0}


class Used(msgspec.Struct, frozen=True, kw_only=True):
    """A scoring function in one job or call.

    Attributes:
        metric: of its scorer.
        aggregations: of its scores.
        shows: the score is its scorer's value, or its judge's verdict; `rule` gives 0 to an empty answer, and
            `number` is a word where the judge says none.
        weighs: a row weighs as much as it has instructions.
    """

    function: str
    metric: str
    aggregations: list[str] = []
    shows: Literal["rule", "number", "label"] = "rule"
    weighs: bool = False


class Graded(msgspec.Struct, frozen=True, kw_only=True):
    """A function with its scorer, and the columns that rows must have for it."""

    used: Used
    scorer: dict[str, Any]
    needs: tuple[str, ...]


def graded(service: Service, asked: Mapping[str, Params | None], caller: Principal) -> list[Graded]:
    """Return the functions that a call asks for.

    Args:
        service: has those that users registered, and the judges.
        asked: parameters of this call alone, by function.
        caller: whose functions and models.

    Raises:
        RefusedError: there is no such function, or it lacks something.
        MissingError: a judge is not registered.
    """
    return [_graded(service, name, params, at, caller) for at, (name, params) in enumerate(asked.items())]


def score_rows(
    used: Used, scores: Sequence[Score | None], fields: Sequence[Mapping[str, Any]]
) -> ScoringResult:
    """Return one score for each row in their order, and the aggregates.

    Args:
        used: the function.
        scores: of its scorer by row; None where there is none.
        fields: of the rows, which may hold weights.
    """
    rows = [_score_row(used, score, row) for score, row in zip(scores, fields, strict=True)]
    return ScoringResult(score_rows=rows, aggregated_results=aggregated(rows, used.aggregations))


def _score_row(used: Used, score: Score | None, fields: Mapping[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {"score": None if score is None else _value(used, score)}
    if used.weighs:
        row["weight"] = float(len(cast("list[object]", fields.get(_INSTRUCTIONS[0], []))))
    if score is not None and used.shows != "rule":
        row["judge_feedback"] = score.judgements[-1].text if score.judgements else score.reason
    if score is not None and row["score"] is None:
        row |= {"outcome": score.outcome, "reason": score.reason}
    return row


def _value(used: Used, score: Score) -> float | str | None:
    if used.shows == "label" or (used.shows == "number" and score.value is None):
        # What a judge says need not be a number: then it is a category.
        return (score.judgements[-1].verdict or None) if score.judgements else None
    if score.value is not None:
        return score.value
    # An answer out of which nothing can be taken is a wrong one, as it is there; so is an empty one.
    return 0.0 if score.passed is False or score.outcome == "empty" else None


def _graded(service: Service, name: str, given: Params | None, at: int, caller: Principal) -> Graded:
    function = find_function(service, name, caller)
    if function is None and name.partition("::")[0] == BRAINTRUST:
        raise RefusedError(
            f"`{name}` is not offered: its grading is another company's service",
            hint="describe what you want to a judge with `llm-as-judge::base`",
        )
    if function is None:
        raise RefusedError(
            f"Scoring function `{name}` not served by any provider",
            hint="GET /v1/scoring-functions lists those that are",
        )
    params = _params(function, given)
    shows: Literal["rule", "number", "label"] = "rule"
    needs: tuple[str, ...] = _INSTRUCTIONS if function.rule == "ifeval" else (EXPECTED,)
    if params["type"] == "llm_as_judge":
        scorer, needs = _judge(service, function, params, caller)
        shows = "label" if scorer["mode"] == "label" else "number"
    else:
        scorer = _rule(function, params)
    metric = f"{slug(name, 'function')}-{at}"
    used = Used(
        function=name,
        metric=metric,
        aggregations=params["aggregation_functions"],
        shows=shows,
        weighs=function.rule == "ifeval",
    )
    return Graded(used=used, scorer=scorer | {"metric": metric}, needs=needs)


def _params(function: Function, given: Params | None) -> dict[str, Any]:
    """Return the parameters of a call over those of the function, which stay as they are."""
    kind = kind_of(given)
    own: dict[str, Any] = {"aggregation_functions": list[str](), **function.params}
    if kind is not None and kind != own["type"]:
        raise RefusedError(f"`{function.identifier}` has params of the type `{own['type']}`, not `{kind}`")
    asked = {} if given is None else given.model_dump(exclude_none=True, exclude={"type"})
    known = {"basic": set[str](), "regex_parser": {"parsing_regexes"}}.get(
        own["type"], {"judge_model", "prompt_template", "judge_score_regexes"}
    )
    for key in asked:
        if key not in known | {"aggregation_functions"} and asked[key]:
            raise RefusedError(f"`{function.identifier}` has no parameter `{key}`")
    # Clients send empty lists for what was not said.
    return own | {key: value for key, value in asked.items() if value}


def _rule(function: Function, params: dict[str, Any]) -> dict[str, Any]:
    if function.rule in _RULES:
        return dict(_RULES[function.rule])
    patterns = _patterns(params.get("parsing_regexes"))
    if not patterns:
        raise RefusedError(f"`{function.identifier}` needs `parsing_regexes`")
    if function.rule != "regex_parser_math_response":
        return {"type": "extracted", "patterns": patterns, "letters": True, "value": _EXPECTED}
    if len(patterns) != 1:
        raise RefusedError(f"`{function.identifier}` takes one of `parsing_regexes`")
    return {"type": "maths", "pattern": patterns[0], "value": _EXPECTED}


def _patterns(given: list[str] | None) -> list[str]:
    """Return patterns that take whole words and numbers, and do not look as if they held a variable."""
    taken = [pattern if pattern in _OURS else whole(pattern) for pattern in given or ()]
    return [pattern.replace("${", "$[{]") for pattern in taken]


def _judge(
    service: Service, function: Function, params: dict[str, Any], caller: Principal
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the scorer of a judge, and the columns that its prompt shows."""
    made = judge_model(service, params.get("judge_model"), caller)
    text: str | None = params.get("prompt_template")
    patterns = _patterns(params.get("judge_score_regexes"))
    if text is None and function.rule == "405b-simpleqa":
        made |= {"template": SIMPLE_QA}
        needs: tuple[str, ...] = (ASKED, EXPECTED)
    elif text is None:
        raise RefusedError(f"`{function.identifier}` needs a `prompt_template`")
    else:
        made["template"], needs = _template(text)
        made["delimit"] = False
    if not patterns and function.rule == "405b-simpleqa":
        return made | {"mode": "label", "labels": _ABC}, needs
    if not patterns:
        raise RefusedError(f"`{function.identifier}` needs `judge_score_regexes`")
    return made | _verdict(patterns, params["judge_score_regexes"]), needs


def _verdict(patterns: list[str], given: list[str]) -> dict[str, Any]:
    """Return how a judge's words are read: as one of the words that all patterns list, else as a number.

    Args:
        patterns: that take whole words and numbers.
        given: the same as the caller wrote them.
    """
    groups = [_CHOICES.search(pattern) for pattern in given]
    if not all(groups):
        return {"mode": "score", "score_regexes": patterns}
    labels: dict[str, float] = {}
    for group in filter(None, groups):
        words = group[1].split("|") if group[1] else _between(group[2], group[3])
        for word in words:
            labels.setdefault(word.strip(), 0.0 if labels else 1.0)
    return {"mode": "label", "labels": labels, "score_regexes": patterns}


def _between(first: str, last: str) -> list[str]:
    return [chr(code) for code in range(ord(first), ord(last) + 1)]


def _template(text: str) -> tuple[str, tuple[str, ...]]:
    """Return Python's `{name}` template as a Jinja one, and the columns that it shows.

    Raises:
        RefusedError: it has a place that nothing fills.
    """
    parts: list[str] = []
    shown: dict[str, None] = {}
    try:
        pieces = list(Formatter().parse(text))
    except ValueError as error:
        raise RefusedError(
            f"prompt_template: {error}", hint="a brace that is meant is written twice: {{ or }}"
        ) from error
    for literal, name, form, conversion in pieces:
        parts.append(_LITERAL.sub(lambda found: f"{{{{ '{found[0]}' }}}}", literal))
        if name is None:
            continue
        if name not in _PLACES or form or conversion:
            raise RefusedError(
                f"prompt_template: nothing fills `{{{name}}}`",
                hint=f"known are {', '.join(_PLACES)}; a brace that is meant is written twice",
            )
        parts.append(f"{{{{ {_PLACES[name]} }}}}")
        shown[name] = None
    return "".join(parts), tuple(shown)
