"""Make the spec of a load test from what a command line says."""

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from bakeoff.errors import SpecError, SpecErrorGroup, UsageError
from bakeoff.plan import MEASURED_REQUESTS
from bakeoff.run.matrix import MatrixRow, models, read_matrix
from bakeoff.spec import LoadedSpec, load_spec

_LADDERS = frozenset({"sweep", "search"})
_OPEN = frozenset({"constant", "poisson", "gamma"})
_CLOSED = frozenset({"concurrent"})
_ENDLESS = _OPEN | _CLOSED | {"sequential", "throughput"}

_PROMPT_TOKENS = "256"
_OUTPUT_TOKENS = "128"

_FLAGS = {
    "models[0].endpoint": "--endpoint",
    "models[0].provider": "--provider",
    "models[0].api_key": "--api-key-env",
    "benchmarks[0].load.kind": "--load",
    "benchmarks[0].load.rate": "--rate",
    "benchmarks[0].load.concurrency": "--concurrency",
    "benchmarks[0].load.seconds": "--duration",
    "benchmarks[0].load.warmup_seconds": "--warmup",
    "benchmarks[0].load": "--load and -o",
    "benchmarks[0].dataset": "--dataset",
    "benchmarks[0].synthetic": "--prompt-tokens and --output-tokens",
    "decide.slo": "--slo",
    "timeout.total": "--timeout",
}
"""Where a value of the spec was typed; the longest beginning of its path wins."""

_ROWS = ("model", "load", "concurrency", "rate", "requests", "prompt_tokens", "output_tokens", "dataset")


class PerfAsked(msgspec.Struct, frozen=True, kw_only=True):
    """A load test as typed.

    Attributes:
        matrix: a bundle of load tests, a row each, in place of `model`, `load` and what belongs to it.
        seconds: how long requests are issued.
        warmup: how long requests are issued before that.
        warmup_requests: how many requests are issued before that.
        prompt_tokens: `N` or `MEAN,STDDEV`; likewise `output_tokens`.
        slo: `ttft=500ms,e2e=5s`.
        options: further options of the load, `NAME=VALUE`.
    """

    endpoint: str
    model: str | None = None
    matrix: Path | None = None
    load: str | None = None
    concurrency: int | None = None
    rate: str | None = None
    requests: int | None = None
    seconds: str | None = None
    warmup: str | None = None
    warmup_requests: int = 0
    prompt_tokens: str | None = None
    output_tokens: str | None = None
    dataset: str | None = None
    slo: str | None = None
    provider: str | None = None
    api_key_env: str | None = None
    batch: bool = False
    seed: int = 0
    total_timeout: str | None = None
    options: tuple[str, ...] = ()
    ignore_eos: bool = False
    min_tokens: bool = False


def load_perf_spec(asked: PerfAsked, env: Mapping[str, str], base: Path) -> LoadedSpec:
    """Return the spec of a load test; mistakes are named by their place in a file of the same content.

    Raises:
        UsageError: an option is malformed, or does not go with the others.
        DataError: the matrix cannot be read.
    """
    return _loaded(perf_document(asked), env, base)


def _loaded(document: dict[str, Any], env: Mapping[str, str], base: Path) -> LoadedSpec:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "flags.yaml"
        path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
        try:
            return load_spec(path, env, base=base)
        except SpecErrorGroup as group:
            raise SpecErrorGroup([_typed(error) for error in group.errors]) from None


def _typed(error: SpecError) -> SpecError:
    """Return a mistake with the flag in place of a line of a file that nobody wrote."""
    if not error.where.startswith("flags.yaml"):
        return error
    place, separator, message = error.message.partition(": ")
    flag = next((_FLAGS[path] for path in sorted(_FLAGS, reverse=True) if place.startswith(path)), "")
    if not separator or not flag:
        return SpecError(error.message, hint=error.hint)
    key = place.rpartition(".")[2]
    return SpecError(message if place in _FLAGS else f"`{key}`: {message}", where=flag, hint=error.hint)


def perf_document(asked: PerfAsked) -> dict[str, Any]:
    """Return the spec as plain values."""
    if asked.matrix is not None:
        names, benchmarks = _bundle(asked, asked.matrix)
    elif asked.model is not None:
        names, benchmarks = [asked.model], [_benchmark(asked)]
    else:
        raise UsageError("nothing says which model to ask", hint="give --model NAME, or --matrix FILE.csv")
    document: dict[str, Any] = {
        "version": 1,
        "name": "perf",
        "seed": asked.seed,
        "models": [_model(asked, name) for name in names],
        "benchmarks": benchmarks,
    }
    if asked.slo:
        document["decide"] = {"slo": _slo(asked.slo)}
    if asked.total_timeout:
        document["timeout"] = {"total": _seconds(asked.total_timeout)}
    return document


def _model(asked: PerfAsked, name: str) -> dict[str, Any]:
    model: dict[str, Any] = {
        "name": _label(name),
        "endpoint": asked.endpoint,
        "model": name,
        "stream": not asked.batch,
    }
    if asked.api_key_env:
        model["api_key"] = f"${{{asked.api_key_env}}}"
    if asked.provider:
        model["provider"] = asked.provider
    return model


