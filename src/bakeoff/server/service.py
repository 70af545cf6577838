"""The service behind all dialects: jobs, things, files and keys of one installation."""

import asyncio
import itertools
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from random import Random
from typing import TypeVar

import msgspec
from anyio import CancelScope
from msgspec.structs import replace
from starlette.requests import Request

from bakeoff import plugins
from bakeoff.errors import UsageError
from bakeoff.extend import Dataset
from bakeoff.records import Case, Results, Sample, Score, Spec
from bakeoff.run.execute import Prepared, prepare_run
from bakeoff.run.finish import finish, make_results
from bakeoff.run.folder import read_cases
from bakeoff.run.stored import load_stored
from bakeoff.server.access import Keys, Principal
from bakeoff.server.faults import ConflictError, GoneError, MissingError, ServiceError, StoppingError
from bakeoff.server.ground import prepare
from bakeoff.server.jobs.job import OWN, Job, NewJob
from bakeoff.server.jobs.jobfiles import write_files
from bakeoff.server.jobs.jobs import Jobs
from bakeoff.server.jobs.queue import Queue
from bakeoff.server.secret_values import secret_values
from bakeoff.server.settings import Settings
from bakeoff.server.specs.limits import check_limits
from bakeoff.server.specs.mistakes import Desk, with_all
from bakeoff.server.specs.permits import check_document, check_loaded, check_rows, check_webhook
from bakeoff.server.specs.problems import as_sent
from bakeoff.server.specs.references import resolved
from bakeoff.server.store.database import Database
from bakeoff.server.store.filestore import Files
from bakeoff.server.store.objects import Objects
from bakeoff.server.waiting import Waiting
from bakeoff.server.workers.bound import run_folder
from bakeoff.server.workers.child import GIVEN
from bakeoff.spec import LoadedSpec, load_spec
from bakeoff.stores.jsonl import read_records

T = TypeVar("T")
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
        waiting: calls that answer with the end of something.
    """

    def __init__(self, settings: Settings) -> None:
        """Open the data folder and the database, and bring the latter to its newest form."""
        prepare(settings)
        self.settings = settings
        self.database = Database(settings.url)
        self.database.migrate()
        self.jobs = Jobs(self.database, settings.jobs)
        self.objects = Objects(self.database)
        self.files = Files(self.database, settings.files, most=settings.most_upload)
        self.keys = Keys(self.database)
        self.waiting = Waiting()
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
            RefusedError: the document reaches for what it may not have, or a limit cannot be kept.
            UsageError: a mistake in the document or its data, with its place.
            MistakesError: several of them.
            ConflictError: the idempotency key was used for another request.
        """
        caller.need("run")
        if new.webhook is not None:
            check_webhook(new.webhook, self.settings)
        given = new
        try:
            new = resolved(new, self.objects, self.files, project=caller.project)
            prepared = self.check(new, requests=_CHECKED)
        except (ServiceError, UsageError) as error:
            if given.dialect != OWN:
                # What was sent is no spec, so places in one say nothing.
                raise
            raise with_all(error, given, self.desk(caller.project)) from error
        check_limits(new.limits, prepared, asked=GIVEN not in new.files)
        return self.jobs.submit(new, project=caller.project, owner=caller.name)

    def desk(self, project: str) -> Desk:
        """Return where the names of a project's specs are looked up."""
        return Desk(objects=self.objects, files=self.files, settings=self.settings, project=project)

    def replay(self, key: str | None, sent: str, caller: Principal) -> Job | None:
        """Return the job that a call with this idempotency key has made before; None where there is none.

        It is asked before anything that the call names is looked up: what stands under a name may be another
        thing by now, or gone, and the job is the same.

        Args:
            key: as the client gave it.
            sent: digest of what the client sent.
            caller: whose project.

        Raises:
            ConflictError: the key was used for another request.
        """
        return self.jobs.replay(key, sent, project=caller.project) if key and sent else None

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
        with tempfile.TemporaryDirectory(prefix="bakeoff-check-") as name, as_sent():
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

    async def wait(self, job: Job, call: Request, *, seconds: float | None = None) -> Job:
        """Wait for a job's end, for dialects whose calls answer with the result; no thread waits along.

        Raises:
            TooSlowError: it has not ended in time; it goes on.
            GoneError: the client has gone away.
            StoppingError: the server stops.
        """
        most = self.settings.wait if seconds is None else seconds

        def look() -> Job:
            return self.jobs.get(job.id, project=job.project)

        return await self.waiting.ended(job, look, gone=call.is_disconnected, seconds=most)

    async def only_here(self, job: Job, call: Request, *, seconds: float | None = None) -> Job:
        """Wait for the end of a job that nobody but this call wants: it is cancelled where the call gives up.

        Raises:
            GoneError: the client has gone away.
            StoppingError: the server stops.
            TooSlowError: it has not ended in time; it goes on.
        """
        try:
            return await self.wait(job, call, seconds=seconds)
        except (GoneError, StoppingError, asyncio.CancelledError):
            with CancelScope(shield=True):
                await self.waiting.shortly(lambda: self.jobs.cancel(job.id, project=job.project))
            raise

    async def apart(self, work: Callable[[], T], call: Request, caller: Principal) -> T:
        """Have work that takes long done apart from all other calls.

        Raises:
            TooManyError: as many calls as may wait already.
            GoneError: the client has gone away.
        """
        with self.waiting.place(caller.key):
            return await self.waiting.apart(work, gone=call.is_disconnected)

    def run(self, job: Job) -> Path:
        """Return the run's directory of a job that has begun.

        Raises:
            ConflictError: there is none yet.
        """
        folder = run_folder(self.jobs.folder(job.id))
        if folder is None:
            hint = "" if job.ended else "wait for it"
            raise ConflictError(f"the job `{job.id}` is {job.state} and has no results", hint=hint)
        return folder

    def spec(self, job: Job) -> Spec:
        """Return the spec of a job's run with all defaults; unset secrets are empty."""
        return load_stored(self.run(job), {}, secrets_needed=False).spec

    def results(self, job: Job) -> Results:
        """Return estimates, comparisons and verdict; of one that did not come to its end, by what is stored.

        Such results say so, and their verdict too: it may be the only thing that somebody reads.
        """
        results = self._results(job)
        if job.state == "completed":
            return results
        why = f": {job.error.message}" if job.error is not None else ""
        part = f"{job.done} of {job.total} planned samples are there"
        told = f"this is a part of the run alone, which is {job.state}{why}; {part}"
        verdict = replace(
            results.verdict,
            sentence=f"{results.verdict.sentence} (Of a part of the run: {part}.)",
            reasons=[told, *results.verdict.reasons],
        )
        return replace(results, verdict=verdict, warnings=[told, *results.warnings])

    def _results(self, job: Job) -> Results:
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

    def report(self, job: Job) -> Path:
        """Return the page of an ended job, which is made where the end came too suddenly for it.

        Raises:
            MissingError: nothing was answered, so there is nothing to tell.
            ConflictError: it has not ended.
        """
        if not job.ended:
            raise ConflictError(
                f"the job `{job.id}` is {job.state} and has no report yet", hint="wait for it"
            )
        folder = run_folder(self.jobs.folder(job.id))
        if folder is None or not job.done:
            raise MissingError("report", job.id, hint=f"the job is {job.state}, and nothing was answered")
        path = folder / "report" / "report.html"
        if not path.is_file():
            with self._computing:
                finish(folder, self.spec(job))
        return path

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
