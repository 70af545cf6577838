"""What the process of a job tells its worker, without what it takes to do a job."""

import msgspec

from bakeoff.server.jobs.job import JobError, JobOutcome


class Told(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of the child: how far it is, and at its end what became of the run."""

    done: int = 0
    total: int = 0
    failed: int = 0
    ended: bool = False
    stopped: bool = False
    error: JobError | None = None
    outcome: JobOutcome | None = None
