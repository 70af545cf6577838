"""Shapes that several importers share: names, targets, reported numbers, what their samples can tell."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

import msgspec

from bakeoff.records import Estimate, Sample, Target

LOAD = "load"
UNTIMED = ("ttft", "e2e", "prompt_tokens", "output_tokens")
"""What samples can tell whose times count from their own start."""
SUMMARY = ("ttft", "e2e")
"""Metrics of a file without samples: they come from its summary, or are unknown by these names."""

_LABELS = {
    "mean": "mean",
    "avg": "mean",
    "median": "p50",
    "p50": "p50",
    "p90": "p90",
    "p95": "p95",
    "p99": "p99",
    "p999": "p999",
    "p99.9": "p999",
    "min": "min",
    "max": "max",
}


def safe_name(text: str, default: str) -> str:
    """Return a text as a name that may be a part of a file name."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", text)[:80].strip("-._")
    return name or default


def make_target(model: str | None, endpoint: str | None = None) -> Target:
    """Return the target of a file; a model that the file does not name is called unknown."""
    known = model or "unknown"
    return Target(
        name=safe_name(known, "unknown"), provider="unknown", model=known, endpoint=_plain_url(endpoint)
    )


def _plain_url(text: str | None) -> str | None:
    """Return an http address without the login it may hold; None where it is none."""
    try:
        url = urlsplit(text or "")
        port = f":{url.port}" if url.port else ""
    except ValueError:
        return None
    if url.scheme not in {"http", "https"} or not url.hostname or re.search(r"[\s\x00-\x1f\x7f]", text or ""):
        return None
    host = f"[{url.hostname}]" if ":" in url.hostname else url.hostname
    return f"{url.scheme}://{host}{port}{url.path}"


def counts(**outcomes: int) -> dict[str, int]:
    """Return the outcomes that came up."""
    return {name: count for name, count in outcomes.items() if count > 0}


def spread(
    name: str, unit: str, values: Mapping[str, float | None], n: int, *, note: str, scale: float = 1.0
) -> dict[str, Estimate]:
    """Return a tool's summary of one metric: `<name>.p50`, `<name>.mean` and so on, of what it gives.

    Args:
        name: the metric in bakeoff's words.
        unit: its unit.
        values: the tool's own statistics by its own labels; those without a counterpart are left out.
        n: values that the summary stands for.
        note: who reported it, and under which name.
        scale: factor from the tool's unit to ours.
    """
    found: dict[str, Estimate] = {}
    for label, value in values.items():
        statistic = _LABELS.get(label)
        if statistic is not None and value is not None and math.isfinite(value):
            found[f"{name}.{statistic}"] = Estimate(value=value * scale, unit=unit, n=n, note=note)
    return found


def single(name: str, unit: str, value: float | None, n: int, *, note: str) -> dict[str, Estimate]:
    """Return one number that a tool reported, or nothing where it is unknown."""
    if value is None or not math.isfinite(value):
        return {}
    return {name: Estimate(value=value, unit=unit, n=n, note=note)}


def numbered(samples: Iterable[Sample]) -> list[Sample]:
    """Return the samples so that no two have the same key: a case asked again is its next repeat."""
    seen: Counter[tuple[str, str, str, str]] = Counter()
    found: list[Sample] = []
    for sample in samples:
        key = (sample.benchmark, sample.case, sample.target, sample.stage)
        found.append(_repeated(sample, seen[key]))
        seen[key] += 1
    return found


def _repeated(sample: Sample, repeat: int) -> Sample:
    return msgspec.structs.replace(sample, repeat=repeat) if repeat else sample
