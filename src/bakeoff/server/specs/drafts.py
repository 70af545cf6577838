"""Specs that nobody has submitted: read as a job's would be, for their mistakes and their forecast."""

import contextlib
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

import msgspec

from bakeoff.errors import UsageError
from bakeoff.run.execute import Prepared
from bakeoff.server.access import Principal
from bakeoff.server.faults import Problem, ServiceError
from bakeoff.server.jobs.job import NewJob
from bakeoff.server.jobs.jobfiles import write_files
from bakeoff.server.secret_values import secret_values
from bakeoff.server.service import Service
from bakeoff.server.specs.mistakes import all_problems, with_all
from bakeoff.server.specs.permits import check_document, check_loaded
from bakeoff.server.specs.problems import as_sent
from bakeoff.server.specs.references import resolved
from bakeoff.spec import LoadedSpec, load_spec


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
    except (ServiceError, UsageError) as error:
        return Checked(valid=False, problems=all_problems(error, new, service.desk(caller.project)))
    return Checked(valid=True, spec=prepared.loaded.document, plan_hash=prepared.plan.hash)


@contextlib.contextmanager
def draft(service: Service, new: NewJob, caller: Principal) -> Generator[LoadedSpec]:
    """Read the spec of a job for as long as its files are needed; secrets may be unset.

    Raises:
        RefusedError: the document reaches for what it may not have.
        UsageError: a mistake, with its place.
        MistakesError: several of them.
    """
    with tempfile.TemporaryDirectory(prefix="bakeoff-draft-") as name, as_sent():
        try:
            loaded = _loaded(service, new, caller, Path(name))
        except (ServiceError, UsageError) as error:
            raise with_all(error, new, service.desk(caller.project)) from error
        yield loaded


def _loaded(service: Service, new: NewJob, caller: Principal, folder: Path) -> LoadedSpec:
    new = resolved(new, service.objects, service.files, project=caller.project)
    check_document(new.document, service.settings)
    write_files(folder, new)
    secrets = secret_values(service.settings)
    with as_sent():
        loaded = load_spec(folder / "spec.json", secrets, base=folder, for_requests=False)
        check_loaded(loaded.spec, service.settings)
    return loaded
