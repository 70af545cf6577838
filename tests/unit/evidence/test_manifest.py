"""The manifest and its canonical bytes."""

import msgspec
import pytest

from bakeoff.errors import DataError
from bakeoff.evidence import FileFacts, Manifest, manifest_bytes, read_manifest

MANIFEST = Manifest(
    run="20260101-000000-a-0000",
    name="a",
    created="2026-01-01T00:00:00+00:00",
    plan_hash="0",
    rule_hash="1",
    key=None,
    versions={"bakeoff": "1"},
    environment={"z": 1, "a": 2},
    data={},
    files=[FileFacts(name="plan.json", sha256="2", bytes=3)],
)


def changed(**fields: object) -> bytes:
    return manifest_bytes(msgspec.structs.replace(MANIFEST, **fields))


def test_a_manifest_is_read_as_it_was_written() -> None:
    assert read_manifest(manifest_bytes(MANIFEST)) == MANIFEST


def test_the_order_of_keys_does_not_change_the_bytes() -> None:
    assert changed(environment={"a": 2, "z": 1}) == manifest_bytes(MANIFEST)


def test_a_manifest_in_other_bytes_was_edited() -> None:
    with pytest.raises(DataError, match="edited"):
        read_manifest(manifest_bytes(MANIFEST).replace(b"\n", b"\n "))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\xff", "no manifest"),
        (b"{}", "no manifest"),
        (manifest_bytes(MANIFEST).replace(b'"name": "a"', b'"name": "a",\n "more": 1'), "no manifest"),
        (changed(schema_version=2), "version 2"),
        (changed(run="../up"), "no id of a run"),
        (changed(run=".."), "no id of a run"),
        (changed(files=[*MANIFEST.files, *MANIFEST.files]), "not in order"),
        (changed(files=[FileFacts(name="plan.json", sha256="2", bytes=-1)]), "not in order"),
        (changed(files=[FileFacts(name="plan.json", sha256="2", bytes=1, lines=-1)]), "not in order"),
    ],
)
def test_what_is_no_manifest_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(DataError, match=why):
        read_manifest(data)
