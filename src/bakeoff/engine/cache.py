"""Answers of earlier runs to the same question, served in place of a request where the user asked for it.

A question is the same where server or weights, model, provider and the encoded request are. Only the first
repeat is served: the others are there to tell how answers vary. Measured loads, warm-up and calibration never
come here; see `stage.sending`.
"""

import asyncio
import contextlib
import hashlib
import os
from collections.abc import Callable, Generator, Set
from pathlib import Path
from typing import Any

import msgspec

from bakeoff.records import Call, Intent, Request, Sample, Spec
from bakeoff.stores.answers import AnswerFile

SERVED = "cached_response"
"""The field of a sample's `extra` that says it was served."""
_VERSION = 1
WHOLE = frozenset({"ok", "truncated"})
"""Outcomes of answers that a run keeps and serves."""
_UNTIMED: dict[str, Any] = dict.fromkeys(
    (
        "sent_at",
        "first_byte_at",
        "first_token_at",
        "first_answer_at",
        "last_token_at",
        "done_at",
        "chunk_us",
        "server",
    )
)
"""A served answer has no times: nobody waited for it."""
_encode = msgspec.json.Encoder(order="deterministic").encode
_decode = msgspec.json.Decoder(Sample).decode


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked, and of whom.

    Attributes:
        server: base URL, or the hash of weights that we serve; empty where neither is known.
        asked_by: the provider, or what asks for likelihoods.
    """

    server: str
    model: str
    asked_by: object
    intent: Intent
    request: Request
    call: Call | None

    @property
    def servable(self) -> bool:
        """Tell whether an earlier answer may stand for a new one."""
        return bool(self.server) and self.intent.repeat == 0

    def key(self) -> bytes:
        """Return the hash of the question."""
        asked = self.request if self.call is None else self.call
        parts = (_VERSION, self.server, self.model, type(self.asked_by).__qualname__, self.asked_by, asked)
        return hashlib.sha256(_encode(parts)).digest()


class AnswerCache:
    """Serves and keeps answers.

    Args:
        file: where they are kept.
        redact: takes secrets out of what is kept.
        outcomes: of answers that are kept and served.

    Attributes:
        served: how many answers were served.
    """

    def __init__(
        self, file: AnswerFile, redact: Callable[[bytes], bytes] = bytes, *, outcomes: Set[str] = WHOLE
    ) -> None:
        self.served = 0
        self._file = file
        self._redact = redact
        self._outcomes = outcomes

    async def find(self, question: Question, *, segment: int, at: int) -> Sample | None:
        """Return the sample of an earlier answer; `at` is ns on the run's clock."""
        if not question.servable:
            return None
        kept = await asyncio.to_thread(self._file.find, question.key())
        if kept is None:
            return None
        try:
            sample = _decode(kept)
        except msgspec.DecodeError:
            return None  # of another version: it is asked again, and replaced
        if sample.outcome not in self._outcomes:
            return None
        self.served += 1
        intent = question.intent
        return msgspec.structs.replace(
            sample,
            benchmark=intent.benchmark,
            case=intent.case,
            target=intent.target,
            stage=intent.stage,
            segment=segment,
            scheduled_at=at,
            extra=sample.extra | {SERVED: True},
        )

    async def keep(self, question: Question, sample: Sample) -> None:
        """Keep a whole answer without its times."""
        if question.servable and sample.outcome in self._outcomes:
            bare = msgspec.structs.replace(sample, attempts=[], chunks=0, connect_ns=0, **_UNTIMED)
            await asyncio.to_thread(self._file.keep, question.key(), self._redact(_encode(bare)))


def cache_folder(spec: Spec, base: Path) -> Path | None:
    """Return the folder of a spec's cache, None for none; `true` is the user's own folder."""
    asked = spec.cache
    if isinstance(asked, str):
        return base / Path(asked).expanduser()
    if not asked:
        return None
    own = os.environ.get("BAKEOFF_CACHE")
    if own:
        return Path(own) / "answers"
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "bakeoff" / "answers"


@contextlib.contextmanager
def opened(
    folder: Path | None, redact: Callable[[bytes], bytes], *, outcomes: Set[str] = WHOLE
) -> Generator[AnswerCache | None]:
    """Open the cache in a folder for the block; None for none.

    Raises:
        StoreError: it cannot be opened.
    """
    if folder is None:
        yield None
        return
    with contextlib.closing(AnswerFile(folder)) as file:
        yield AnswerCache(file, redact, outcomes=outcomes)
