"""The formulas of what servers say of themselves, for metrics that share them. Failed samples have none."""

from bakeoff.metrics._times import NS
from bakeoff.records import Sample


def ttft(sample: Sample) -> float | None:
    """Seconds to the first token as the server says, else its waiting and reading of the prompt."""
    server = sample.server
    if server is None or not sample.ok:
        return None
    if server.ttft is not None:
        return server.ttft
    return None if server.prefill is None else server.prefill + (server.queue or 0.0)


def e2e(sample: Sample) -> float | None:
    """Seconds for the whole answer as the server says, else the sum of its parts."""
    server = sample.server
    if server is None or not sample.ok:
        return None
    if server.e2e is not None:
        return server.e2e
    if server.prefill is None or server.decode is None:
        return None
    return server.prefill + server.decode + (server.queue or 0.0)


def tpot(sample: Sample) -> float | None:
    """Time from its first to its last token / (tokens - 1), else 1 / output_rate."""
    server = sample.server
    if server is None or not sample.ok:
        return None
    if server.decode is not None and server.decoded is not None:
        return server.decode / (server.decoded - 1) if server.decoded > 1 else None
    return 1.0 / server.output_rate if server.output_rate else None


def output_rate(sample: Sample) -> float | None:
    """Tokens per second after the first, as told."""
    server = sample.server
    return None if server is None or not sample.ok else server.output_rate


def queue(sample: Sample) -> float | None:
    """Seconds of waiting in the server, as told."""
    server = sample.server
    return None if server is None or not sample.ok else server.queue


def since_sent(sample: Sample, moment: int | None) -> float | None:
    """Seconds from sending to a moment of the client."""
    return None if moment is None or sample.sent_at is None else (moment - sample.sent_at) / NS


def difference(client: float | None, server: float | None) -> float | None:
    """Client minus server, where both are known."""
    return None if client is None or server is None else client - server
