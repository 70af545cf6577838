"""Make the spec of a load test from what a command line says."""

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from bakeoff.errors import UsageError
from bakeoff.spec import LoadedSpec, load_spec

_LADDERS = frozenset({"sweep", "search"})
_OPEN = frozenset({"constant", "poisson", "gamma"})
_CLOSED = frozenset({"concurrent"})


class PerfAsked(msgspec.Struct, frozen=True, kw_only=True):
    """A load test as typed.

    Attributes:
        warmup: a number of requests.
        seconds: how long requests are issued.
        prompt_tokens: `N` or `MEAN,STDDEV`; likewise `output_tokens`.
        slo: `ttft=500ms,e2e=5s`.
        options: further options of the load, `NAME=VALUE`.
    """

    endpoint: str
    model: str
    load: str | None = None
    concurrency: int | None = None
    rate: str | None = None
    requests: int | None = None
    seconds: str | None = None
    warmup: int = 0
    prompt_tokens: str = "256"
    output_tokens: str = "128"
    dataset: str | None = None
    slo: str | None = None
    provider: str | None = None
    api_key_env: str | None = None
    batch: bool = False
    seed: int = 0
    total_timeout: str | None = None
    processes: int = 1
    options: tuple[str, ...] = ()


def load_perf_spec(asked: PerfAsked, env: Mapping[str, str], base: Path) -> LoadedSpec:
    """Return the spec of a load test; mistakes are named by their place in a file of the same content.

    Raises:
        UsageError: an option is malformed, or does not go with the load.
    """
    text = yaml.safe_dump(perf_document(asked), sort_keys=False)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "flags.yaml"
        path.write_text(text)
        return load_spec(path, env, base=base)


def perf_document(asked: PerfAsked) -> dict[str, Any]:
    """Return the spec as plain values."""
    model: dict[str, Any] = {
        "name": re.sub(r"[^A-Za-z0-9._-]+", "-", asked.model) or "model",
        "endpoint": asked.endpoint,
        "model": asked.model,
        "stream": not asked.batch,
    }
    if asked.api_key_env:
        model["api_key"] = f"${{{asked.api_key_env}}}"
    if asked.provider:
        model["provider"] = asked.provider
    benchmark: dict[str, Any] = {"name": "load", "measured": True, "load": _load(asked)}
    if asked.dataset:
        benchmark["dataset"] = asked.dataset
        benchmark["params"] = {"max_tokens": round(_length(asked.output_tokens)["mean"])}
    else:
        benchmark["synthetic"] = {
            "prompt_tokens": _written(_length(asked.prompt_tokens)),
            "output_tokens": _written(_length(asked.output_tokens)),
        }
    document: dict[str, Any] = {"version": 1, "name": "perf", "seed": asked.seed, "models": [model]}
    document["benchmarks"] = [benchmark]
    if asked.slo:
        document["decide"] = {"slo": _slo(asked.slo)}
    if asked.total_timeout:
        document["timeout"] = {"total": asked.total_timeout}
    return document


def _load(asked: PerfAsked) -> dict[str, Any]:
    kind = asked.load or ("poisson" if asked.rate else "concurrent")
    load: dict[str, Any] = {"kind": kind, "warmup": asked.warmup}
    for name, value, kinds in (
        ("rate", asked.rate, _OPEN),
        ("concurrency", asked.concurrency, _CLOSED | {"sweep"}),
    ):
        if value is None:
            continue
        if kind not in kinds:
            raise UsageError(
                f"--{name} does not go with the load `{kind}`",
                hint=f"it goes with: {', '.join(sorted(kinds))}",
            )
        load[name] = _number(value, name)
    if kind in _LADDERS and asked.requests:
        load["step_requests"] = asked.requests
    elif asked.requests:
        load["requests"] = asked.requests
    if asked.seconds:
        load["seconds"] = asked.seconds
    for option in asked.options:
        name, separator, value = option.partition("=")
        if not separator:
            raise UsageError(f"the option `{option}` is not NAME=VALUE")
        load[name] = yaml.safe_load(value)
    return load


def _number(value: str | int, name: str) -> float | int | str:
    if isinstance(value, int) or "/" in value:
        return value
    try:
        return float(value)
    except ValueError:
        raise UsageError(f"--{name}: `{value}` is no number", hint="write 5, 2.5 or 300/min") from None


def _length(text: str) -> dict[str, float]:
    """Read `N` or `MEAN,STDDEV`."""
    parts = text.split(",")
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = []
    if len(numbers) not in {1, 2} or numbers[0] < 1 or min(numbers) < 0:
        raise UsageError(f"`{text}` is no number of tokens", hint="write 256, or MEAN,STDDEV such as 550,150")
    return {"mean": numbers[0], "stddev": numbers[1] if len(numbers) == 2 else 0.0}


def _written(length: dict[str, float]) -> int | dict[str, Any]:
    if not length["stddev"]:
        return round(length["mean"])
    return {"kind": "normal", "mean": length["mean"], "stddev": length["stddev"]}


def _slo(text: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in text.split(","):
        name, separator, value = part.partition("=")
        if not separator:
            raise UsageError(f"--slo: `{part}` is not NAME=VALUE", hint="write ttft=500ms,e2e=5s")
        found[name.strip()] = float(value) if name.strip() == "attainment" else value.strip()
    return found
