"""Compare unpacked files with what the manifest says of them, down to the line and the record."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import msgspec

from bakeoff.decide.verdict.rule_hash import rule_hash
from bakeoff.evidence import (
    LINES,
    MANIFEST,
    REQUIRED,
    SIGNATURE,
    SIZE,
    DataFacts,
    FileFacts,
    Finding,
    LineHasher,
    Manifest,
    where_changed,
)
from bakeoff.exporters.evidence import ended_at
from bakeoff.prompts import content_hash
from bakeoff.records import Event, Spec
from bakeoff.run.evidence_numbers import compare
from bakeoff.run.folder import read_cases, read_facts, read_plan

_TOLD = 20
"""Most lines of one file that are told one by one."""


def changed_files(
    manifest: Manifest, hashes: Mapping[str, LineHasher], names: Collection[str], folder: Path
) -> list[Finding]:
    """Return how unpacked files differ from what the manifest says.

    Args:
        manifest: says what they should be.
        hashes: of what was unpacked.
        names: what is in the archive.
        folder: where it was unpacked.
    """
    listed = {facts.name for facts in manifest.files}
    found = [
        Finding(check="hashes", text="the manifest does not know this file", file=name)
        for name in sorted(set(names) - listed - {MANIFEST, SIGNATURE})
    ]
    found += [
        Finding(check="hashes", text="the manifest lacks this file", file=name)
        for name in (*REQUIRED, LINES)
        if name not in listed
    ]
    marks = _signed_marks(manifest, hashes, folder)
    for facts in manifest.files:
        hasher = hashes.get(facts.name)
        if hasher is None:
            found.append(Finding(check="hashes", text="the file is missing", file=facts.name))
        elif hasher.sha256 != facts.sha256 or hasher.bytes != facts.bytes:
            found += _changed(facts, hasher, marks.get(facts.name), folder)
        elif facts.name != LINES and hasher.lines != facts.lines:
            text = "it has another number of lines than the manifest says"
            stored, told = str(hasher.lines), str(facts.lines)
            found.append(Finding(check="hashes", text=text, file=facts.name, stored=stored, computed=told))
    return found


def _signed_marks(manifest: Manifest, hashes: Mapping[str, LineHasher], folder: Path) -> dict[str, bytes]:
    """Return the hashes of the lines as they were signed, by file; nothing where these were changed too."""
    facts = next((each for each in manifest.files if each.name == LINES), None)
    hasher = hashes.get(LINES)
    if facts is None or hasher is None or hasher.sha256 != facts.sha256:
        return {}
    found: dict[str, bytes] = {}
    with (folder / LINES).open("rb") as file:
        for each in manifest.files:
            if each.name != LINES:
                found[each.name] = file.read(each.lines * SIZE)
    return found


def _changed(facts: FileFacts, hasher: LineHasher, marks: bytes | None, folder: Path) -> Iterator[Finding]:
    yield Finding(
        check="hashes",
        text="this is not the file that was signed",
        file=facts.name,
        field="sha256",
        stored=hasher.sha256,
        computed=facts.sha256,
    )
    moved = where_changed(marks, bytes(hasher.marks)) if marks is not None else None
    if moved is None:
        return
    if moved.reordered:
        text = "the lines that were signed stand in another order from here on"
        yield from _at(facts.name, [moved.first], text, folder)
        return
    yield from _at(facts.name, moved.changed[:_TOLD], "this line was changed", folder)
    yield from _at(facts.name, moved.added[:_TOLD], "this line was added", folder)
    for number in moved.removed[:_TOLD]:
        yield Finding(check="hashes", text=f"line {number:,} of the signed file was removed", file=facts.name)
    rest = sum(max(0, len(each) - _TOLD) for each in (moved.changed, moved.added, moved.removed))
    if rest:
        yield Finding(check="hashes", text=f"{rest:,} more lines differ", file=facts.name)


def _at(name: str, numbers: Sequence[int], text: str, folder: Path) -> Iterator[Finding]:
    keys = _keys(folder / name, numbers) if name.endswith(".jsonl") else {}
    for number in numbers:
        yield Finding(check="hashes", text=text, file=name, line=number, key=keys.get(number, ""))


def _keys(path: Path, numbers: Sequence[int]) -> dict[int, str]:
    """Return what the rows in these lines are of."""
    wanted, found = set(numbers), dict[int, str]()
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if number in wanted:
                found[number] = _key(line)
    return found


def _key(line: bytes) -> str:
    try:
        row: Any = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    if not isinstance(row, dict):
        return ""
    fields = cast("dict[str, Any]", row)
    case = fields.get("case")
    if isinstance(case, dict):
        fields = fields | {"case": cast("dict[str, Any]", case).get("id")}
    names = ("kind", "benchmark", "case", "target", "repeat", "stage", "scorer")
    return " ".join(_named(name, fields[name]) for name in names if name in fields)


def _named(name: str, value: object) -> str:
    return f"{name} {value}" if isinstance(value, int) else f"{name} `{value}`"


def wrong_facts(manifest: Manifest, spec: Spec, events: Iterable[Event], folder: Path) -> list[Finding]:
    """Return what the manifest says otherwise than the files that it lists."""
    events = list(events)
    facts = read_facts(events, folder)
    files = {
        "name": spec.name,
        "created": ended_at(facts.anchor.wall_ns, events),
        "plan_hash": read_plan(folder).hash,
        "rule_hash": rule_hash(spec.decide),
        "environment": facts.environment,
        "data": {
            benchmark: DataFacts(rows=len(cases), sha256=content_hash(cases.values()))
            for benchmark, cases in read_cases(folder).items()
        },
    }
    told = {name: getattr(manifest, name) for name in files}
    compared = compare(*(msgspec.json.decode(msgspec.json.encode(each)) for each in (told, files)))
    return [
        Finding(
            check="manifest",
            text="the files say otherwise",
            file=MANIFEST,
            field=each.field,
            stored=each.stored,
            computed=each.computed,
        )
        for each in compared.differences
    ]
