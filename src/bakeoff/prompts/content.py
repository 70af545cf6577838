"""Hashes of what cases say, independent of key order and of where they were read from."""

import hashlib
from collections.abc import Iterable
from typing import Any

import msgspec

from bakeoff.records import Case

_CANONICAL = msgspec.json.Encoder(order="deterministic")


def row_hash(fields: dict[str, Any]) -> str:
    """Return 12 hex digits that name a row by its content."""
    return hashlib.sha256(_CANONICAL.encode(fields)).hexdigest()[:12]


def content_hash(cases: Iterable[Case]) -> str:
    """Return the sha256 of the cases in their order; line numbers do not count."""
    digest = hashlib.sha256()
    for case in cases:
        digest.update(_CANONICAL.encode(msgspec.structs.replace(case, line=0)))
        digest.update(b"\n")
    return digest.hexdigest()
