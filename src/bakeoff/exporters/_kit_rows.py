"""One request as the kit writes it: the fields are the kit's keys, in the editions of 2025 and of 2024."""

from typing import Any

import msgspec

from bakeoff.exporters._stages import error_code, since_sent, total
from bakeoff.records import Sample

_OWN_NAMES = {
    "server_ttft_s": "time_to_first_token",
    "server_end_to_end_latency_s": "total_latency",
    "server_output_token_per_s_per_request": "completion_tokens_after_first_per_sec",
    "server_output_token_after_first_per_s_first_ten_per_request": (
        "completion_tokens_after_first_per_sec_first_ten"
    ),
    "server_total_tokens_per_s_per_request": "total_tokens_per_sec",
}
"""What a server calls these in its usage."""


class Row2025(msgspec.Struct, frozen=True, kw_only=True):
    """A request in the kit since 2025; seconds and tokens."""

    error_code: int | str | None
    error_msg: str
    client_ttft_s: float | None
    client_end_to_end_latency_s: float | None
    client_output_token_per_s_per_request: float | None
    client_total_tokens_per_s_per_request: float | None
    client_inter_token_latencies_s: list[float] | None
    client_mean_inter_token_latency_s: float | None
    server_ttft_s: float | None
    server_end_to_end_latency_s: float | None
    server_output_token_per_s_per_request: float | None
    server_output_token_after_first_per_s_first_ten_per_request: float | None
    server_total_tokens_per_s_per_request: float | None
    server_number_input_tokens: float | None
    server_number_output_tokens: float | None
    server_number_total_tokens: float | None
    number_input_tokens: int | None
    number_output_tokens: int | None
    number_total_tokens: int | None
    batch_size_used: float | None
    queue_time: float | None
    acceptance_rate: float | None
    start_time: str | None
    end_time: str | None
    prompt_name: str | None = None


class Row2024(msgspec.Struct, frozen=True, kw_only=True):
    """A request in the kit of 2024; seconds and tokens."""

    error_code: int | str | None
    error_msg: str
    ttft_s: float | None
    end_to_end_latency_s: float | None
    number_input_tokens: int | None
    number_output_tokens: int | None
    number_total_tokens: int | None
    request_output_throughput_token_per_s: float | None
    ttft_server_s: float | None
    end_to_end_latency_server_s: float | None
    request_output_throughput_server_token_per_s: float | None
    request_output_throughput_after_first_server_token_per_s: float | None
    number_input_tokens_server: float | None
    number_output_tokens_server: float | None
    number_total_tokens_server: float | None
    total_tokens_per_sec_server: float | None


def row_2025(sample: Sample, start: str | None, end: str | None) -> Row2025:
    """Return a sample in the keys of 2025; `start` and `end` are times of day."""
    ttft = since_sent(sample, sample.first_token_at)
    e2e = since_sent(sample, sample.done_at)
    prompt, output = sample.usage.prompt, sample.usage.completion
    both = total((prompt, output))
    gaps = None if sample.chunk_us is None else [gap / 1e6 for gap in sample.chunk_us]
    known: dict[str, Any] = {
        "error_code": error_code(sample),
        "error_msg": sample.error,
        "client_ttft_s": ttft,
        "client_end_to_end_latency_s": e2e,
        "client_output_token_per_s_per_request": _pace(sample, ttft, e2e),
        "client_total_tokens_per_s_per_request": None if both is None or not e2e else both / e2e,
        "client_inter_token_latencies_s": gaps,
        "client_mean_inter_token_latency_s": sum(gaps) / len(gaps) if gaps else None,
        "number_input_tokens": prompt,
        "number_output_tokens": output,
        "number_total_tokens": both,
        "start_time": start,
        "end_time": end,
    }
    known.update(_server_said(sample))
    return Row2025(**known)


def row_2024(sample: Sample, start: str | None, end: str | None) -> Row2024:  # noqa: ARG001  as `row_2025`
    """Return a sample in the keys of 2024, whose pace is tokens over all of the time."""
    e2e = since_sent(sample, sample.done_at)
    output = sample.usage.completion
    server = _server_said(sample)
    return Row2024(
        error_code=error_code(sample),
        error_msg=sample.error,
        ttft_s=since_sent(sample, sample.first_token_at),
        end_to_end_latency_s=e2e,
        number_input_tokens=sample.usage.prompt,
        number_output_tokens=output,
        number_total_tokens=total((sample.usage.prompt, output)),
        request_output_throughput_token_per_s=None if output is None or not e2e else output / e2e,
        ttft_server_s=server["server_ttft_s"],
        end_to_end_latency_server_s=server["server_end_to_end_latency_s"],
        request_output_throughput_server_token_per_s=None,
        request_output_throughput_after_first_server_token_per_s=server[
            "server_output_token_per_s_per_request"
        ],
        number_input_tokens_server=server["server_number_input_tokens"],
        number_output_tokens_server=server["server_number_output_tokens"],
        number_total_tokens_server=server["server_number_total_tokens"],
        total_tokens_per_sec_server=server["server_total_tokens_per_s_per_request"],
    )


def _pace(sample: Sample, ttft: float | None, e2e: float | None) -> float | None:
    """Return the kit's tokens per second: N / (e2e - ttft), N / e2e for an answer in one event."""
    tokens = sample.usage.completion
    if tokens is None or e2e is None:
        return None
    seconds = e2e if sample.chunks == 1 or ttft is None or ttft >= e2e else e2e - ttft
    return tokens / seconds if seconds > 0 else None


def _server_said(sample: Sample) -> dict[str, float | None]:
    """Return what the server said of itself, under the kit's names."""
    usage = sample.extra.get("usage")
    told: dict[str, Any] = {**(usage if isinstance(usage, dict) else {}), **sample.extra, **_figures(sample)}
    names = (*_OWN_NAMES, "batch_size_used", "queue_time", "acceptance_rate")
    found = {name: _number(told.get(name), told.get(_OWN_NAMES.get(name, name))) for name in names}
    if sample.usage.counted_by == "server":
        prompt, output = sample.usage.prompt, sample.usage.completion
        told.setdefault("server_number_input_tokens", prompt)
        told.setdefault("server_number_output_tokens", output)
        told.setdefault("server_number_total_tokens", total((prompt, output)))
    for what in ("input", "output", "total"):
        name = f"server_number_{what}_tokens"
        found[name] = _number(told.get(name))
    return found


def _figures(sample: Sample) -> dict[str, float]:
    """Return the server's figures under the kit's names."""
    server = sample.server
    if server is None:
        return {}
    known = {
        "server_ttft_s": server.ttft,
        "server_end_to_end_latency_s": server.e2e,
        "server_output_token_per_s_per_request": server.output_rate,
        "batch_size_used": server.batch_size,
        "queue_time": server.queue,
        "acceptance_rate": server.acceptance_rate,
    }
    return {name: value for name, value in known.items() if value is not None}


def _number(*values: object) -> float | None:
    return next((v for v in values if isinstance(v, int | float) and not isinstance(v, bool)), None)
