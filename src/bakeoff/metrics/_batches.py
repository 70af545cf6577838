"""What the server's own times tell of batches: requests that were computed together."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise

import msgspec

from bakeoff.metrics import _server
from bakeoff.records import Sample


class Served(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One answer of which the server told its time to first token. Times of the client are ns."""

    done_at: int
    sent_at: int
    ttft: float


class Batches(msgspec.Struct, frozen=True, kw_only=True):
    """Batches of a stage; each is None where the answers cannot tell, and `note` says why.

    Attributes:
        size: of more than half of the requests.
        switching: seconds between the least and the greatest server time to first token at the largest size.
        n: answers that it was read from.
    """

    size: float | None = None
    switching: float | None = None
    n: int = 0
    note: str = ""


def served(sample: Sample) -> Served | None:
    """Return an answer whose server told its time to first token."""
    ttft = _server.ttft(sample)
    if ttft is None or sample.done_at is None or sample.sent_at is None:
        return None
    return Served(done_at=sample.done_at, sent_at=sample.sent_at, ttft=ttft)


def told_size(sample: Sample) -> float | None:
    """Return the size of the batch as the server told it."""
    return None if sample.server is None or not sample.ok else sample.server.batch_size


def find_batches(answers: Iterable[Served], told: Counter[float]) -> Batches:
    """Return the batches of a stage.

    Args:
        answers: those whose server told its time to first token, in any order.
        told: how many answers came with which batch size; these win over an estimate.
    """
    ordered = sorted(answers, key=lambda one: (one.done_at, one.ttft))
    groups = [list(members) for _, members in groupby(ordered, key=lambda one: one.ttft)]
    sized = [(1 << (len(group) - 1).bit_length(), one.ttft) for group in groups for one in group]
    sizes = Counter(float(size) for size, _ in sized)
    n = told.total() or len(ordered)
    if not sized or (len(groups) == len(ordered) and _overlap(ordered)):
        note = _TOLD if told else _NONE_SHARED if sized else _NOT_TOLD
        return Batches(size=_common(told), n=n, note=note)
    largest = max(sizes)
    times = [ttft for size, ttft in sized if size == largest]
    return Batches(
        size=_common(told or sizes),
        switching=max(times) - min(times) if len(times) > 1 else None,
        n=n,
        note=_TOLD if told else _SHARED,
    )


_TOLD = "as the server told it"
_SHARED = "answers with the very same server time to first token are one batch"
_NOT_TOLD = "the server told neither a batch size nor its time to first token"
_NONE_SHARED = "answers overlapped, but no two shared the server's time to first token"


def _common(sizes: Counter[float]) -> float | None:
    """Return the size that more than half of the requests had."""
    if not sizes:
        return None
    ((size, count),) = sizes.most_common(1)
    return size if count > sizes.total() / 2 else None


def _overlap(answers: Sequence[Served]) -> bool:
    """Tell whether any request was sent before an earlier one had ended."""
    spans = sorted((one.sent_at, one.done_at) for one in answers)
    return any(after[0] < before[1] for before, after in pairwise(spans))


def in_flight(spans: Iterable[tuple[int, int]], begin: int, end: int) -> float | None:
    """Return how many spans were open, on average over the time from `begin` to `end`, in ns."""
    if end <= begin:
        return None
    covered = sum(max(0, min(last, end) - max(first, begin)) for first, last in spans)
    return covered / (end - begin)
