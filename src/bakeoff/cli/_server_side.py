"""Show what a server says of a load stage: a line or two for people, plain numbers for programs."""

from collections.abc import Iterator
from typing import Any

import msgspec

from bakeoff.cli._terminal import say
from bakeoff.records.result import Distribution, Estimate, ServerStage

_TIMES = ("ttft", "e2e", "tpot", "queue", "ttft_overhead", "e2e_overhead")


def server_json(server: ServerStage | None) -> dict[str, Any] | None:
    """Return it with plain numbers; intervals of percentiles are left to `results.json`."""
    if server is None:
        return None
    row: dict[str, Any] = msgspec.to_builtins(server)
    for name, value in row.items():
        told = getattr(server, name)
        if isinstance(told, Distribution):
            row[name] = {key: value[key] for key in value if key not in {"bounds", "level"}}
        elif isinstance(told, Estimate):
            row[name] = told.value
    return row


def print_server(server: ServerStage | None) -> None:
    """Print one line of the answers' own figures and one of `/metrics`, as far as there are any."""
    if server is None:
        return
    for parts in (list(_figures(server)), list(_metrics(server))):
        if parts:
            say(f"  server: {', '.join(parts)}")


def _figures(server: ServerStage) -> Iterator[str]:
    for name in _TIMES:
        one: Distribution | None = getattr(server, name)
        if one is not None:
            yield f"{name.replace('_', ' ')} p50 {1000 * one.p50:.2f} ms (n={one.n:,})"
    for label, estimate, factor, unit in (
        ("batch size", server.batch_size, 1.0, ""),
        ("switching time", server.switching_time, 1000.0, " ms"),
        ("drafted tokens accepted", server.draft_acceptance, 100.0, " %"),
    ):
        if estimate is not None and estimate.value is not None:
            yield f"{label} {factor * estimate.value:.4g}{unit}"


def _metrics(server: ServerStage) -> Iterator[str]:
    page = server.metrics
    if page is None or not page.server:
        return
    for name, factor, unit in (("running", 1.0, ""), ("waiting", 1.0, ""), ("kv_cache_usage", 100.0, " %")):
        gauge = page.gauges.get(name)
        if gauge is not None:
            mean, peak = factor * gauge.mean, factor * gauge.peak
            yield f"{name.replace('_', ' ')} {mean:.4g}{unit}, peak {peak:.4g}{unit} (n={gauge.n})"
    for name in ("prompt_tokens", "output_tokens", "preemptions"):
        if name in page.counters:
            yield f"{page.counters[name]:,.0f} {name.replace('_', ' ')}"
    if page.batch_size is not None:
        yield f"{page.batch_size:.3g} requests in a step"
