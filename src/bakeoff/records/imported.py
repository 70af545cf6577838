"""What an importer read from another tool's files, and what an exporter is given of a run."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from bakeoff.records.case import Case
from bakeoff.records.plan import Plan
from bakeoff.records.result import Estimate, Results
from bakeoff.records.sample import Sample, Score
from bakeoff.records.spec import Spec
from bakeoff.records.target import Target


class ImportedBenchmark(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked, as far as the file tells.

    Attributes:
        load: kind and options of the load in bakeoff's words, None where the file does not tell.
        measured: a load test; its latencies are compared and its rates counted.
        metrics: what can be computed from the samples; all metrics where none is named.
        countable: whether rates may be counted over the samples.
    """

    name: str
    version: str = "1"
    load: dict[str, Any] | None = None
    measured: bool = True
    metrics: tuple[str, ...] = ()
    countable: bool = True


class Reported(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers that a tool reported without the samples behind them.

    Attributes:
        metrics: by name without the benchmark, such as `ttft.p50`; no interval can be given.
        outcomes: how many requests came out how, for a benchmark without any sample.
    """

    benchmark: str
    target: str
    metrics: dict[str, Estimate] = {}
    outcomes: dict[str, int] = {}


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """The content of another tool's result files.

    A sample holds only what the file holds. Where the file gives durations and no moments, `sent_at` is
    None and the sample's other times count from its own start, so nothing may be added up over samples.

    Attributes:
        version: the tool's own version, None where the file does not say.
        sources: every file that was read.
        wall_ns: the wall-clock time of the run's time zero, None where the file does not tell.
        notes: what a reader of the numbers must know.
    """

    tool: str
    version: str | None = None
    targets: tuple[Target, ...]
    benchmarks: tuple[ImportedBenchmark, ...]
    samples: list[Sample] = []
    scores: list[Score] = []
    cases: dict[str, list[Case]] = {}
    reported: list[Reported] = []
    sources: tuple[Path, ...] = ()
    wall_ns: int | None = None
    notes: list[str] = []


class SourceFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was read, by name and content."""

    name: str
    sha256: str
    bytes: int


class ImportFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What an imported run's `imported` event says: whose numbers these are, and those without samples."""

    tool: str
    version: str | None = None
    files: list[SourceFile] = []
    reported: list[Reported] = []
    notes: list[str] = []


class StoredRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run as an exporter sees it; `samples` and `scores` begin a new pass at each call.

    Attributes:
        wall_ns: the wall-clock time of the run's time zero.
        cases: what was asked, by benchmark and id; empty where it is not stored with the run.
        base: where relative paths of the spec start.
        folder: the run's directory, for a format that keeps its files as they are.
    """

    results: Results
    spec: Spec
    plan: Plan
    samples: Callable[[], Iterator[Sample]]
    scores: Callable[[], Iterator[Score]]
    wall_ns: int
    cases: Callable[[], dict[str, dict[str, Case]]] = dict
    base: Path = Path()
    folder: Path | None = None

    @property
    def warmups(self) -> frozenset[str]:
        """Return the names of the stages that no number may contain."""
        return frozenset(stage.name for stage in self.plan.stages if stage.warmup)
