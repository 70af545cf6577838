"""A signed archive to tamper with, and what verifying it found."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from bakeoff.evidence import Finding, Key, Signature, list_keys, manifest_bytes, read_manifest, sign
from bakeoff.evidence.lines import SIZE
from bakeoff.run.evidence import Trust, Verification, verify_archive

Files = dict[str, bytes]


class Shop(msgspec.Struct, frozen=True, kw_only=True):
    """A run, its archive, and the keys of two people."""

    run: Path
    archive: Path
    keys: Path

    @property
    def trust(self) -> Trust:
        return Trust(keys=[key for key in list_keys(self.keys) if key.name == "alice"])

    def key(self, name: str) -> Key:
        return next(key for key in list_keys(self.keys) if key.name == name)


def unpacked(path: Path) -> Files:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def repacked(files: Files, path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def verify_changed(shop: Shop, folder: Path, change: Callable[[Files], object]) -> Verification:
    files = unpacked(shop.archive)
    change(files)
    return verify_archive(repacked(files, folder / "changed.zip"), shop.trust)


def swap(name: str, old: str, new: str) -> Callable[[Files], object]:
    def change(files: Files) -> None:
        assert old.encode() in files[name], f"{name} has no {old}"
        files[name] = files[name].replace(old.encode(), new.encode(), 1)

    return change


def of(found: Verification, check: str) -> list[Finding]:
    return [each for each in found.findings if each.check == check]


def states(found: Verification) -> dict[str, str]:
    return {check.name: check.state for check in found.checks}


def described(files: Files, signer: Key, /, **fields: Any) -> None:
    """Make the manifest fit changed files, and sign it, as somebody would who hides a change."""
    import hashlib

    old = read_manifest(files["manifest.json"])
    listed = [each.name for each in old.files if each.name in files]
    marks = b"".join(
        hashlib.sha256(line).digest()[:SIZE]
        for name in listed
        if name != "lines.bin"
        for line in files[name].splitlines(keepends=True)
    )
    files["lines.bin"] = marks
    facts = [
        msgspec.structs.replace(
            each,
            sha256=hashlib.sha256(files[each.name]).hexdigest(),
            bytes=len(files[each.name]),
            lines=0 if each.name == "lines.bin" else len(files[each.name].splitlines()),
        )
        for each in old.files
        if each.name in files
    ]
    fields = {"files": facts, "key": signer.id, **fields}
    files["manifest.json"] = manifest_bytes(msgspec.structs.replace(old, **fields))
    files["signature.json"] = signed(files["manifest.json"], signer)


def signed(manifest: bytes, key: Key) -> bytes:
    mark = Signature(key=key.id, public_key=key.public.hex(), signature=sign(key, manifest).hex())
    return manifest_bytes(mark)
