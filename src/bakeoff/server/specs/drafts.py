"""Specs that nobody has submitted: read as a job's would be, for their mistakes and their forecast."""

import contextlib
import re
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

import msgspec

from bakeoff.errors import BakeoffError, SpecErrorGroup, UsageError
from bakeoff.run.execute import Prepared
from bakeoff.server.access import Principal
from bakeoff.server.faults import ServiceError
from bakeoff.server.jobs.job import NewJob
from bakeoff.server.jobs.jobfiles import write_files
from bakeoff.server.secret_values import secret_values
from bakeoff.server.service import Service
from bakeoff.server.specs.permits import check_document, check_loaded
from bakeoff.server.specs.references import resolved
from bakeoff.spec import LoadedSpec, load_spec

_FOLDER = re.compile(r"[^\s`:]*/bakeoff-(?:check|draft)-[A-Za-z0-9_]+(/?)")
_PLACE = re.compile(r"^([A-Za-z_][\w.-]*(?:\[\d+\]|\.[\w-]+)*): (.*)$", re.DOTALL)


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """A mistake in a spec.

    Attributes:
        path: its place, such as `models[0].endpoint`; empty where it is not in one place.
        where: the file and line, for mistakes in data.
    """

    path: str
    message: str
    where: str = ""
    hint: str = ""


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """A spec with all its mistakes, or with all its defaults.

    Attributes:
        spec: as a run stores it; secrets are names or `***`. None where there are mistakes.
        plan_hash: of the plan that a run would follow.
    """

    valid: bool
    problems: list[Problem] = []
    spec: dict[str, Any] | None = None
    plan_hash: str | None = None


def checked(service: Service, new: NewJob, caller: Principal) -> Checked:
    """Return what submitting a job would say, without a job."""
    try:
        prepared: Prepared = service.check(
            resolved(new, service.objects, service.files, project=caller.project)
        )
    except SpecErrorGroup as group:
        return Checked(valid=False, problems=[_problem(each) for each in group.errors])
    except (ServiceError, UsageError) as error:
        return Checked(valid=False, problems=[_problem(error)])
    return Checked(valid=True, spec=prepared.loaded.document, plan_hash=prepared.plan.hash)


@contextlib.contextmanager
def draft(service: Service, new: NewJob, caller: Principal) -> Generator[LoadedSpec]:
    """Read the spec of a job for as long as its files are needed; secrets may be unset.

    Raises:
        RefusedError: the document reaches for what it may not have.
        UsageError: a mistake, with its place.
    """
    new = resolved(new, service.objects, service.files, project=caller.project)
    check_document(new.document, service.settings)
    with tempfile.TemporaryDirectory(prefix="bakeoff-draft-") as name, without_folder():
        folder = Path(name)
        write_files(folder, new)
        loaded = load_spec(
            folder / "spec.json", secret_values(service.settings), base=folder, for_requests=False
        )
        check_loaded(loaded.spec, service.settings)
        yield loaded


@contextlib.contextmanager
def without_folder() -> Generator[None]:
    """Take the folder in which a spec was checked out of the errors of the block."""
    try:
        yield
    except BakeoffError as error:
        for each in getattr(error, "errors", (error,)):
            each.message, each.where, each.hint = (
                _FOLDER.sub(_named, text) for text in (each.message, each.where, each.hint)
            )
        raise


def _named(found: re.Match[str]) -> str:
    return "" if found[1] else "the job's folder"


def _problem(error: BakeoffError) -> Problem:
    message, where, hint = (_FOLDER.sub(_named, text) for text in (error.message, error.where, error.hint))
    found = _PLACE.match(message)
    path, message = (found[1], found[2]) if found else ("", message)
    return Problem(
        path=path, message=message, where="" if where.startswith("spec.json") else where, hint=hint
    )
