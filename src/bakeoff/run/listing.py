"""What stored runs there are, and what each holds."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import msgspec

from bakeoff.errors import StoreError, UsageError
from bakeoff.records import OUTCOMES
from bakeoff.run.folder import RunFacts, list_folders, read_events, read_facts, read_plan
from bakeoff.stores.jsonl import is_locked

State = Literal["finished", "unfinished", "running", "unreadable"]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BLOCK = 1 << 20


class RunSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One stored run in a line.

    Attributes:
        samples: lines of the store, warm-up and tries of resumed runs included.
        verdict: the state of its verdict, None where no results were written yet.
    """

    id: str
    name: str
    started: str
    state: State
    samples: int
    path: str
    verdict: str | None = None
    sentence: str | None = None


class Progressed(msgspec.Struct, frozen=True, kw_only=True):
    """How far one target came in one benchmark, warm-up included."""

    benchmark: str
    target: str
    planned: int
    stored: int
    outcomes: dict[str, int]


class RunTarget(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a run asked."""

    name: str
    model: str
    where: str | None
    engine: str | None


class RunDetails(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about one stored run but its results."""

    run: RunSummary
    plan_hash: str
    seed: int
    command: str
    targets: list[RunTarget]
    counts: list[Progressed]
    files: dict[str, int]
    environment: dict[str, Any] = {}
    schema_version: int = 1


class _Outcome(msgspec.Struct, frozen=True):
    """The part of a results file that a list shows."""

    name: str
    verdict: "_Verdict"


class _Verdict(msgspec.Struct, frozen=True):
    state: str
    sentence: str


class _Line(msgspec.Struct, frozen=True):
    """The part of a sample that is counted."""

    benchmark: str
    case: str
    target: str
    outcome: str
    repeat: int = 0
    stage: str = "main"


def summaries(root: Path) -> list[RunSummary]:
    """Return all runs of a folder, oldest first."""
    return [summary(folder) for folder in list_folders(root)]


def summary(folder: Path) -> RunSummary:
    """Return one run in a line; a damaged one is told as unreadable."""
    outcome = _read_outcome(folder)
    state, facts = _state(folder)
    return RunSummary(
        id=folder.name,
        name=outcome.name if outcome else _name_in(folder.name),
        started=_iso(facts.anchor.wall_ns) if facts else "",
        state=state,
        samples=_count_lines(folder / "samples.jsonl"),
        path=str(folder),
        verdict=outcome.verdict.state if outcome and state == "finished" else None,
        sentence=outcome.verdict.sentence if outcome and state == "finished" else None,
    )


def details(folder: Path) -> RunDetails:
    """Return everything about one run but its results."""
    plan = read_plan(folder)
    facts = read_facts(read_events(folder), folder)
    return RunDetails(
        run=summary(folder),
        plan_hash=plan.hash,
        seed=plan.seed,
        command=facts.command,
        targets=[
            RunTarget(name=t.name, model=t.model, where=t.endpoint or t.source, engine=t.engine)
            for t in plan.targets
        ],
        counts=_counts(folder),
        files={
            str(path.relative_to(folder)): path.stat().st_size
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.name != ".lock"
        },
        environment=facts.environment,
    )


def latest_unfinished(root: Path) -> Path:
    """Return the latest run that stopped before its end.

    Raises:
        UsageError: there is none.
    """
    for folder in reversed(list_folders(root)):
        if _state(folder)[0] == "unfinished":
            return folder
    raise UsageError(f"no run under `{root}` is unfinished", hint="name one, or start one with `bakeoff run`")


def _state(folder: Path) -> tuple[State, RunFacts | None]:
    try:
        events = list(read_events(folder))
        facts = read_facts(events, folder)
    except StoreError:
        return "unreadable", None
    if is_locked(folder):
        return "running", facts
    marks = [e.kind for e in events if e.kind in {"run_started", "run_resumed", "run_ended"}]
    return "finished" if marks[-1] == "run_ended" else "unfinished", facts


def _counts(folder: Path) -> list[Progressed]:
    planned: Counter[tuple[str, str]] = Counter()
    for stage in read_plan(folder).stages:
        planned[stage.benchmark, stage.target] += stage.requests
    latest = {
        (line.benchmark, line.case, line.target, line.repeat, line.stage): line for line in _lines(folder)
    }
    outcomes: dict[tuple[str, str], Counter[str]] = {key: Counter() for key in planned}
    for line in latest.values():
        outcomes.setdefault((line.benchmark, line.target), Counter())[line.outcome] += 1
    return [
        Progressed(
            benchmark=benchmark,
            target=target,
            planned=planned[benchmark, target],
            stored=counts.total(),
            outcomes={name: counts[name] for name in OUTCOMES if counts[name]},
        )
        for (benchmark, target), counts in outcomes.items()
    ]


def _lines(folder: Path) -> Iterator[_Line]:
    decode = msgspec.json.Decoder(_Line).decode
    try:
        with (folder / "samples.jsonl").open("rb") as file:
            for line in file:
                if line.endswith(b"\n"):
                    yield decode(line)
    except FileNotFoundError:
        return
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StoreError(f"a line cannot be read: {error}", where=str(folder / "samples.jsonl")) from error


def _read_outcome(folder: Path) -> _Outcome | None:
    try:
        return msgspec.json.decode((folder / "report" / "results.json").read_bytes(), type=_Outcome)
    except (OSError, msgspec.DecodeError):
        return None


def _count_lines(path: Path) -> int:
    try:
        with path.open("rb") as file:
            return sum(block.count(b"\n") for block in iter(lambda: file.read(_BLOCK), b""))
    except FileNotFoundError:
        return 0


def _name_in(run: str) -> str:
    """Return the part of an id between its time and its last word."""
    return "-".join(run.split("-")[2:-1]) or run


def _iso(wall_ns: int) -> str:
    return (_EPOCH + timedelta(microseconds=wall_ns // 1000)).isoformat(timespec="seconds")
