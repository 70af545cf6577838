"""The service behind all dialects: jobs, things, files and keys of one installation."""

import asyncio
import itertools
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random

import msgspec
from msgspec.structs import replace

from bakeoff import clock, plugins
from bakeoff.extend import Dataset
from bakeoff.records import Case, Results, Sample, Score, Spec
from bakeoff.run.execute import Prepared, prepare_run
from bakeoff.run.finish import make_results
from bakeoff.run.folder import read_cases
from bakeoff.run.stored import load_stored
from bakeoff.server.access import Keys, Principal
from bakeoff.server.faults import ConflictError, TooSlowError
from bakeoff.server.jobs.job import Job, NewJob
from bakeoff.server.jobs.jobfiles import write_files
from bakeoff.server.jobs.jobs import Jobs
from bakeoff.server.jobs.queue import Queue
from bakeoff.server.secret_values import secret_values
from bakeoff.server.settings import Settings
from bakeoff.server.specs.permits import check_document, check_loaded, check_rows, check_webhook
from bakeoff.server.specs.references import resolved
from bakeoff.server.store.database import Database
from bakeoff.server.store.filestore import Files
from bakeoff.server.store.objects import Objects
from bakeoff.server.workers.child import run_folder
from bakeoff.spec import LoadedSpec, load_spec
from bakeoff.stores.jsonl import read_records

_LOOK_S = 0.05
_CHECKED = 10_000
"""Requests of a load that are planned before it is accepted; a longer one is more of the same."""


class Service:
    """What routes and dialects work with.

    Attributes:
        settings: how the server works.
        jobs: as clients see them.
        objects: registered things by kind and name.
        files: uploaded files.
        keys: who may call.
        queue: as workers see jobs.
    """

    def __init__(self, settings: Settings) -> None:
        """Open the data folder and the database, and bring the latter to its newest form."""
        settings.data.mkdir(parents=True, exist_ok=True)
        self.settings = settings
        self.database = Database(settings.url)
        self.database.migrate()
        self.jobs = Jobs(self.database, settings.jobs)
        self.objects = Objects(self.database)
        self.files = Files(self.database, settings.files, most=settings.most_upload)
        self.keys = Keys(self.database)
        self._computing = threading.Lock()
        self._kept: dict[str, tuple[tuple[int, ...], Results]] = {}
        self.queue = Queue(self.database, lease=settings.lease, most_attempts=settings.most_attempts)

    def close(self) -> None:
        """Let go of the database."""
        self.database.close()

    def submit(self, new: NewJob, caller: Principal) -> tuple[Job, bool]:
        """Check a job to the last case, and store it for the workers; return it, and whether it is new.

        Models and data sets that the document names are put in their place first.

        Raises:
            RefusedError: the document reaches for what it may not have.
            UsageError: a mistake in the document or its data, with its place.
            ConflictError: the idempotency key was used for another request.
        """
        caller.need("run")
        if new.webhook is not None:
            check_webhook(new.webhook, self.settings)
        new = resolved(new, self.objects, self.files, project=caller.project)
        self.check(new, requests=_CHECKED)
        return self.jobs.submit(new, project=caller.project, owner=caller.name)

    def check(self, new: NewJob, *, requests: int | None = None) -> Prepared:
        """Read the spec and the data of a job as its run would, and return its plan; nothing is sent.

        Args:
            new: the job, with names in their place.
            requests: plan at most so many for each load, where the plan itself is not wanted.

        Raises:
            RefusedError: the document reaches for what it may not have.
            UsageError: a mistake, with its place.
        """
        check_document(new.document, self.settings)
        with tempfile.TemporaryDirectory(prefix="bakeoff-check-") as name:
            folder = Path(name)
            write_files(folder, new)
            loaded = load_spec(folder / "spec.json", secret_values(self.settings), base=folder)
            check_loaded(loaded.spec, self.settings)
            self._check_rows(new, loaded)
            loaded = loaded if requests is None else _shortened(loaded, requests)
            return asyncio.run(prepare_run(loaded, lambda _text: None))

    def _check_rows(self, new: NewJob, loaded: LoadedSpec) -> None:
        """Look at rows that bring their own assertions, before anything is made of them."""
        for benchmark in loaded.spec.benchmarks:
            if any(scorer.type == "assertions" for scorer in benchmark.scorers):
                dataset: Dataset = plugins.create(
                    "datasets", benchmark.dataset.type, benchmark.dataset.options
                )
                rows = itertools.islice(dataset.cases(loaded.base, Random(0)), self.settings.most_rows)
                check_rows(new.document, rows, self.settings)

    def wait(self, job: Job, *, seconds: float | None = None) -> Job:
        """Wait for a job's end, for dialects whose calls answer with the result.

        Raises:
            TooSlowError: it has not ended in time; it goes on.
        """
        most = self.settings.wait if seconds is None else seconds
        until = clock.now_ns() + round(most * 1e9)
        while not job.ended:
            if clock.now_ns() > until:
                raise TooSlowError(f"the job `{job.id}` takes longer than {most:g} s", hint="poll its state")
            time.sleep(_LOOK_S)
            job = self.jobs.get(job.id, project=job.project)
        return job

    def run(self, job: Job) -> Path:
        """Return the run's directory of a job that has begun.

        Raises:
            ConflictError: there is none yet.
        """
        folder = run_folder(self.jobs.folder(job.id))
        if folder is None:
            raise ConflictError(f"the job `{job.id}` is {job.state} and has no results", hint="wait for it")
        return folder

    def spec(self, job: Job) -> Spec:
        """Return the spec of a job's run with all defaults; unset secrets are empty."""
        return load_stored(self.run(job), {}, secrets_needed=False).spec

    def results(self, job: Job) -> Results:
        """Return estimates, comparisons and verdict; of a job that still runs, by what is stored so far."""
        folder = self.run(job)
        report = folder / "report" / "results.json"
        if job.ended and report.is_file():
            return msgspec.json.decode(report.read_bytes(), type=Results)
        # One at a time, and again only after something was stored: polling must not keep all cores busy.
        with self._computing:
            stored = tuple(path.stat().st_size for path in sorted(folder.glob("*.jsonl")))
            kept = self._kept.get(job.id)
            if kept is None or kept[0] != stored:
                kept = (stored, make_results(folder, self.spec(job)))
                self._kept = {job.id: kept}
            return kept[1]

    def samples(self, job: Job, *, skip: int = 0) -> Iterator[Sample]:
        """Yield the samples stored so far, in order, without the first `skip`; none before it began."""
        folder = run_folder(self.jobs.folder(job.id))
        return iter(()) if folder is None else read_records(folder, Sample, skip=skip)

    def scores(self, job: Job, *, skip: int = 0) -> Iterator[Score]:
        """Yield the scores stored so far, in order, without the first `skip`; none before it began."""
        folder = run_folder(self.jobs.folder(job.id))
        return iter(()) if folder is None else read_records(folder, Score, skip=skip)

    def cases(self, job: Job) -> Mapping[str, Mapping[str, Case]]:
        """Return the cases of a job's run, by benchmark and id, in their order."""
        return read_cases(self.run(job))


def _shortened(loaded: LoadedSpec, most: int) -> LoadedSpec:
    benchmarks = [
        each
        if each.load.requests is None or each.load.requests <= most
        else replace(each, load=replace(each.load, requests=most))
        for each in loaded.spec.benchmarks
    ]
    return replace(loaded, spec=replace(loaded.spec, benchmarks=benchmarks))
