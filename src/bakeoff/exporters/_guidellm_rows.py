"""One request as GuideLLM 0.8.1 writes it; the fields are its keys, moments are seconds of the wall clock."""

import msgspec

from bakeoff.exporters._stages import NS, since_sent, total
from bakeoff.records import Sample

_ANSWERED = ("ok", "truncated", "refused", "filtered")
STATUS = dict.fromkeys(_ANSWERED, "successful") | {"cancelled": "incomplete"}
"""GuideLLM's status of an outcome, every other one is `errored`: it asks whether there was an answer."""
_DONE = dict.fromkeys(_ANSWERED, "completed") | {"cancelled": "cancelled"}


class Timings(msgspec.Struct, frozen=True, kw_only=True):
    """The moments of a request; null where bakeoff has none."""

    targeted_start: float | None
    predecessor_completed: float | None = None
    queued: float | None = None
    dequeued: float | None = None
    scheduled_at: float | None
    resolve_start: float | None
    request_start: float | None
    first_request_iteration: float | None
    first_token_iteration: float | None
    first_output_token_iteration: float | None
    last_token_iteration: float | None
    last_request_iteration: float | None
    request_iterations: int
    token_iterations: int
    last_request_sent: float | None = None
    request_sent_sum: float = 0.0
    request_sent_count: int = 0
    token_received_sum: float = 0.0
    token_received_count: int = 0
    request_end: float | None
    resolve_end: float | None
    finalized: float | None = None


class Info(msgspec.Struct, frozen=True, kw_only=True):
    """What GuideLLM's scheduler says of a request."""

    request_id: str
    conversation_id: str | None = None
    turn_index: int = 0
    status: str
    scheduler_node_id: int = 0
    scheduler_process_id: int = 0
    scheduler_start_time: float
    timings: Timings
    error: str | None
    traceback: str | None = None
    started_at: float | None
    completed_at: float | None


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens, words and characters of one side of a request."""

    text_tokens: int | None
    cached_tokens: int | None = None
    text_words: int | None = None
    text_characters: int | None = None
    total_tokens: int | None


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One request with GuideLLM's own figures of it; milliseconds where a key says so, else seconds."""

    type_: str = "generative_request_stats"
    request_id: str
    response_id: str | None = None
    request_args: str | None = None
    output: str | None
    reasoning_output: str | None
    tool_calls: None = None
    info: Info
    input_metrics: Counts
    response_metrics: None = None
    output_metrics: Counts
    request_start_time: float | None
    request_end_time: float | None
    request_latency: float | None
    request_dispatch_delay: float | None
    request_scheduled_latency: float | None
    prompt_tokens: int | None
    cached_tokens: int | None
    output_tokens: int | None
    total_tokens: int | None
    time_to_first_token_ms: float | None
    time_to_first_output_token_ms: float | None
    time_per_output_token_ms: float | None
    inter_token_latency_ms: float | None
    tokens_per_second: float | None
    output_tokens_per_second: float | None
    iter_tokens_per_iteration: float | None
    output_tokens_per_iteration: float | None


def make_row(sample: Sample, wall_ns: int | None) -> Row:
    """Return a sample as GuideLLM tells it.

    Args:
        sample: the request.
        wall_ns: the wall-clock time of the run's zero; None where the sample's times count from its own
            start, which then stands at the beginning of the epoch.
    """
    usage = sample.usage
    latency = since_sent(sample, sample.done_at)
    both = total((usage.prompt, usage.completion))
    per_event = _over(usage.completion, sample.chunks)
    name = "/".join((sample.benchmark, sample.target, sample.stage, sample.case, str(sample.repeat)))
    info = _info(sample, name, (wall_ns or 0))
    return Row(
        request_id=name,
        output=sample.text or None,
        reasoning_output=sample.thinking or None,
        info=info,
        input_metrics=Counts(text_tokens=usage.prompt, cached_tokens=usage.cached, total_tokens=usage.prompt),
        output_metrics=Counts(
            text_tokens=usage.completion,
            text_words=len(sample.text.split()) if sample.text else None,
            text_characters=len(sample.text) if sample.text else None,
            total_tokens=usage.completion,
        ),
        request_start_time=info.started_at,
        request_end_time=info.completed_at,
        request_latency=latency,
        request_dispatch_delay=_seconds(sample.scheduled_at, sample.sent_at),
        request_scheduled_latency=_seconds(sample.scheduled_at, sample.done_at),
        prompt_tokens=usage.prompt,
        cached_tokens=usage.cached,
        output_tokens=usage.completion,
        total_tokens=both,
        time_to_first_token_ms=_ms(since_sent(sample, sample.first_token_at)),
        time_to_first_output_token_ms=_ms(since_sent(sample, sample.first_answer_at)),
        time_per_output_token_ms=_ms(_over(latency, usage.completion)),
        inter_token_latency_ms=_ms(_token_latency(sample)),
        tokens_per_second=_over(both, latency),
        output_tokens_per_second=_over(usage.completion, latency),
        iter_tokens_per_iteration=per_event,
        output_tokens_per_iteration=per_event,
    )


def _info(sample: Sample, name: str, wall_ns: int) -> Info:
    def at(moment: int | None) -> float | None:
        return None if moment is None else (wall_ns + moment) / NS

    sent = at(sample.scheduled_at if sample.sent_at is None else sample.sent_at)
    due, done = at(sample.scheduled_at), at(sample.done_at)
    status = _DONE.get(sample.outcome, "errored")
    return Info(
        request_id=name,
        status=status,
        scheduler_start_time=wall_ns / NS,
        timings=Timings(
            targeted_start=due,
            scheduled_at=due,
            resolve_start=sent,
            request_start=sent,
            first_request_iteration=at(sample.first_byte_at),
            first_token_iteration=at(sample.first_token_at),
            first_output_token_iteration=at(sample.first_answer_at),
            last_token_iteration=at(sample.last_token_at),
            last_request_iteration=None,
            request_iterations=sample.chunks,
            token_iterations=sample.chunks,
            request_end=done,
            resolve_end=done,
        ),
        error=None if sample.outcome in _ANSWERED else sample.error or sample.outcome,
        started_at=sent,
        completed_at=done,
    )


def _seconds(start: int, end: int | None) -> float | None:
    return None if end is None else (end - start) / NS


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1e3


def _over(amount: float | None, by: float | None) -> float | None:
    return None if amount is None or not by else amount / by


def _token_latency(sample: Sample) -> float | None:
    """Return GuideLLM's own: (last - first) / (tokens - 1)."""
    tokens, first, last = sample.usage.completion, sample.first_token_at, sample.last_token_at
    if tokens is None or tokens < 2 or first is None or last is None:
        return None
    return (last - first) / NS / (tokens - 1)