def _label(model: str) -> str:
    """Return a model's name in the tables."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", model).strip("-._")[-80:].lstrip("-._") or "model"


def _bundle(asked: PerfAsked, path: Path) -> tuple[list[str], list[dict[str, Any]]]:
    """Return the models of a bundle and a benchmark for each of its rows."""
    for name in _ROWS:
        if getattr(asked, name) is not None:
            flag = f"--{name.replace('_', '-')}"
            raise UsageError(f"{flag} does not go with --matrix", hint="each row of the matrix says that")
    if asked.options:
        raise UsageError("--option does not go with --matrix", hint="each row of the matrix names its load")
    rows = read_matrix(path)
    return list(models(rows)), [_row(asked, row) for row in rows]


def _row(asked: PerfAsked, row: MatrixRow) -> dict[str, Any]:
    load = row.benchmark.load
    return {
        "name": row.benchmark.name,
        "measured": True,
        "models": [_label(row.model)],
        "synthetic": row.benchmark.dataset.options,
        "load": {"kind": load.kind, "requests": load.requests, **load.options, **_limits(asked)},
    }


def _benchmark(asked: PerfAsked) -> dict[str, Any]:
    benchmark: dict[str, Any] = {"name": "load", "measured": True, "load": _load(asked)}
    output = _length(asked.output_tokens or _OUTPUT_TOKENS)
    asked_of_server = {"ignore_eos": asked.ignore_eos, "min_tokens": asked.min_tokens}
    if params := {name: True for name, on in asked_of_server.items() if on}:
        benchmark["params"] = params
    times = benchmark["load"].get("path") if benchmark["load"]["kind"] == "trace" else None
    if times is not None and asked.dataset in {None, times}:
        return _traced(asked, benchmark, times)
    if not asked.dataset:
        prompt = _length(asked.prompt_tokens or _PROMPT_TOKENS)
        benchmark["synthetic"] = {"prompt_tokens": _written(prompt), "output_tokens": _written(output)}
        return benchmark
    if asked.prompt_tokens is not None:
        raise UsageError(
            "--prompt-tokens does not go with --dataset", hint="its prompts are as long as they are"
        )
    if output["stddev"]:
        raise UsageError(
            f"--output-tokens {asked.output_tokens} does not go with --dataset",
            hint="give one number: the most tokens of every answer",
        )
    benchmark["dataset"] = asked.dataset
    benchmark["params"] = benchmark.get("params", {}) | {"max_tokens": round(output["mean"])}
    return benchmark


def _traced(asked: PerfAsked, benchmark: dict[str, Any], path: str) -> dict[str, Any]:
    """Return a benchmark whose prompts and answers have the lengths that the trace tells."""
    if asked.prompt_tokens or asked.output_tokens:
        raise UsageError(
            "--prompt-tokens and --output-tokens do not go with the load `trace`",
            hint="the trace tells the lengths; name other prompts with --dataset",
        )
    return benchmark | {"dataset": {"type": "trace", "path": path}}


def _limits(asked: PerfAsked) -> dict[str, Any]:
    """Return how long requests are issued, and what goes before."""
    limits: dict[str, Any] = {"warmup": asked.warmup_requests}
    if asked.warmup:
        limits["warmup_seconds"] = _seconds(asked.warmup)
    if asked.seconds:
        limits["seconds"] = _seconds(asked.seconds)
    return limits


def _load(asked: PerfAsked) -> dict[str, Any]:
    kind = asked.load or ("poisson" if asked.rate else "concurrent")
    load: dict[str, Any] = {"kind": kind, **_limits(asked)}
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
    if asked.requests:
        load["step_requests" if kind in _LADDERS else "requests"] = asked.requests
    elif kind in _ENDLESS and asked.dataset is None and not asked.seconds:
        load["requests"] = MEASURED_REQUESTS
    if kind == "search":
        load |= _searched(asked)
    return load | dict(_option(text) for text in asked.options)


def _searched(asked: PerfAsked) -> dict[str, Any]:
    """Return what a search takes over from the latency targets."""
    if not asked.slo:
        raise UsageError(
            "a search needs latency targets", hint="for example --slo ttft=500ms,e2e=5s,attainment=0.95"
        )
    share = _slo(asked.slo).get("attainment")
    return {} if share is None else {"attainment": share}


def _option(text: str) -> tuple[str, Any]:
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise UsageError(f"the option `{text}` is not NAME=VALUE", hint="for example -o steps=4")
    return name, yaml.safe_load(value)


def _number(value: str | int, name: str) -> float | int | str:
    if isinstance(value, int) or "/" in value:
        return value
    try:
        return float(value)
    except ValueError:
        raise UsageError(f"--{name}: `{value}` is no number", hint="write 5, 2.5 or 300/min") from None


def _seconds(text: str) -> float | str:
    """Return a bare number as seconds; what has a unit is read with the spec."""
    try:
        return float(text)
    except ValueError:
        return text


def _length(text: str) -> dict[str, float]:
    """Read `N` or `MEAN,STDDEV`."""
    parts = text.split(",")
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = []
    # The comparisons also refuse what is no number.
    if (
        len(numbers) not in {1, 2}
        or not 1 <= numbers[0] < 1e9
        or not all(0 <= each < 1e9 for each in numbers)
    ):
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
        found[name.strip()] = _share(value) if name.strip() == "attainment" else _seconds(value.strip())
    return found


def _share(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"--slo: `{text}` is no share", hint="write attainment=0.95") from None
