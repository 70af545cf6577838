"""Parameters of benchmarks and models: each goes to its place in a spec, or is refused by name."""

from collections.abc import Collection, Mapping
from typing import Any

from bakeoff.plugins import suggest
from bakeoff.server.dialects.evalhub.errors import HubError

SAMPLING = {
    "temperature": "temperature",
    "top_p": "top_p",
    "max_tokens": "max_tokens",
    "max_new_tokens": "max_tokens",
    "max_gen_toks": "max_tokens",
    "max_completion_tokens": "max_tokens",
    "seed": "seed",
    "stop": "stop",
    "top_k": "top_k",
    "min_p": "min_p",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
    "repetition_penalty": "repetition_penalty",
    "reasoning_effort": "reasoning_effort",
}
"""Our names of sampling parameters by the names that clients use."""
COUNTS = {"limit": "limit", "num_examples": "limit", "num_samples": "limit", "repeats": "repeats"}
CONCURRENCY = "concurrency"
COMMON = (*COUNTS, CONCURRENCY, *SAMPLING)


def sampling(parameters: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return the sampling parameters of a model.

    Raises:
        HubError: there is one that is none.
    """
    known = {name: value for name, value in parameters.items() if value is not None}
    for name in known:
        if name not in SAMPLING:
            raise _unknown(name, SAMPLING, where)
    return {SAMPLING[name]: value for name, value in known.items()}


def placed(
    section: Mapping[str, Any], parameters: Mapping[str, Any], where: str, own: Collection[str] = ()
) -> dict[str, Any]:
    """Return a section of a spec with parameters in their places; `own` are those of the provider.

    Raises:
        HubError: a parameter has no place.
    """
    made = dict(section)
    params = dict(made.get("params") or {})
    for name, value in parameters.items():
        if value is None or name in own:
            continue
        if name in SAMPLING:
            params[SAMPLING[name]] = value
        elif name in COUNTS:
            made[COUNTS[name]] = value
        elif name == CONCURRENCY:
            made["load"] = {"kind": "concurrent", "concurrency": value}
        else:
            raise _unknown(name, (*own, *COMMON), where)
    if params:
        made["params"] = params
    return made


def number(parameters: Mapping[str, Any], name: str, where: str, *, least: float = 0) -> float | None:
    """Return a parameter that is a number above `least`, None where it is left out.

    Raises:
        HubError: it is none.
    """
    value = parameters.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= least:
        raise HubError(
            "request_validation_failed", f"{where}.{name}: expected a number over {least:g}, found {value!r}"
        )
    return value


def whole(parameters: Mapping[str, Any], name: str, where: str) -> int | None:
    """Return a parameter that is a whole number from 1, None where it is left out.

    Raises:
        HubError: it is none.
    """
    value = number(parameters, name, where)
    if value is not None and value != int(value):
        raise HubError(
            "request_validation_failed", f"{where}.{name}: expected a whole number, found {value!r}"
        )
    return None if value is None else int(value)


def _unknown(name: str, known: Collection[str], where: str) -> HubError:
    told = f"{where}.{name}: this service knows no such parameter.{suggest(name, sorted(known))}"
    return HubError("request_validation_failed", told, hint=f"known ones: {', '.join(known)}")
