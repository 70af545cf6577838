"""The formulas of DESIGN's times, in seconds, for metrics that share them. Failed samples have none."""

from bakeoff.records import Sample

NS = 1e9


def ttft(sample: Sample) -> float | None:
    """first_token_at - scheduled_at."""
    return _between(sample, sample.scheduled_at, sample.first_token_at)


def ttfa(sample: Sample) -> float | None:
    """first_answer_at - scheduled_at."""
    return _between(sample, sample.scheduled_at, sample.first_answer_at)


def e2e(sample: Sample) -> float | None:
    """done_at - scheduled_at."""
    return _between(sample, sample.scheduled_at, sample.done_at)


def service(sample: Sample) -> float | None:
    """done_at - sent_at."""
    return _between(sample, sample.sent_at, sample.done_at)


def streaming(sample: Sample) -> float | None:
    """last_token_at - first_token_at of an answer that came in at least two events."""
    if sample.chunks < 2:
        return None
    return _between(sample, sample.first_token_at, sample.last_token_at)


def visible_tokens(sample: Sample) -> int | None:
    """Tokens that arrived as text: the completion, less reasoning that was counted but not sent."""
    usage = sample.usage
    if usage.completion is None:
        return None
    hidden = 0 if sample.thinking else usage.reasoning or 0
    return usage.completion - hidden


def token_per_chunk(sample: Sample) -> bool:
    """Tell whether every event held exactly one token, and came by itself as a rule.

    Many servers count the token that ends an answer, which has no text and so no event; after a
    natural stop one token more than events is the same thing.
    """
    if sample.arrivals and 3 * sample.arrivals < 2 * sample.chunks:
        return False
    tokens = visible_tokens(sample)
    stopped = sample.finish_reason == "stop"
    return tokens is not None and (tokens == sample.chunks or (stopped and tokens == sample.chunks + 1))


def tpot(sample: Sample) -> float | None:
    """(last - first) / tokens after the first event, as `bakeoff.metrics.tpot` explains."""
    span, tokens = streaming(sample), visible_tokens(sample)
    if span is None or tokens is None or tokens < 2:
        return None
    later = sample.chunks - sample.first_chunks
    if later < 1:
        return None
    if token_per_chunk(sample):
        return span / later
    return span / (tokens * later / sample.chunks)


def _between(sample: Sample, start: int | None, end: int | None) -> float | None:
    if sample.outcome != "ok" or start is None or end is None:
        return None
    return (end - start) / NS
