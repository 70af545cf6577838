"""The candidate of an evaluation: a model and sampling parameters, each forwarded or refused by name."""

from typing import Annotated, Any, cast

import msgspec
from msgspec import Meta

from bakeoff.server.dialects.llama_stack.bodies import Candidate
from bakeoff.server.faults import RefusedError

_CANDIDATE = frozenset({"model", "sampling_params", "system_message"})
_STRATEGIES = {
    "greedy": frozenset({"type"}),
    "top_p": frozenset({"type", "temperature", "top_p"}),
    "top_k": frozenset({"type", "top_k"}),
}
_FLAT = ("temperature", "top_p", "top_k")
_PARAMS = frozenset({"strategy", "max_tokens", "repetition_penalty", "stop", *_FLAT})
_DEFAULT_TOP_P = 0.95

_Number = Annotated[float, Meta(ge=0, le=1e6)]
_Share = Annotated[float, Meta(ge=0, le=1)]
_Whole = Annotated[int, Meta(ge=0, le=2**31 - 1)]


class _Sampling(msgspec.Struct, frozen=True, kw_only=True):
    """The values of sampling parameters, those of the strategy among them."""

    temperature: _Number | None = None
    top_p: _Share | None = None
    top_k: _Whole | None = None
    max_tokens: _Whole | None = None
    repetition_penalty: _Number | None = None
    stop: Annotated[list[str], Meta(max_length=4)] | str | None = None


class _System(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    content: str
    role: str = "system"


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate.

    Attributes:
        params: what goes with every request; None leaves a parameter to the server.
        said: those of them that the candidate itself names.
        max_tokens: longest answer, None where it was not said.
    """

    model: str
    params: dict[str, Any]
    said: dict[str, Any] = {}
    max_tokens: int | None = None
    system: str | None = None


def read_candidate(given: Candidate) -> Asked:
    """Return what a candidate asks for.

    Raises:
        RefusedError: it is no model, or has a key that cannot be honoured.
    """
    if given.type != "model":
        raise RefusedError(
            f"eval_candidate: the type `{given.type}` is not offered",
            hint="evaluate a candidate of `type: model`",
        )
    keys = given.model_extra or {}
    _refuse_others("eval_candidate", keys, _CANDIDATE)
    model = keys.get("model")
    if not isinstance(model, str) or not model:
        raise RefusedError("eval_candidate.model: Field required, the name of a registered model")
    given_params = _mapping("sampling_params", keys.get("sampling_params"))
    sampling = _sampling(given_params)
    params = _params(sampling)
    chosen = any(given_params.get(name) is not None for name in ("strategy", *_FLAT))
    return Asked(
        model=model,
        params=params,
        said={
            name: value
            for name, value in params.items()
            if value not in (None, []) and (chosen or name != "temperature")
        },
        max_tokens=sampling.max_tokens or None,
        system=_system(keys.get("system_message")),
    )


def _sampling(params: dict[str, Any]) -> _Sampling:
    _refuse_others("sampling_params", params, _PARAMS)
    flat = {name: params[name] for name in _FLAT if params.get(name) is not None}
    strategy = _strategy(params.get("strategy"))
    if flat and strategy:
        raise RefusedError(
            f"sampling_params: `{min(flat)}` beside `strategy` says two things", hint="give one of them"
        )
    rest = {name: value for name, value in params.items() if name not in {*_FLAT, "strategy"}}
    # What says nothing of a strategy is greedy.
    chosen = strategy or flat or {"temperature": 0.0}
    try:
        return msgspec.convert(rest | chosen, _Sampling)
    except msgspec.ValidationError as error:
        raise RefusedError(f"sampling_params: {error}") from error


def _strategy(given: object) -> dict[str, Any]:
    if given is None:
        return {}
    if isinstance(given, str):  # the first releases wrote the name alone
        given = {"type": given}
    strategy = _mapping("sampling_params.strategy", given)
    kind = strategy.get("type", "greedy")
    if not isinstance(kind, str) or kind not in _STRATEGIES:
        raise RefusedError(
            f"sampling_params.strategy: the type `{kind}` is not known", hint="greedy, top_p, top_k"
        )
    _refuse_others("sampling_params.strategy", strategy, _STRATEGIES[kind])
    if kind == "greedy":
        return {"temperature": 0.0}
    if kind == "top_k":
        if not strategy.get("top_k"):
            raise RefusedError("sampling_params.strategy.top_k: Field required, at least 1")
        return {"top_k": strategy["top_k"]}
    share = strategy.get("top_p")
    found = {"top_p": _DEFAULT_TOP_P if share is None else share}
    return found | {name: strategy[name] for name in ("temperature",) if strategy.get(name) is not None}


def _params(sampling: _Sampling) -> dict[str, Any]:
    found: dict[str, Any] = {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        # 0 is what the first releases sent for none.
        "max_tokens": sampling.max_tokens or None,
        "stop": [sampling.stop] if isinstance(sampling.stop, str) else list(sampling.stop or ()),
    }
    if sampling.top_k is not None:
        found["top_k"] = sampling.top_k
    if sampling.repetition_penalty is not None:
        found["repetition_penalty"] = sampling.repetition_penalty
    return found


def _system(given: object) -> str | None:
    if given is None:
        return None
    try:
        found = msgspec.convert(given, _System)
    except msgspec.ValidationError as error:
        raise RefusedError(f"eval_candidate.system_message: {error}") from error
    if found.role != "system":
        raise RefusedError(f"eval_candidate.system_message: the role `{found.role}` is not `system`")
    return found.content


def _mapping(where: str, given: object) -> dict[str, Any]:
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise RefusedError(f"{where}: must be an object")
    return cast("dict[str, Any]", given)


def _refuse_others(where: str, keys: dict[str, Any], known: frozenset[str]) -> None:
    for name in sorted(keys):
        if name not in known:
            raise RefusedError(
                f"{where}: `{name}` is nothing that is forwarded", hint=f"one of {', '.join(sorted(known))}"
            )
