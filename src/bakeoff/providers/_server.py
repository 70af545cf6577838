"""What servers say of their own work, by the names that each of them uses; in seconds.

`timings` is llama.cpp's. In `usage` it is SambaNova's, older names of which come after the newer, and
Groq's; `time_info` is Cerebras's.
"""

from collections.abc import Iterable
from typing import Annotated, Any

import msgspec

from bakeoff.providers._openai import mapping
from bakeoff.records import ServerFigures, Usage

_SECONDS = {
    "ttft": ("time_to_first_token", "time_to_first_response"),
    "e2e": ("total_latency", "model_execution_time", "total_time"),
    "queue": ("queue_time",),
    "prefill": ("prompt_time",),
    "decode": ("completion_time",),
}
_RATES = {
    "output_rate": (
        "completion_tokens_after_first_per_sec",
        "completion_tokens_per_sec_after_first_response",
        "throughput_after_first_token",
    ),
    "acceptance_rate": ("acceptance_rate",),
    "batch_size": ("batch_size_used",),
}
_HOLDERS = ("usage", "time_info")
# What llama.cpp says beside these follows from them.
_TIMINGS = frozenset(
    {
        "cache_n",
        "prompt_n",
        "prompt_ms",
        "prompt_per_token_ms",
        "prompt_per_second",
        "predicted_n",
        "predicted_ms",
        "predicted_per_token_ms",
        "predicted_per_second",
        "draft_n",
        "draft_n_accepted",
    }
)
_MOST = 1e15
_Number = Annotated[float, msgspec.Meta(ge=0, le=_MOST)]
_Count = Annotated[int, msgspec.Meta(ge=0)]


class _Timings(msgspec.Struct, frozen=True, gc=False):
    """llama.cpp's `timings`."""

    predicted_ms: _Number
    predicted_n: _Count | None = None
    predicted_per_second: _Number | None = None
    prompt_ms: _Number | None = None
    cache_n: _Count | None = None
    draft_n: _Count | None = None
    draft_n_accepted: _Count | None = None


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a server counted and timed; `figures` is None where it timed nothing."""

    usage: Usage
    figures: ServerFigures | None


def take_told(extra: dict[str, Any], usage: Usage) -> Told:
    """Move what the server said of its own work out of an answer's unknown fields.

    What no figure stands for stays in `extra`, as it came.
    """
    figures: ServerFigures | None = None
    if "timings" in extra:
        usage, figures = _llama(extra, usage)
    for holder in _HOLDERS:
        rest = dict(mapping(extra.get(holder)))
        found = _seconds_and_rates(rest) if rest else {}
        if found:
            figures = msgspec.structs.replace(figures or ServerFigures(), **found)
            _keep(extra, holder, rest)
    return Told(usage=usage, figures=figures)


def _llama(extra: dict[str, Any], usage: Usage) -> tuple[Usage, ServerFigures | None]:
    told = extra["timings"]
    try:
        timings = msgspec.convert(told, _Timings)
    except msgspec.ValidationError:
        return usage, None
    _keep(extra, "timings", {name: told[name] for name in told.keys() - _TIMINGS})
    if usage.cached is None and timings.cache_n is not None:
        usage = msgspec.structs.replace(usage, cached=timings.cache_n, counted_by="server")
    return usage, ServerFigures(
        prefill=None if timings.prompt_ms is None else round(timings.prompt_ms / 1e3, 9),
        decode=round(timings.predicted_ms / 1e3, 9),
        decoded=timings.predicted_n,
        output_rate=timings.predicted_per_second or None,
        drafted=timings.draft_n,
        accepted=timings.draft_n_accepted,
    )


def _seconds_and_rates(told: dict[str, Any]) -> dict[str, Any]:
    """Take the figures that `told` knows out of it; a rate of 0 means that there was none."""
    found: dict[str, Any] = {}
    for field, names in _SECONDS.items():
        value = _first(told, names)
        if value is not None:
            found[field] = value
    for field, names in _RATES.items():
        value = _first(told, names)
        if value:
            found[field] = value
    return found


def _first(told: dict[str, Any], names: Iterable[str]) -> float | None:
    for name in names:
        value = _number(told.get(name))
        if value is not None:
            del told[name]
            return value
    return None


def _keep(extra: dict[str, Any], name: str, rest: dict[str, Any]) -> None:
    if rest:
        extra[name] = rest
    else:
        extra.pop(name, None)


def _number(value: object) -> float | None:
    """Return a number from 0 to what any server could mean, None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= _MOST else None
