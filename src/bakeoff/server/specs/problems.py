"""Mistakes as callers are told them: by the place in what they sent, without folders and files of ours."""

import contextlib
import re
from collections.abc import Generator

import msgspec

from bakeoff.errors import BakeoffError
from bakeoff.server.faults import MistakesError, Problem

_FOLDER = re.compile(r"[^\s`:]*/bakeoff-(?:check|draft)-[A-Za-z0-9_]+(/?)")
_PLACE = re.compile(r"^([A-Za-z_][\w.-]*(?:\[\d+\]|\.[\w-]+)*): (.*)$", re.DOTALL)
_OURS = "spec.json"
"""The file that a document is written to where it is read; nobody has sent it."""


@contextlib.contextmanager
def as_sent() -> Generator[None]:
    """Take the folder and the file in which a spec was read out of the errors of the block."""
    try:
        yield
    except BakeoffError as error:
        for each in getattr(error, "errors", (error,)):
            each.message, each.where, each.hint = map(_plain, (each.message, each.where, each.hint))
            if each.where.startswith(_OURS):
                each.where = ""
        raise


@contextlib.contextmanager
def placed(read: str, sent: str) -> Generator[None]:
    """Tell mistakes of the block by the place in what was sent, which was read as a part of a spec.

    Args:
        read: how a place begins in the spec.
        sent: how the same one begins in what was sent.
    """
    try:
        yield
    except MistakesError as error:
        problems = [
            msgspec.structs.replace(each, path=_moved(each.path, read, sent)) for each in error.problems
        ]
        raise MistakesError(problems, status=error.status) from error
    except BakeoffError as error:
        for each in getattr(error, "errors", (error,)):
            each.message = _moved(each.message, read, sent)
        raise


def _moved(text: str, read: str, sent: str) -> str:
    return sent + text.removeprefix(read) if text.startswith(read) else text


def problem_of(error: BakeoffError, path: str = "") -> Problem:
    """Return a mistake with its place, which stands before its text where it is not given."""
    found = _PLACE.match(error.message)
    message = found[2] if found and path in {"", found[1]} else error.message
    place = path or (found[1] if found else "")
    return Problem(path=place, message=message, where=error.where, hint=error.hint)


def _plain(text: str) -> str:
    return _FOLDER.sub(_named, text)


def _named(found: re.Match[str]) -> str:
    return "" if found[1] else "the job's folder"
