"""The Python API: stored runs, their comparison and their verdict, as typed records. It sends no request.

The arithmetic behind it works on plain sequences and is public too: `bakeoff.stats`.
"""

import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from bakeoff import frames
from bakeoff.records import Case, DecideSpec, Event, Plan, Results, Sample, Score, Spec, Verdict
from bakeoff.run.compare import Compared, compare_runs
from bakeoff.run.deciding import decide_again
from bakeoff.run.finish import REPORTS, finish, make_results
from bakeoff.run.folder import RUNS, find_folder, list_folders, read_cases, read_plan
from bakeoff.run.importing import import_files as import_into
from bakeoff.run.stored import load_stored
from bakeoff.stores.jsonl import read_records

if TYPE_CHECKING:
    from pandas import DataFrame  # pyright: ignore[reportMissingTypeStubs]  an extra without types


class Run:
    """A stored run: what was asked, what came back, and the results, computed from the stored rows.

    Records are read when they are asked for; nothing is written but by `write_reports`.
    """

    def __init__(self, folder: str | Path) -> None:
        """Open a run's directory; `bakeoff.load` finds one by its id.

        Raises:
            StoreError: it is no run, or cannot be read.
        """
        self.folder = Path(folder)
        self.plan: Plan = read_plan(self.folder)

    def __repr__(self) -> str:
        return f"Run({str(self.folder)!r})"

    @property
    def id(self) -> str:
        """Return the name of its directory."""
        return self.folder.resolve().name

    @property
    def targets(self) -> list[str]:
        """Return the names of who was asked."""
        return [target.name for target in self.plan.targets]

    @property
    def benchmarks(self) -> list[str]:
        """Return the names of what was asked."""
        return [benchmark.name for benchmark in self.spec.benchmarks]

    @cached_property
    def spec(self) -> Spec:
        """Return the spec that it was started with; unset secrets are empty."""
        return load_stored(self.folder, {}, secrets_needed=False).spec

    @cached_property
    def results(self) -> Results:
        """Return estimates, comparisons and the verdict under the run's own rule."""
        return make_results(self.folder, self.spec)

    @property
    def warmups(self) -> frozenset[str]:
        """Return the names of the warm-up stages, which no estimate contains."""
        return frozenset(stage.name for stage in self.plan.stages if stage.warmup)

    def samples(self, *, warmup: bool = False) -> Iterator[Sample]:
        """Yield the samples that numbers stand on, in the order in which they were stored.

        Of an intent that was tried again after a resume, only the last sample counts.

        Args:
            warmup: yield those of warm-up stages too.
        """
        left_out = frozenset[str]() if warmup else self.warmups
        last = self._last_tries()
        for number, sample in enumerate(read_records(self.folder, Sample)):
            if sample.stage not in left_out and (last is None or last[sample.key] == number):
                yield sample

    def scores(self, *, warmup: bool = False) -> Iterator[Score]:
        """Yield the scores that numbers stand on; where a sample was scored again, the last ones.

        Args:
            warmup: yield those of warm-up stages too.
        """
        left_out = frozenset[str]() if warmup else self.warmups
        latest: dict[tuple[str, str, str, str, int, str], Score] = {}
        for score in read_records(self.folder, Score):
            if score.stage not in left_out:
                key = (score.benchmark, score.case, score.target, score.scorer, score.repeat, score.stage)
                latest[key] = score
        yield from latest.values()

    def cases(self, benchmark: str | None = None) -> Iterator[Case]:
        """Yield the cases as they were asked, of one benchmark or of all; none where they are not stored."""
        for name, cases in read_cases(self.folder).items():
            if benchmark in (None, name):
                yield from cases.values()

    def samples_frame(self, *, warmup: bool = False) -> "DataFrame":
        """Return `samples` as a data frame; `bakeoff.frames.SAMPLE_COLUMNS` says what its columns are.

        Raises:
            PluginError: pandas is not installed.
        """
        return frames.samples_frame(self.samples(warmup=warmup), self.plan.targets, self.warmups)

    def scores_frame(self, *, warmup: bool = False) -> "DataFrame":
        """Return `scores` as a data frame; `bakeoff.frames.SCORE_COLUMNS` says what its columns are.

        Raises:
            PluginError: pandas is not installed.
        """
        return frames.scores_frame(self.scores(warmup=warmup), self.warmups)

    def results_frame(self) -> "DataFrame":
        """Return every estimate as a row; `bakeoff.frames.RESULT_COLUMNS` says what the columns are.

        Raises:
            PluginError: pandas is not installed.
        """
        return frames.results_frame(self.results)

    def write_reports(self, formats: Sequence[str] = REPORTS) -> dict[str, Path]:
        """Write reports into the run's directory and return their files by format."""
        return finish(self.folder, self.spec, tuple(formats)).files

    def _last_tries(self) -> dict[tuple[str, str, str, int, str], int] | None:
        """Return the place of each intent's last sample; None where nothing was tried twice."""
        if not any(event.kind == "run_resumed" for event in read_records(self.folder, Event)):
            return None
        return {sample.key: number for number, sample in enumerate(read_records(self.folder, Sample))}


