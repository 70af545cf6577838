"""What the process of a job and its worker tell each other, without what it takes to do a job."""

import msgspec

from bakeoff.server.jobs.job import JobError, JobOutcome

LEAVE = b"leave"
"""The line by which the process of a job that another server does is told to have it cancelled there."""


class Told(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of the child: how far it is, and at its end what became of the run.

    Attributes:
        stopped: it ended because it was told to, and the rest is to be done.
        cancelled: the server that does the job in our place has ended it.
    """

    done: int = 0
    total: int = 0
    failed: int = 0
    ended: bool = False
    stopped: bool = False
    cancelled: bool = False
    error: JobError | None = None
    outcome: JobOutcome | None = None
