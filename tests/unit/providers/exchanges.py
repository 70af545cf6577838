"""Exchanges as a wire client returns them, made by hand or read from a transcript of a real server."""

import itertools
from pathlib import Path
from typing import Any

import msgspec

from bakeoff.records import Exchange

TRANSCRIPTS = Path(__file__).parent / "transcripts"


def transcript(name: str) -> Exchange:
    """Return what a real server sent, byte for byte and piece by piece."""
    return msgspec.json.decode((TRANSCRIPTS / f"{name}.json").read_bytes(), type=Exchange)


def of_pieces(pieces: list[bytes], *, kind: str = "text/event-stream", broken: str = "") -> Exchange:
    """Return an exchange whose n-th piece came at 1000 n."""
    stamps = [1000 * (n + 1) for n in range(len(pieces))]
    return Exchange(
        status=200,
        headers={"content-type": kind},
        pieces=pieces,
        stamps=stamps,
        sent_at=1,
        first_byte_at=stamps[0] if stamps else 2,
        done_at=stamps[-1] if stamps else 2,
        broken=broken,
    )


def stream(*events: Any, done: bool = True, **options: Any) -> Exchange:
    """Return a stream with one piece per event; text is sent as it stands."""
    texts = [event if isinstance(event, str) else msgspec.json.encode(event).decode() for event in events]
    pieces = [f"data: {text}\n\n".encode() for text in texts]
    return of_pieces(pieces + [b"data: [DONE]\n\n"] * done, **options)


def whole(body: Any) -> Exchange:
    """Return an answer that was not streamed."""
    data = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return of_pieces([data], kind="application/json; charset=utf-8")


def recut(exchange: Exchange, cuts: list[int]) -> Exchange:
    """Return the same body cut elsewhere, all of it stamped alike."""
    body = exchange.body
    at = sorted({0, len(body), *(cut % (len(body) + 1) for cut in cuts)})
    pieces = [body[low:high] for low, high in itertools.pairwise(at)]
    return msgspec.structs.replace(exchange, pieces=pieces, stamps=[5] * len(pieces))
