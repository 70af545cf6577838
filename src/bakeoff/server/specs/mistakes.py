"""All mistakes of a spec at once: what it may not have, names that are not there, and those of its form.

A refused spec is looked at again: whatever is wrong is noted and put right, so that the rest can be read.
What may not be opened or asked is never in what is read.
"""

import copy
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import msgspec

from bakeoff.errors import BakeoffError, SpecErrorGroup
from bakeoff.server.endpoints import NOBODY
from bakeoff.server.faults import MistakesError, Problem, ServiceError
from bakeoff.server.jobs.job import NewJob
from bakeoff.server.jobs.jobfiles import write_files
from bakeoff.server.secret_values import secret_values
from bakeoff.server.settings import Settings
from bakeoff.server.specs.permits import ADDRESSES, Place, check_document, refusals, shown
from bakeoff.server.specs.problems import as_sent, problem_of
from bakeoff.server.specs.references import resolved, spec_name
from bakeoff.server.store.filestore import Files
from bakeoff.server.store.objects import Objects
from bakeoff.server.values import check_values
from bakeoff.spec import load_spec

_MOST = 100
"""Mistakes that are told; nobody reads more."""
_LISTS = ("models", "benchmarks")


class Desk(msgspec.Struct, frozen=True, kw_only=True):
    """Where names of a spec are looked up, and what it may have."""

    objects: Objects
    files: Files
    settings: Settings
    project: str


class _Found:
    """The mistakes found so far, by their places."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.errors: list[BakeoffError] = []
        self._sections: set[str] = set()

    def add(self, error: BakeoffError, path: str = "") -> None:
        """Note a mistake."""
        self.problems.append(problem_of(error, path))
        self.errors.append(error)

    def stands_in(self, section: str) -> None:
        """Note that a benchmark or model is none of the caller's any more."""
        self._sections.add(section)

    def follows(self, path: str) -> bool:
        """Tell whether a mistake may come from what was put right alone."""
        return any(path.startswith(each) for each in self._sections) or (
            bool(self._sections) and path.partition(".")[0] == "decide"
        )

    @property
    def full(self) -> bool:
        return len(self.problems) >= _MOST


def all_problems(error: BakeoffError, new: NewJob, desk: Desk) -> list[Problem]:
    """Return all mistakes of a job's spec, of which reading it has raised one or several."""
    found = _search(new, desk)
    if found.problems:
        return found.problems
    return [problem_of(each) for each in getattr(error, "errors", (error,))]


def with_all(error: BakeoffError, new: NewJob, desk: Desk) -> BakeoffError:
    """Return the error that tells all mistakes of a spec; the same one where it does so already."""
    found = _search(new, desk)
    if len(found.problems) < 2 or len(found.problems) == len(getattr(error, "errors", ())):
        return error
    statuses = {each.status if isinstance(each, ServiceError) else 422 for each in found.errors}
    return MistakesError(found.problems, status=statuses.pop() if len(statuses) == 1 else 422)


def _search(new: NewJob, desk: Desk) -> _Found:
    found = _Found()
    try:
        check_values(new.document, "spec")
        document = copy.deepcopy(new.document)
        _put_right(document, found, desk)
        if not found.full:
            _look_up(document, new, found, desk)
        if not found.full:
            _read(msgspec.structs.replace(new, document=document), found, desk)
    except ServiceError as error:
        # Something is wrong that cannot be put right, so there is no more to be seen.
        if all(each.message != error.message for each in found.errors):
            found.add(error)
    return found


def _put_right(document: dict[str, Any], found: _Found, desk: Desk) -> None:
    """Note what the document may not have, and take it out."""
    for path, error in list(refusals(document, desk.settings)):
        if found.full:
            return
        found.add(error, shown(path))
        if path:
            _take_out(document, path, found)


def _take_out(document: dict[str, Any], path: Place, found: _Found) -> None:
    top, *rest = path
    section: object = document.get(top) if top in _LISTS else None
    if not isinstance(section, list) or not rest:
        document.pop(top, None)
        return
    if rest[-1] in ADDRESSES and _set(document, path, NOBODY):
        return
    if (rest[-1] == "api_key" or "headers" in rest[-2:-1]) and _set(document, path, None):
        return
    entries, at = cast("list[object]", section), int(rest[0])
    entries[at] = _stand_in(top, _name(entries[at], at))
    found.stands_in(f"{top}[{at}]")


def _set(document: dict[str, Any], path: Place, value: object) -> bool:
    """Give a member another value, or none; tell whether it was there still."""
    inner: object = document
    for part in path[:-1]:
        if isinstance(inner, list) and part.isdigit():
            inner = dict(enumerate(cast("list[object]", inner))).get(int(part))
        else:
            inner = cast("dict[str, object]", inner).get(part) if isinstance(inner, dict) else None
    members = cast("dict[str, object]", inner) if isinstance(inner, dict) else {}
    if path[-1] not in members:
        return False
    if value is None:
        del members[path[-1]]
    else:
        members[path[-1]] = value
    return True


def _look_up(document: dict[str, Any], new: NewJob, found: _Found, desk: Desk) -> None:
    """Note names that stand for nothing, and put something in their place."""
    for key in _LISTS:
        section: object = document.get(key)
        entries = cast("list[object]", section) if isinstance(section, list) else []
        for at, each in enumerate(entries):
            part = msgspec.structs.replace(new, document={key: [each]}, files={})
            try:
                resolved(part, desk.objects, desk.files, project=desk.project)
            except ServiceError as error:
                place, name = f"{key}[{at}]", _name(each, at)
                found.add(error, f"{place}.dataset" if isinstance(each, Mapping) else place)
                if found.full:
                    return
                found.stands_in(place)
                entries[at] = _stand_in(key, name)


def _read(new: NewJob, found: _Found, desk: Desk) -> None:
    """Note what is wrong with the form of what is left."""
    new = resolved(new, desk.objects, desk.files, project=desk.project)
    check_document(new.document, desk.settings)
    with tempfile.TemporaryDirectory(prefix="bakeoff-check-") as name:
        folder = Path(name)
        write_files(folder, new)
        try:
            with as_sent():
                load_spec(folder / "spec.json", secret_values(desk.settings), base=folder)
        except SpecErrorGroup as group:
            for error in group.errors:
                problem = problem_of(error)
                if not found.full and not found.follows(problem.path):
                    found.add(error)


def _name(given: object, at: int) -> str:
    name: object = given if isinstance(given, str) else None
    if isinstance(given, Mapping):
        name = cast("Mapping[str, object]", given).get("name")
    return spec_name(str(name).partition("@")[0]) if name else f"part-{at}"


def _stand_in(key: str, name: str) -> dict[str, Any]:
    if key == "models":
        return {"name": name, "endpoint": NOBODY, "model": name}
    return {"name": name, "dataset": {"type": "synthetic"}, "load": {"kind": "concurrent", "requests": 1}}
