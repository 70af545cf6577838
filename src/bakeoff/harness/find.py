"""Find the one YAML file of a task among some 14,000, by its text: lm-eval itself parses them all first."""

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from bakeoff.errors import DataError
from bakeoff.plugins import suggest

_SKIPPED = frozenset({"__pycache__", ".ipynb_checkpoints"})
_KEYED = r"""^["']?%s["']?[ \t]*:[ \t]*["']?(%s)["']?[ \t]*(?:#.*)?\r?$"""
_ANY = re.compile((_KEYED % ("(?:task|group)", r"[^\s\[\]{}\"'#]+")).encode(), re.MULTILINE)
_SHOWN = 8


class _File(msgspec.Struct, frozen=True):
    path: Path
    text: bytes


def find_task(name: str, folders: Iterable[Path]) -> Path:
    """Return the file that defines the task `name`; a later folder goes before an earlier one.

    Raises:
        DataError: no file does, or the name is that of a group or tag, which is several tasks.
    """
    known = list(folders)
    wanted = name.encode()
    for folder in reversed(known):
        files = [file for file in _files(folder) if wanted in file.text]
        tasks = [file for file in files if _defines(file.text, "task", name)]
        if tasks:
            return min(tasks, key=lambda file: file.path.as_posix()).path
        _refuse_several(name, files)
    raise _unknown(name, known)


def _files(folder: Path) -> Iterator[_File]:
    for place, inner, names in os.walk(folder):
        inner[:] = [each for each in inner if each not in _SKIPPED]
        for name in names:
            if name.endswith(".yaml"):
                path = Path(place, name)
                yield _File(path, path.read_bytes())


def _defines(text: bytes, key: str, name: str) -> bool:
    return re.search((_KEYED % (key, re.escape(name))).encode(), text, re.MULTILINE) is not None


def _refuse_several(name: str, files: list[_File]) -> None:
    """Refuse a group or a tag: its tasks have scores of their own, which one benchmark would mix."""
    group = next((file for file in files if _defines(file.text, "group", name)), None)
    if group is not None:
        members = re.findall(
            rb"^[ \t]*-[ \t]+(?:task:[ \t]*)?[\"']?([\w.+-]+)[\"']?[ \t]*\r?$", group.text, re.MULTILINE
        )
        raise _several("group", name, {each.decode() for each in members}, group.path)
    tagged = [file for file in files if _tagged(file.text, name)]
    if tagged:
        found = {each.decode() for file in tagged for each in _ANY.findall(file.text)}
        raise _several("tag", name, found, tagged[0].path.parent)


def _tagged(text: bytes, name: str) -> bool:
    entry = rb"^[ \t]*-[ \t]+[\"']?%s[\"']?[ \t]*\r?$" % re.escape(name.encode())
    listed = re.search(rb"^[\"']?tag[\"']?[ \t]*:[ \t]*\r?$", text, re.MULTILINE) is not None
    return _defines(text, "tag", name) or (listed and re.search(entry, text, re.MULTILINE) is not None)


def _several(kind: str, name: str, members: set[str], place: Path) -> DataError:
    shown = sorted(members)
    more = ", …" if len(shown) > _SHOWN else ""
    return DataError(
        f"`{name}` is a {kind} of several tasks",
        where=str(place),
        hint=f"make a benchmark of each: {', '.join(shown[:_SHOWN])}{more}",
    )


def _unknown(name: str, folders: list[Path]) -> DataError:
    known = {
        each.decode("utf-8", "replace")
        for folder in folders
        for file in _files(folder)
        for each in _ANY.findall(file.text)
    }
    return DataError(
        f"lm-eval has no task `{name}`.{suggest(name, known)}",
        where=", ".join(str(folder) for folder in folders),
        hint="name the folder of your own tasks with `include_path`",
    )
