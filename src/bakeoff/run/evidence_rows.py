"""Read a run's rows one by one and say which do not belong: broken, of nobody's plan, without their sample.

Streams: what is kept is one number for each sample.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import msgspec

from bakeoff.errors import BakeoffError
from bakeoff.evidence import Finding
from bakeoff.records import OUTCOMES, Event, Plan, Sample, Score
from bakeoff.run.folder import CaseLine, read_plan

T = TypeVar("T")
Key = tuple[str, str, str, int, str]


class Rows(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows there are of each kind, what is wrong with some, and the events.

    Attributes:
        readable: nothing is so broken that no results can be computed.
    """

    counts: dict[str, int]
    findings: list[Finding]
    events: list[Event]
    readable: bool


class _Place(msgspec.Struct, kw_only=True):
    """What is planned for a benchmark and a target; `open` where a ladder makes stages of its own."""

    stages: dict[str, set[str]] = {}
    open: bool = False


def check_rows(folder: Path) -> Rows:
    """Check every row of a run."""
    try:
        plan = read_plan(folder)
    except BakeoffError as error:
        found = Finding(check="rows", text=error.message, file="plan.json")
        return Rows(counts={}, findings=[found], events=[], readable=False)
    reading = _Reading(folder)
    events = [event for _, event in reading.rows("events.jsonl", Event)]
    if not any(event.kind == "run_started" for event in events):
        reading.broken("events.jsonl", None, "it does not say how the run began")
    _check_cases(reading)
    stored = _check_samples(reading, _places(plan))
    _check_scores(reading, stored)
    return Rows(
        counts=reading.counts, findings=reading.findings, events=events, readable=not reading.unreadable
    )


def name_key(key: Key) -> str:
    """Return a sample's key as text."""
    benchmark, case, target, repeat, stage = key
    return f"benchmark `{benchmark}` case `{case}` target `{target}` repeat {repeat} stage `{stage}`"


class _Reading:
    """Rows of one folder, counted, with what is wrong with them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.counts: dict[str, int] = {}
        self.findings: list[Finding] = []
        self.unreadable = False

    def rows(self, name: str, kind: type[T]) -> Iterator[tuple[int, T]]:
        """Yield the readable rows of a file with their line numbers."""
        decode = msgspec.json.Decoder(kind).decode
        count = 0
        try:
            with (self._folder / name).open("rb") as file:
                for number, line in enumerate(file, 1):
                    count += 1
                    try:
                        yield number, decode(line)
                    except (msgspec.DecodeError, UnicodeDecodeError) as error:
                        self.broken(name, number, f"this row cannot be read: {error}")
        except FileNotFoundError:
            return
        self.counts[name] = count

    def broken(self, name: str, line: int | None, text: str) -> None:
        """Note a row without which no results can be computed."""
        self.unreadable = True
        self.findings.append(Finding(check="rows", text=text, file=name, line=line))

    def strange(self, finding: Finding) -> None:
        """Note a row that can be read but does not belong here."""
        self.findings.append(finding)


def _places(plan: Plan) -> dict[tuple[str, str], _Place]:
    """Return what is planned, by benchmark and target."""
    shared: dict[tuple[str, ...], set[str]] = {}
    found: dict[tuple[str, str], _Place] = {}
    for stage in plan.stages:
        place = found.setdefault((stage.benchmark, stage.target), _Place(stages={}))
        # Targets are asked the same cases, so one set serves all of them.
        asked = shared.setdefault(tuple(stage.cases), set(stage.cases))
        known = place.stages.get(stage.name)
        place.stages[stage.name] = asked if known is None else known | asked
        place.open = place.open or stage.ladder
    return found


def _check_cases(reading: _Reading) -> None:
    seen: set[tuple[str, str]] = set()
    for number, row in reading.rows("cases.jsonl", CaseLine):
        key = (row.benchmark, row.case.id)
        if key in seen:
            text, told = "this case is there twice", f"benchmark `{key[0]}` case `{key[1]}`"
            reading.strange(Finding(check="rows", text=text, file="cases.jsonl", line=number, key=told))
        seen.add(key)


def _check_samples(reading: _Reading, places: Mapping[tuple[str, str], _Place]) -> set[int]:
    """Check the samples and return the hashes of their keys."""
    seen: set[int] = set()
    for number, sample in reading.rows("samples.jsonl", Sample):
        field, stored = _unplanned(sample, places)
        mark = hash(sample.key)
        if field:
            _note(
                reading,
                "samples.jsonl",
                number,
                sample.key,
                f"this {field} is not in the plan",
                field,
                stored,
            )
        elif sample.outcome not in OUTCOMES:
            _note(
                reading,
                "samples.jsonl",
                number,
                sample.key,
                "there is no such outcome",
                "outcome",
                sample.outcome,
            )
        elif mark in seen and sample.segment == 0:
            # Only a resume asks a second time.
            _note(reading, "samples.jsonl", number, sample.key, "this sample is there twice", "", None)
        seen.add(mark)
    return seen


def _unplanned(sample: Sample, places: Mapping[tuple[str, str], _Place]) -> tuple[str, str | None]:
    """Return the field by which a sample is not of the plan, and what it says."""
    place = places.get((sample.benchmark, sample.target))
    if place is None:
        known = any(sample.benchmark == benchmark for benchmark, _ in places)
        return ("target", sample.target) if known else ("benchmark", sample.benchmark)
    asked = place.stages.get(sample.stage)
    if asked is None:
        return ("", None) if place.open else ("stage", sample.stage)
    return ("", None) if place.open or sample.case in asked else ("case", sample.case)


def _check_scores(reading: _Reading, samples: set[int]) -> None:
    for number, score in reading.rows("scores.jsonl", Score):
        key = (score.benchmark, score.case, score.target, score.repeat, score.stage)
        if hash(key) not in samples:
            _note(
                reading,
                "scores.jsonl",
                number,
                key,
                f"`{score.scorer}` graded a sample that is not there",
                "",
                None,
            )


def _note(
    reading: _Reading, file: str, line: int, key: Key, text: str, field: str, stored: str | None
) -> None:
    reading.strange(
        Finding(check="rows", text=text, file=file, line=line, key=name_key(key), field=field, stored=stored)
    )
