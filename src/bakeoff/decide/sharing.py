"""Keep many samples and scores in less memory: what they have in common is kept once. Nothing is lost."""

import sys
from typing import TypeVar

import msgspec

from bakeoff.records import Sample, Score

Record = TypeVar("Record", Sample, Score)

_NO_ITEMS: list[object] = []
_NO_FACTS: dict[str, object] = {}
_REPEATED = {
    Sample: ("benchmark", "target", "stage", "outcome", "model", "finish_reason", "stamped_by"),
    Score: ("benchmark", "target", "stage", "outcome", "scorer", "metric", "reason"),
}
_HOLDERS = {
    Sample: ("tool_calls", "attempts", "likelihoods", "top_logprobs", "extra"),
    Score: ("parts",),
}


def shared(record: Record) -> Record:
    """Return the record with texts that many have, and empty lists and mappings, kept once for all."""
    kind = type(record)
    changes: dict[str, object] = {}
    for name in _REPEATED[kind]:
        text = getattr(record, name)
        if text:
            changes[name] = sys.intern(text)
    for name in _HOLDERS[kind]:
        held = getattr(record, name)
        if not held:
            changes[name] = _NO_ITEMS if isinstance(held, list) else _NO_FACTS
    return msgspec.structs.replace(record, **changes)
