"""The manifest: what is in an archive of evidence, by hash; the signature stands for these bytes.

Format history: 1, first version.
"""

import re
from typing import Any

import msgspec

from bakeoff.errors import DataError

MANIFEST = "manifest.json"
SIGNATURE = "signature.json"
LINES = "lines.bin"
RESULTS = "report/results.json"
REQUIRED = ("events.jsonl", "plan.json", RESULTS, "samples.jsonl", "spec.yaml")
FILES = (*REQUIRED, "cases.jsonl", "scores.jsonl")
"""The files of a run that its numbers come from, and the numbers."""

_VERSION = 1
_ENCODER = msgspec.json.Encoder(order="deterministic")
_RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")


class FileFacts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file of the archive; the `lines` of a `.jsonl` file are its rows."""

    name: str
    sha256: str
    bytes: int
    lines: int = 0


class DataFacts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The cases of a benchmark as they were asked, by the hash that also stands on their data card."""

    rows: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an archive holds.

    Attributes:
        run: the run's id.
        created: when the run's last record was written, so that the same run makes the same archive.
        rule_hash: of the decision rule, see `decide.rule_hash`.
        key: id of the key that signs; None where nobody does.
        versions: of bakeoff and of what computed the results.
        environment: the machine and the software that measured.
        data: by benchmark, its stored cases.
        files: all but the manifest and the signature, by name.
    """

    run: str
    name: str
    created: str
    plan_hash: str
    rule_hash: str
    key: str | None
    versions: dict[str, str]
    environment: dict[str, Any]
    data: dict[str, DataFacts]
    files: list[FileFacts]
    kind: str = "bakeoff evidence"
    schema_version: int = _VERSION


class Signature(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who signed the bytes of the manifest; `public_key` and `signature` are in hexadecimal."""

    key: str
    public_key: str
    signature: str
    algorithm: str = "ed25519"
    schema_version: int = _VERSION


def manifest_bytes(document: Manifest | Signature) -> bytes:
    """Return the canonical bytes: keys sorted, one a line."""
    return msgspec.json.format(_ENCODER.encode(document), indent=1) + b"\n"


def read_manifest(data: bytes) -> Manifest:
    """Return the manifest that these bytes are.

    Raises:
        DataError: they are none, not in their canonical form, or of a later version.
    """
    try:
        found = msgspec.json.decode(data, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DataError(f"this is no manifest: {error}", where=MANIFEST) from error
    if found.schema_version != _VERSION:
        hint = "verify it with a newer bakeoff"
        raise DataError(f"its format is version {found.schema_version}", where=MANIFEST, hint=hint)
    if manifest_bytes(found) != data:
        raise DataError("it is not written as bakeoff writes it, so it was edited", where=MANIFEST)
    names = [each.name for each in found.files]
    if names != sorted(set(names)) or any(facts.bytes < 0 or facts.lines < 0 for facts in found.files):
        raise DataError("its list of files is not in order", where=MANIFEST)
    if not _RUN.fullmatch(found.run):
        raise DataError(f"`{found.run}` is no id of a run", where=MANIFEST)
    return found
