"""Whose code runs here: that of the person who started this program, or that of people nobody vouches for.

The code of a person reads that person's files, as any program of theirs. Code of others runs in processes
that see no file of this machine but Python or Node itself; where that cannot be, it does not run at all.
"""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, partial

from bakeoff.sandbox.worker import Limits, Worker, node
from bakeoff.sandbox.workers import Workers

_END_S = 0.2
"""What does not end by itself in so long is killed: a call of the service waits for it."""


class Realm:
    """The warm processes for the code of one owner; no other owner's code ever runs in them."""

    def __init__(self, *, confined: bool) -> None:
        self.confined = confined
        self._workers: dict[tuple[str, Limits], Workers] = {}
        self._lock = threading.Lock()

    def workers(self, language: str, limits: Limits) -> Workers:
        """Return the processes for scripts, which all scripts of the same limits share."""
        with self._lock:
            found = self._workers.get((language, limits))
            if found is None:
                program = node(limits) if language == "javascript" else None
                start = partial(Worker, limits, program=program, confined=self.confined)
                found = self._workers[language, limits] = Workers(start)
            return found

    def close(self) -> None:
        """End the processes."""
        with self._lock:
            for workers in self._workers.values():
                workers.close(wait_s=_END_S)
            self._workers.clear()


class _Process:
    """What holds for this process as a whole: for good, once it was said."""

    realm = Realm(confined=False)


_HERE: ContextVar[Realm | None] = ContextVar("realm", default=None)


def realm() -> Realm:
    """Return where code runs that is called from here."""
    return _HERE.get() or _Process.realm


def is_confined() -> bool:
    """Tell whether code that is called from here is of others."""
    return realm().confined


def confine() -> None:
    """Say that all code of this process is of others: of one of them, as in a process that does one job."""
    if not _Process.realm.confined:
        _Process.realm = Realm(confined=True)


@contextmanager
def confined() -> Generator[None]:
    """Say that the code that is called within is of others; their processes end with it."""
    own = Realm(confined=True)
    token = _HERE.set(own)
    try:
        yield
    finally:
        _HERE.reset(token)
        own.close()


@cache
def unconfinable() -> str:
    """Say why this machine cannot confine code, or return an empty text where it can."""
    limits = Limits()
    try:
        worker = Worker(limits, confined=True)
    except OSError as error:
        return f"no process could be started: {error.strerror}"
    job = {"kind": "call", "code": "output", "path": "", "function": "", "folder": "", "version": 0}
    reply = worker.ask(job | {"output": "in", "context": {}})
    worker.close()
    return "" if reply.outcome == "ok" else reply.error