def load(run: str | Path | None = None, *, root: str | Path = RUNS) -> Run:
    """Return a stored run.

    Args:
        run: its path, its id, or the beginning of one; the latest run by default.
        root: the folder of all runs.

    Raises:
        UsageError: there is no such run, or several begin so.
    """
    return Run(find_folder(Path(root), None if run is None else str(run)))


def runs(root: str | Path = RUNS) -> list[Run]:
    """Return all stored runs, oldest first."""
    return [Run(folder) for folder in list_folders(Path(root))]


def compare(*given: Run | str | Path, against: str | None = None) -> Compared:
    """Compare the targets of one or several runs, case by case.

    A target that is in several runs is called `name@run`. Differences are `a` minus `b`.

    Args:
        given: runs, or what `load` takes.
        against: compare every other target with this one only.

    Raises:
        UsageError: there is nothing to compare, or no target of the name `against`.
    """
    return compare_runs([_run(each).folder for each in given], against=against)


def decide(run: Run | str | Path, rule: DecideSpec | str | Path | None = None) -> Verdict:
    """Return the verdict on a stored run under a rule, without a request; the run stays as it is.

    Args:
        run: a run, or what `load` takes.
        rule: the decision rule, or the path of a policy file; the run's own by default.

    Raises:
        UsageError: there is no such run, or the policy is wrong.
    """
    found = _run(run)
    if rule is None:
        return found.results.verdict
    if not isinstance(rule, DecideSpec):
        return decide_again(found.folder, dict(os.environ), policy=Path(rule)).finished.results.verdict
    return make_results(found.folder, msgspec.structs.replace(found.spec, decide=rule)).verdict


def import_files(
    paths: Sequence[str | Path],
    *,
    root: str | Path = RUNS,
    name: str | None = None,
    tool: str | None = None,
    rename: Mapping[str, str] | None = None,
) -> Run:
    """Turn other tools' result files into a run and return it.

    Args:
        paths: result files, or folders with some in them; those that belong together are read once.
        root: the folder of all runs.
        name: the run's name; the tools' by default.
        tool: the importer, where it cannot be found out.
        rename: what models of the files are called in the run; two that get one name are one target.

    Raises:
        DataError: a file is of no known tool, or cannot be read whole.
        UsageError: no file has a model that `rename` names.
    """
    files = [Path(path) for path in paths]
    renames = dict(rename or {})
    words = [word for old, new in renames.items() for word in ("--rename", f"{old}={new}")]
    told = shlex.join(["bakeoff", "import", *words, *(str(path) for path in files)])
    return Run(import_into(files, Path(root), name, tool=tool, command=told, names=renames))


def _run(given: Run | str | Path) -> Run:
    return given if isinstance(given, Run) else load(given)
