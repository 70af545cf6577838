"""Have a job done by another server, from wherever an earlier attempt left it. It knows no database."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from msgspec.structs import replace

from bakeoff.server.faults import RefusedError
from bakeoff.server.remotes.faults import FailedThereError, RemoteError
from bakeoff.server.remotes.nemo import NemoServer, RemoteState
from bakeoff.server.remotes.steps import RESULT, STEPS, Body, Order, Steps, read_steps, write
from bakeoff.server.times import now_us
from bakeoff.server.values import check_values
from bakeoff.stores.redact import Redactor

End = Literal["completed", "cancelled"]
STATES = frozenset({"created", "pending", "running", "cancelling", "cancelled", "failed", "completed"})
_NEVER = "the NeMo server never got the job"
_SECOND_US = 1_000_000
_FIRST_S, _LONGEST_S, _LEAVING_S = 0.3, 10.0, 0.5
_PART = 0.05
"""Of its age until now: how long a job is not looked at again."""
_LONGEST_TEXT = 1000


class Following:
    """One job on another server, step by step.

    Args:
        server: has the job.
        order: what is asked of it, with secrets in the place of their names.
        folder: of the job; its name is the mark by which the job is known there.
        redact: takes the secrets out of what is written.
        leaving: set when the job is to be cancelled.
        heard: called with what is known after each step.
    """

    def __init__(
        self,
        server: NemoServer,
        order: Order,
        folder: Path,
        *,
        redact: Redactor,
        leaving: threading.Event,
        heard: Callable[[Steps], None],
    ) -> None:
        self._server = server
        self._order = order
        self._folder = folder
        self._redact = redact
        self._leaving = leaving
        self._heard = heard
        self._patience_us = round(order.remote.patience * _SECOND_US)
        self._steps = read_steps(folder) or Steps(began_at=now_us())
        self._since = now_us()
        self._asked = False

    @property
    def steps(self) -> Steps:
        """Return how far it is."""
        return self._steps

    def follow(self) -> End:
        """Do what is left to do until the job has ended there; its results are in the folder then.

        Raises:
            FailedThereError: it failed, or there is no such job.
            RemoteError: the server does not take it.
            RefusedError: its results are none that can be stored.
        """
        while not self._leaving.is_set() and self._steps.leaving_at is None:
            try:
                if (ended := self._step()) is not None:
                    return ended
            except RemoteError as error:
                self._troubled(error)
            age = (now_us() - self._since) / _SECOND_US
            self._leaving.wait(min(_LONGEST_S, max(_FIRST_S, _PART * age)))
        return self._leave()

    def _step(self) -> End | None:
        steps, mark = self._steps, self._folder.name
        if not steps.registered:
            self._save(began_at=steps.began_at)
            self._server.register(mark, self._order.config)
            self._save(registered=True)
        if self._steps.job is not None:
            return self._seen(self._server.look(self._steps.job))
        if self._steps.submitted_at is None:
            return self._seen(self._submitted(mark))
        found = self._server.find(mark)
        if found is not None:
            return self._seen(found)
        self._unlisted()
        return None

    def _submitted(self, mark: str) -> RemoteState:
        # Noted before it leaves: after a crash the job is looked for, as it may be there.
        self._save(submitted_at=now_us())
        try:
            place = f"{self._order.remote.namespace}/{mark}"
            return self._server.submit(place, self._order.target, mark)
        except RemoteError as error:
            self._save(
                submitted_at=self._steps.submitted_at if error.maybe else None, problem=_plain(error.message)
            )
            raise

    def _troubled(self, error: RemoteError) -> None:
        """Keep a problem that may pass in mind, and end with any other."""
        steps = self._steps
        if steps.job is not None:
            if error.answered == 404:
                raise FailedThereError("the NeMo server does not know the job any more") from error
            self._say(error.message)
        elif steps.submitted_at is not None:
            self._say(f"{error.message}; the job is looked for there")
        elif not error.passing or now_us() - steps.began_at > self._patience_us:
            raise error
        else:
            self._say(error.message)

    def _unlisted(self) -> None:
        """Take over that the server has no job of ours; one that is on its way yet may come."""
        if self._lost():
            why = self._steps.problem
            raise FailedThereError(f"{_NEVER}: {why}" if why else _NEVER)
        self._say("the NeMo server does not list the job yet")

    def _lost(self) -> bool:
        since = self._steps.submitted_at
        return since is not None and now_us() - since > self._patience_us

    def _seen(self, state: RemoteState) -> End | None:
        """Take over a state; of an ended job its results."""
        details = {name: each for name, each in (state.status_details or {}).items() if each is not None}
        try:
            check_values(details, "status_details")
        except RefusedError as error:
            details = {"message": f"the NeMo server's answer: {error.message}"}
        status = state.status
        if status not in STATES:
            # Such as `unknown`: that says nothing of the job, so it stays what it was.
            status = self._steps.status
            details.setdefault("message", f"the NeMo server says `{state.status[:100]}`")
        known = {name: each for name, each in self._steps.details.items() if name != "message"}
        self._save(job=state.id, status=status, details={**known, **details})
        if status == "failed":
            raise FailedThereError(str(details.get("message") or "the evaluation failed on the NeMo server"))
        if status == "cancelled":
            return "cancelled"
        return self._fetched(state.id) if status == "completed" else None

    def _fetched(self, job: str) -> End:
        result = self._server.results(job)
        check_values(result, "the NeMo server's answer")
        write(self._folder / RESULT, result, self._redact)
        return "completed"

    def _leave(self) -> End:
        """Have the job end there, and wait for that."""
        if self._steps.leaving_at is None:
            self._save(leaving_at=now_us())
        since = self._steps.leaving_at or now_us()
        while True:
            try:
                if (ended := self._left()) is not None:
                    return ended
            except FailedThereError:
                return "cancelled"
            except RemoteError as error:
                if self._steps.job is not None and error.answered == 404:
                    self._save(status="cancelled")
                    return "cancelled"
                self._say(error.message)
            if now_us() - since > self._patience_us:
                return "cancelled"
            time.sleep(_LEAVING_S)

    def _left(self) -> End | None:
        steps = self._steps
        if steps.job is None:
            if steps.submitted_at is None:
                return "cancelled"
            found = self._server.find(self._folder.name)
            if found is None:
                if self._lost():
                    self._say(_NEVER)
                    return "cancelled"
                self._say("the NeMo server does not list the job yet; it is cancelled as soon as it does")
                return None
            self._save(job=found.id)
        job = self._steps.job
        assert job is not None
        if not self._asked:
            self._server.cancel(job)
            self._asked = True
        return self._seen(self._server.look(job))

    def _say(self, message: str) -> None:
        self._save(details={**self._steps.details, "message": _plain(message)})

    def _save(self, **changes: object) -> None:
        changed = replace(self._steps, **changes)
        if changed != self._steps or not (self._folder / STEPS).is_file():
            write(self._folder / STEPS, changed, self._redact)
        self._steps = changed
        self._heard(changed)


def _plain(message: str) -> str:
    return message[:_LONGEST_TEXT].replace("\0", "").encode("utf-8", "replace").decode()


def counted(details: Body, rows: int | None) -> tuple[int, int]:
    """Return how many rows are done, and how many there are; 0 for a number that nobody knows."""
    done = _whole(details.get("samples_processed"))
    percent = details.get("progress")
    if rows is not None:
        return done, max(rows, done)
    if done and isinstance(percent, int | float) and 0 < percent <= 100:
        return done, max(done, round(100 * done / percent))
    return done, 0


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0
    return int(value) if 0 <= value < 2**53 else 0
