"""The provider `guidellm`: its profiles, sent by our own loads and measured by our own client."""

from collections.abc import Mapping
from typing import Any, cast

from bakeoff.plugins import suggest
from bakeoff.server.borrowed import Section
from bakeoff.server.dialects.evalhub.errors import HubError
from bakeoff.server.dialects.evalhub.parameters import SAMPLING, number, placed, whole
from bakeoff.server.dialects.evalhub.shapes import Benchmark

NAME = "guidellm"
METRICS = [
    "requests_per_second",
    "output_tokens_per_second",
    "prompt_tokens_per_second",
    "mean_ttft_ms",
    "mean_itl_ms",
    "mean_e2e_ms",
    "p95_ttft_ms",
    "p95_itl_ms",
    "p95_e2e_ms",
    "success_rate",
]
_PROFILES = {
    "synchronous": "One request at a time: the lowest latency.",
    "concurrent": "As many requests in flight as `rate` says.",
    "throughput": "All requests at the start: the highest rate.",
    "constant": "`rate` requests per second, evenly.",
    "poisson": "`rate` requests per second on average, as from independent users.",
    "sweep": "One at a time, then as many as possible, then `rate` steps in all.",
    "quick_perf_test": "A short sweep.",
}
_OWN = ("profile", "rate", "max_requests", "max_seconds", "max_errors", "warmup", "data")
_LENGTHS = {
    "prompt_tokens": ("prompt_tokens", "mean"),
    "prompt_tokens_stdev": ("prompt_tokens", "stddev"),
    "prompt_tokens_min": ("prompt_tokens", "min"),
    "prompt_tokens_max": ("prompt_tokens", "max"),
    "output_tokens": ("output_tokens", "mean"),
    "output_tokens_stdev": ("output_tokens", "stddev"),
    "output_tokens_min": ("output_tokens", "min"),
    "output_tokens_max": ("output_tokens", "max"),
}
_REQUESTS = 100
_QUICK = 20
_STEPS = 10


def benchmarks() -> list[Benchmark]:
    """Return the profiles."""
    return [
        Benchmark(
            id=name,
            name=f"{name.replace('_', ' ').capitalize()} profile",
            description=text,
            category="performance",
            metrics=METRICS,
            tags=["performance", "guidellm"],
        )
        for name, text in _PROFILES.items()
    ]


def section(name: str, parameters: Mapping[str, Any], where: str) -> Section | None:
    """Return a profile as a section of a spec, None where there is none of that name.

    Raises:
        HubError: a parameter that has no place here, or is missing.
    """
    if name not in _PROFILES:
        return None
    profile = parameters.get("profile")
    if profile is not None and profile != name:
        raise _refused(f"{where}.profile", f"`{profile}` is not the profile of the benchmark `{name}`")
    made = {"synthetic": _lengths(parameters.get("data"), where), "load": _load(name, parameters, where)}
    known = {key: value for key, value in parameters.items() if key in _OWN or key in SAMPLING}
    for key in parameters:
        if key not in known:
            raise _refused(
                f"{where}.{key}",
                f"this service knows no such parameter.{suggest(key, [*_OWN, *SAMPLING])}",
                f"known ones: {', '.join((*_OWN, *SAMPLING))}",
            )
    return Section(section=placed(made, known, where, _OWN))


def _load(name: str, parameters: Mapping[str, Any], where: str) -> dict[str, Any]:
    if name in {"sweep", "quick_perf_test"}:
        return _sweep(name, parameters, where)
    limits = {
        "requests": whole(parameters, "max_requests", where),
        "seconds": number(parameters, "max_seconds", where),
        "errors": whole(parameters, "max_errors", where),
        "warmup": whole(parameters, "warmup", where),
    }
    if limits["requests"] is None and limits["seconds"] is None:
        limits["requests"] = _REQUESTS
    load = {key: value for key, value in limits.items() if value is not None}
    rate = _rate(parameters, where)
    if name in {"constant", "poisson"}:
        if rate is None:
            raise _refused(f"{where}.rate", f"the profile `{name}` needs it: requests per second")
        return {"kind": name, "rate": rate, **load}
    if name == "concurrent":
        streams = whole({"rate": rate}, "rate", where)
        if streams is None:
            raise _refused(f"{where}.rate", "the profile `concurrent` needs it: requests in flight")
        return {"kind": name, "concurrency": streams, **load}
    if rate is not None:
        raise _refused(f"{where}.rate", f"the profile `{name}` has no rate")
    return {"kind": "sequential" if name == "synchronous" else name, **load}


def _sweep(name: str, parameters: Mapping[str, Any], where: str) -> dict[str, Any]:
    for key in ("max_seconds", "max_errors", "warmup"):
        if parameters.get(key) is not None:
            raise _refused(f"{where}.{key}", "the steps of a sweep are limited by `max_requests`")
    quick = name == "quick_perf_test"
    asked = whole({"rate": _rate(parameters, where)}, "rate", where)
    steps = asked or (4 if quick else _STEPS)
    each = whole(parameters, "max_requests", where) or (_QUICK if quick else _REQUESTS)
    # Theirs counts the two ends, ours the steps between them.
    load: dict[str, Any] = {"kind": "sweep", "steps": max(steps - 2, 0), "step_requests": each}
    return load | {"concurrency": max(2, min(each // 2, 64))}


def _rate(parameters: Mapping[str, Any], where: str) -> float | None:
    rate: object = parameters.get("rate")
    if isinstance(rate, list):
        several = cast("list[object]", rate)
        if len(several) != 1:
            raise _refused(f"{where}.rate", "one rate a benchmark", "name the benchmark once for each rate")
        rate = several[0]
    return number({"rate": rate}, "rate", where)


def _lengths(data: object, where: str) -> dict[str, Any]:
    """Return the lengths of prompts and answers from `prompt_tokens=256,output_tokens=128` or a mapping."""
    if data is None:
        return {"prompt_tokens": 256, "output_tokens": 128}
    pairs = _pairs(data, where)
    if "prompt_tokens" not in pairs:
        raise _refused(f"{where}.data", "it says no `prompt_tokens`")
    lengths: dict[str, dict[str, float]] = {}
    for key, value in pairs.items():
        if key not in _LENGTHS:
            raise _refused(
                f"{where}.data",
                f"`{key}` is not known.{suggest(key, [*_LENGTHS])}",
                f"known: {', '.join(_LENGTHS)}",
            )
        ours, part = _LENGTHS[key]
        amount = number({key: value}, key, f"{where}.data", least=-1 if part == "stddev" else 0)
        if amount is not None:
            lengths.setdefault(ours, {})[part] = amount
    return {key: length["mean"] if set(length) == {"mean"} else length for key, length in lengths.items()}


def _pairs(data: object, where: str) -> Mapping[str, Any]:
    if isinstance(data, Mapping):
        return {str(key): value for key, value in cast("Mapping[object, object]", data).items()}
    if not isinstance(data, str) or "=" not in data:
        raise _refused(
            f"{where}.data",
            "expected lengths such as `prompt_tokens=256,output_tokens=128`",
            "benchmarks over rows of your own belong to the provider `bakeoff`",
        )
    found: dict[str, Any] = {}
    for part in data.split(","):
        key, _, text = part.partition("=")
        try:
            found[key.strip()] = int(text)
        except ValueError as error:
            raise _refused(f"{where}.data", f"`{part.strip()[:80]}` is no number") from error
    return found


def _refused(where: str, message: str, hint: str = "") -> HubError:
    return HubError("request_validation_failed", f"{where}: {message}", hint=hint)
