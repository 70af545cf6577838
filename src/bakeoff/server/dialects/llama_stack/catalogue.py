"""Scoring functions: those that every service has, and those that users register."""

from typing import Any

import msgspec

from bakeoff.server.access import Principal
from bakeoff.server.dialects.llama_stack.bodies import NewFunction, Params
from bakeoff.server.dialects.llama_stack.patterns import CHOICE, MATHS
from bakeoff.server.dialects.llama_stack.shapes import ScoringFunction
from bakeoff.server.faults import ConflictError, MissingError, RefusedError
from bakeoff.server.service import Service
from bakeoff.server.store.objects import Thing

FUNCTION = "llama_stack.scoring_function"
BASIC, JUDGE, BRAINTRUST = "basic", "llm-as-judge", "braintrust"
SIMPLE_QA_MODEL = "meta-llama/Llama-3.1-405B-Instruct"
_PROVIDERS = (BASIC, JUDGE)
_OF_TYPE = {"basic": BASIC, "regex_parser": BASIC, "llm_as_judge": JUDGE}


class Function(msgspec.Struct, frozen=True, kw_only=True):
    """A scoring function.

    Attributes:
        rule: what it computes: the part after `::` of one that every service has.
        params: its own; those of a call go over them, for that call alone.
    """

    identifier: str
    description: str
    provider_id: str
    provider_resource_id: str
    rule: str
    params: dict[str, Any]
    return_type: dict[str, Any]
    metadata: dict[str, Any] = {}

    def shown(self) -> ScoringFunction:
        """Return it as clients see it."""
        fields = {name: value for name, value in msgspec.to_builtins(self).items() if name != "rule"}
        return ScoringFunction(**fields)


def _own(rule: str, text: str, params: dict[str, Any], provider: str = BASIC) -> Function:
    return Function(
        identifier=f"{provider}::{rule}",
        description=text,
        provider_id=provider,
        provider_resource_id=rule.replace("_", "-"),
        rule=rule,
        params=params,
        return_type={"type": "number"},
    )


def _basic(*aggregations: str) -> dict[str, Any]:
    return {"type": "basic", "aggregation_functions": list(aggregations)}


def _parser(patterns: list[str]) -> dict[str, Any]:
    return {"type": "regex_parser", "parsing_regexes": patterns, "aggregation_functions": ["accuracy"]}


_JUDGE: dict[str, Any] = {
    "type": "llm_as_judge",
    "judge_model": SIMPLE_QA_MODEL,
    "prompt_template": None,
    "judge_score_regexes": [],
    "aggregation_functions": [],
}
BUILT_IN = {
    each.identifier: each
    for each in (
        _own("docvqa", "1 where the normalised answer is one of those expected, else 0.", _basic("accuracy")),
        _own("equality", "1 where the answer is the expected one, else 0.", _basic("accuracy")),
        _own("ifeval", "The share of the row's instructions that are followed.", _basic("weighted_average")),
        _own("regex_parser_math_response", "1 where the final answer is the expected one.", _parser(MATHS)),
        _own(
            "regex_parser_multiple_choice_answer", "1 where the letter is the expected one.", _parser(CHOICE)
        ),
        _own("subset_of", "1 where the answer contains the expected one, else 0.", _basic("accuracy")),
        _own("base", "What a model says of the answer, by a prompt of your own.", _JUDGE, JUDGE),
        _own(
            "405b-simpleqa",
            "A model grades the answer: A right, B wrong, C not attempted.",
            _JUDGE | {"aggregation_functions": ["categorical_count"]},
            JUDGE,
        ),
    )
}  # fmt: skip


def functions_of(service: Service, caller: Principal) -> list[Function]:
    """Return all functions, those of the service first."""
    stored = service.objects.all(FUNCTION, project=caller.project)
    return [*BUILT_IN.values(), *(_stored(thing) for thing in stored)]


def find_function(service: Service, name: str, caller: Principal) -> Function | None:
    """Return a function, None where there is none."""
    if name in BUILT_IN:
        return BUILT_IN[name]
    thing = service.objects.find(FUNCTION, name, project=caller.project)
    return None if thing is None else _stored(thing)


def get_function(service: Service, name: str, caller: Principal) -> Function:
    """Return a function.

    Raises:
        MissingError: there is none.
    """
    if (found := find_function(service, name, caller)) is None:
        raise MissingError("scoring function", name)
    return found


def new_function(given: NewFunction) -> Function:
    """Return the function that a user describes.

    Raises:
        RefusedError: what it would compute is not known here.
    """
    params = {} if given.params is None else given.params.model_dump(exclude_none=True)
    kind = kind_of(given.params)
    provider = given.provider_id or _OF_TYPE.get(kind or "")
    if provider is None:
        raise RefusedError(
            "No provider specified and multiple providers available. Please specify a provider_id.",
            hint=f"one of {', '.join(_PROVIDERS)}",
        )
    if provider not in _PROVIDERS:
        raise RefusedError(f"Provider `{provider}` not found", hint=f"one of {', '.join(_PROVIDERS)}")
    if kind is not None and _OF_TYPE[kind] != provider:
        raise RefusedError(f"params of the type `{kind}` do not go with the provider `{provider}`")
    rule = _rule(given, kind, provider)
    own = BUILT_IN[f"{provider}::{rule}"].params if f"{provider}::{rule}" in BUILT_IN else {}
    return Function(
        identifier=given.scoring_fn_id,
        description=given.description,
        provider_id=provider,
        provider_resource_id=given.provider_scoring_fn_id or given.scoring_fn_id,
        rule=rule,
        params=own | params | {"type": kind or own.get("type")},
        return_type=given.return_type,
        metadata=given.metadata or {},
    )


def keep_function(service: Service, function: Function, caller: Principal) -> None:
    """Store a user's function.

    Raises:
        ConflictError: the service itself has one of that name.
    """
    if function.identifier in BUILT_IN:
        raise ConflictError(f"Scoring function '{function.identifier}' is one of the service's own")
    body = msgspec.to_builtins(function)
    service.objects.put(FUNCTION, function.identifier, body, project=caller.project, owner=caller.name)


def kind_of(params: Params | None) -> str | None:
    """Return the type of parameters, told by their keys where it is not said; None where it cannot be."""
    if params is None:
        return None
    if params.type is not None:
        return params.type
    if params.judge_model or params.prompt_template or params.judge_score_regexes:
        return "llm_as_judge"
    return "regex_parser" if params.parsing_regexes else None


def _rule(given: NewFunction, kind: str | None, provider: str) -> str:
    """Return what a user's function computes, by its type or the function of the service that it names."""
    if provider == JUDGE:
        return "base"
    named = (given.provider_scoring_fn_id or given.scoring_fn_id).rpartition("::")[2].replace("-", "_")
    if f"{BASIC}::{named}" in BUILT_IN:
        return named
    if kind == "regex_parser":
        return "regex_parser_multiple_choice_answer"
    known = ", ".join(each.provider_resource_id for each in BUILT_IN.values() if each.provider_id == BASIC)
    raise RefusedError(
        f"the function `{given.provider_scoring_fn_id or given.scoring_fn_id}` is not known to `{BASIC}`",
        hint=f"name one as `provider_scoring_fn_id`: {known}",
    )


def _stored(thing: Thing) -> Function:
    return msgspec.convert(thing.body, Function)
