"""A run's directory by name: where it lies, and what else it holds beside its records."""

import re
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import yaml

from bakeoff import clock
from bakeoff.clock import Anchor
from bakeoff.errors import StoreError, UsageError
from bakeoff.plugins import suggest
from bakeoff.records import Case, Event, Plan
from bakeoff.stores.jsonl import JsonlStore, read_records

RUNS = Path("runs")


class CaseLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of `cases.jsonl`: a case as it was asked."""

    benchmark: str
    case: Case


class RunFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the first event of a run says: its time zero, where relative paths start, and the machine.

    Attributes:
        rule_hash: names the decision rule that the run was started with; empty in older runs.
    """

    anchor: Anchor
    base: str
    command: str
    environment: dict[str, Any] = {}
    rule_hash: str = ""


def new_folder(root: Path, name: str) -> Path:
    """Return an unused run directory, named by time, spec and chance."""
    stamp = re.sub(r"[^0-9T]", "", clock.wall_iso()[:19]).replace("T", "-")
    word = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-").lower() or "run"
    return root / f"{stamp}-{word[:40]}-{secrets.token_hex(2)}"


def find_folder(root: Path, run: str | None) -> Path:
    """Return a run's directory by path, id, unique beginning of the id, or the latest for None.

    Raises:
        UsageError: there is no such run, or several begin so.
    """
    if run is not None and (Path(run) / "plan.json").is_file():
        return Path(run)
    known = list_folders(root)
    if run is None:
        if not known:
            raise UsageError(f"there is no run under `{root}`", hint="start one with `bakeoff run`")
        return known[-1]
    found = [folder for folder in known if folder.name == run] or [
        folder for folder in known if folder.name.startswith(run)
    ]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(folder.name for folder in found[:5])
        raise UsageError(f"several runs begin with `{run}`: {names}", hint="give more of the id")
    raise UsageError(
        f"there is no run `{run}` under `{root}`.{suggest(run, [f.name for f in known])}",
        hint="`bakeoff runs list` shows them",
    )


def list_folders(root: Path) -> list[Path]:
    """Return all run directories, oldest first; of those begun in one second, by their plans' files."""
    if not root.is_dir():
        return []
    found = [folder for folder in root.iterdir() if (folder / "plan.json").is_file()]
    return sorted(
        found, key=lambda each: (each.name[:15], (each / "plan.json").stat().st_mtime_ns, each.name)
    )


def write_plan(store: JsonlStore, plan: Plan, document: dict[str, Any], cases: dict[str, list[Case]]) -> None:
    """Write the files that never change after a run has begun."""
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)
    store.put("spec.yaml", text.encode())
    lines = (
        msgspec.json.encode(CaseLine(benchmark=benchmark, case=case)) + b"\n"
        for benchmark, rows in cases.items()
        for case in rows
    )
    store.put("cases.jsonl", b"".join(lines))
    store.put("plan.json", msgspec.json.format(msgspec.json.encode(plan), indent=1))


def read_plan(folder: Path) -> Plan:
    """Return the plan of a run."""
    path = folder / "plan.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=Plan)
    except OSError as error:
        raise StoreError(f"cannot read: {error.strerror}", where=str(path)) from error
    except msgspec.DecodeError as error:
        raise StoreError(f"this is no plan: {error}", where=str(path)) from error


def read_cases(folder: Path) -> dict[str, dict[str, Case]]:
    """Return the stored cases by benchmark and id."""
    found: dict[str, dict[str, Case]] = {}
    decode = msgspec.json.Decoder(CaseLine).decode
    try:
        with (folder / "cases.jsonl").open("rb") as file:
            for line in file:
                row = decode(line)
                found.setdefault(row.benchmark, {})[row.case.id] = row.case
    except FileNotFoundError:
        pass
    return found


def read_facts(events: Iterable[Event], folder: Path) -> RunFacts:
    """Return what the run's first event says.

    Raises:
        StoreError: the run never began.
    """
    for event in events:
        if event.kind == "run_started":
            return msgspec.convert(event.facts, RunFacts)
    raise StoreError("the run never began", where=str(folder), hint="start a new one with `bakeoff run`")


def read_events(folder: Path) -> Iterator[Event]:
    """Yield a run's events."""
    return read_records(folder, Event)
