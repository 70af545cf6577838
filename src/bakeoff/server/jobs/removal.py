"""The folders of deleted jobs: each goes as soon as no process works in it, whatever dies before that."""

import contextlib
import fcntl
import os
import shutil
from pathlib import Path

LOCK = ".lock"
"""The file in a job's folder that the process of the job has locked as long as it lives."""
_MARKS = ".deleted"


def mark(root: Path, job: str) -> None:
    """Note that the folder of a job is to go, before its row goes; a full disk is no reason to keep both."""
    with contextlib.suppress(OSError):
        (root / _MARKS).mkdir(parents=True, exist_ok=True)
        (root / _MARKS / job).touch()


def marked(root: Path) -> list[str]:
    """Return the jobs whose folders are to go."""
    try:
        return sorted(each.name for each in (root / _MARKS).iterdir())
    except OSError:
        return []


def remove(root: Path, job: str) -> bool:
    """Remove the folder of a deleted job and its mark; tell whether it is gone.

    A process of the job that still lives, such as one whose worker hangs, would make the folder anew.
    """
    folder = root / job
    try:
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError:
        return _gone(root, job)
    try:
        # Whoever waits for the lock finds no job after that.
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    except OSError:
        return False
    finally:
        os.close(lock)
    return _gone(root, job)


def _gone(root: Path, job: str) -> bool:
    if (root / job).exists():
        return False
    with contextlib.suppress(OSError):
        (root / _MARKS / job).unlink()
    return True
