"""The process that does one job: a run, or the rest of one, in the job's folder."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path

import msgspec

from bakeoff import clock
from bakeoff.decide.cost.pricing import with_prices
from bakeoff.engine.control import Control, Progress
from bakeoff.errors import BakeoffError
from bakeoff.records import Sample, Score
from bakeoff.run.execute import Prepared, prepare_run, resume_run, start_run
from bakeoff.run.finish import Finished
from bakeoff.run.given import Given, grade_given
from bakeoff.run.loop import run_async
from bakeoff.run.stored import load_stored
from bakeoff.sandbox import confine
from bakeoff.server.jobs.job import JobLimits, JobOutcome
from bakeoff.server.workers.bound import RUNS, do, end_with_lease, outcome_of, run_folder, tell
from bakeoff.server.workers.spending import Spending
from bakeoff.server.workers.told import Told
from bakeoff.spec import LoadedSpec, load_spec
from bakeoff.stores.jsonl import read_records
from bakeoff.stores.redact import Redactor
from bakeoff.wire.leaving import LEAVE

_TELL_EVERY_NS = 100_000_000
GIVEN = "given.json"
"""A file of a job whose rows bring the answers along, see `bakeoff.run.given`: no model is asked."""


def main(arguments: list[str]) -> int:
    """Do the job of the folder in the arguments: `FOLDER LIMITS`, the latter as JSON."""
    folder, limits = Path(arguments[0]), msgspec.json.decode(arguments[1], type=JobLimits)
    end_with_lease()
    confine()
    os.chdir(folder)
    redact = Redactor()

    def work() -> Told:
        loaded, run = _load(folder)
        for secret in loaded.secrets:
            redact.learn(secret)
        finished, watch = run_async(_work(loaded, folder, run, limits))
        return watch.told(ended=True, outcome=outcome_of(finished))

    return do(folder, work, redact)


def _load(folder: Path) -> tuple[LoadedSpec, Path | None]:
    run = run_folder(folder)
    if run is None:
        return load_spec(folder / "spec.json", os.environ, base=folder), None
    return load_stored(run, os.environ), run


async def _work(
    loaded: LoadedSpec, folder: Path, run: Path | None, limits: JobLimits
) -> tuple[Finished, "_Watch"]:
    prepared = await prepare_run(loaded, lambda _text: None)
    watch = _Watch(prepared)
    control = Control(watch.hear)
    spending = _spending(prepared, limits, folder, control)
    answers = folder / GIVEN
    if answers.is_file():
        given = msgspec.json.decode(answers.read_bytes(), type=Given)
        if run is not None:
            spending.recall((), read_records(run, Score))
        work = grade_given(prepared, folder / RUNS, given, control, run=run)
    else:
        watch.spending = spending
        if run is None:
            work = start_run(prepared, folder / RUNS, control, command=f"job {folder.name}")
        else:
            watch.recall(read_records(run, Sample))
            spending.recall((), read_records(run, Score))
            work = resume_run(prepared, run, control)
    try:
        return await work, watch
    except BakeoffError as stopped:
        # Whatever a request that might not leave has led to, this is why.
        watch.publish(now=True)
        if spending.error is not None:
            raise spending.error from stopped
        raise


def _spending(prepared: Prepared, limits: JobLimits, folder: Path, control: Control) -> Spending:
    """Return what counts against the limits; from now on no request leaves beyond them."""
    targets = with_prices(prepared.plan.targets, prepared.loaded.spec, None)
    spending = Spending(
        limits,
        {target.name: target.price for target in targets},
        folder,
        stop=control.drain,
        stopped=lambda: control.draining,
    )
    if spending.counts or limits.requests is not None:
        control.purse = spending
        LEAVE.set(spending.leave)
    return spending


class _Watch:
    """Counts how far a run is, and tells of it.

    Attributes:
        spending: hears what each answer took; None where nobody was asked for them.
    """

    def __init__(self, prepared: Prepared) -> None:
        self.spending: Spending | None = None
        self._told_at = 0
        self._done = self._failed = 0
        self._total = sum(stage.requests for stage in prepared.plan.stages)
        self.publish(now=True)

    def told(self, *, ended: bool = False, outcome: JobOutcome | None = None) -> Told:
        """Return how far the run is."""
        return Told(done=self._done, total=self._total, failed=self._failed, ended=ended, outcome=outcome)

    def recall(self, samples: Iterable[Sample]) -> None:
        """Count what earlier attempts stored."""
        for sample in samples:
            self._count(sample)
        self.publish(now=True)

    def hear(self, step: Progress) -> None:
        """Take one step of the run."""
        if step.sample is not None:
            self._count(step.sample)
        self.publish(now=step.kind == "done")

    def _count(self, sample: Sample) -> None:
        self._done += 1
        self._failed += not sample.ok
        if self.spending is not None:
            self.spending.heard(sample)

    def publish(self, *, now: bool) -> None:
        """Tell how far the run is; unless `now`, only now and then."""
        moment = clock.now_ns()
        if now or moment - self._told_at > _TELL_EVERY_NS:
            self._told_at = moment
            tell(self.told())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
