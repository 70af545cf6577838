"""Find the YAML files of a task, group or tag among some 14,000, by their text.

lm-eval itself parses them all, which takes seconds. A tag that a file includes is found as one of its own.
"""

import os
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import msgspec
import yaml

from bakeoff.errors import DataError
from bakeoff.plugins import suggest

_SUFFIX = ".yaml"
_SKIPPED = frozenset({"__pycache__", ".ipynb_checkpoints"})
_KEYED = r"""^["']?%s["']?[ \t]*:[ \t]*["']?(%s)["']?[ \t]*(?:#.*)?\r?$"""
_ANY = re.compile((_KEYED % ("(?:task|group)", r"[^\s\[\]{}\"'#]+")).encode(), re.MULTILINE)
_TAG = re.compile(rb"^[\"']?tag[\"']?[ \t]*:", re.MULTILINE)
_GROUP = re.compile(rb"^[\"']?group[\"']?[ \t]*:", re.MULTILINE)
_INCLUDE = re.compile(
    rb"""^["']?include["']?[ \t]*:((?:\s*-)?[ \t]*[^\s#]+(?:\s+-[ \t]+[^\s#]+)*)""", re.MULTILINE
)
_TASK = re.compile((_KEYED % ("task", r"[^\s\[\]{}\"'#]+")).encode(), re.MULTILINE)


class _File(msgspec.Struct, frozen=True):
    path: Path
    text: bytes

    @property
    def listed(self) -> bool:
        """Tell whether lm-eval takes the tasks in it."""
        return self.path.suffix == _SUFFIX


class _Loader(yaml.SafeLoader):
    """Reads a group's file; the functions that it names stay names."""


def _name(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> object:
    return loader.construct_scalar(node)


_Loader.add_constructor("!function", _name)


def find_task(name: str, folders: Iterable[Path]) -> Path:
    """Return the file that defines the task `name`; a later folder goes before an earlier one.

    Raises:
        DataError: no file does, or the name is that of a group or tag, which is several tasks.
    """
    known = list(folders)
    for folder in reversed(known):
        files = _naming(folder, name)
        path = _task_file(name, files)
        if path is not None:
            return path
        if _group_file(name, files) or _tagged_tasks(name, folder):
            hint = f"name one of them: {', '.join(find_tasks(name, known))}"
            raise DataError(f"`{name}` is several tasks", where=str(folder), hint=hint)
    raise _unknown(name, known)


def find_tasks(name: str, folders: Iterable[Path]) -> list[str]:
    """Return the names of the tasks that a name stands for: the task itself, or those of a group or tag.

    Raises:
        DataError: nothing is called so, or a group changes what its tasks ask.
    """
    found: dict[str, None] = {}
    _resolve(name, list(folders), found, ())
    return list(found)


def _resolve(name: str, folders: list[Path], found: dict[str, None], above: tuple[str, ...]) -> None:
    for folder in reversed(folders):
        files = _naming(folder, name)
        if _task_file(name, files) is not None:
            found[name] = None
            return
        group = _group_file(name, files)
        if group is not None:
            if name in above:
                raise DataError(f"the group `{name}` holds itself", where=str(group))
            for member in _members(_group(group).get("task"), name, group):
                _resolve(member, folders, found, (*above, name))
            return
        tagged = _tagged_tasks(name, folder)
        if tagged:
            found.update(dict.fromkeys(tagged))
            return
    raise _unknown(name, folders)


def _task_file(name: str, files: Iterable[_File]) -> Path | None:
    tasks = [
        file.path for file in files if _defines(file.text, "task", name) and not _GROUP.search(file.text)
    ]
    return min(tasks, key=lambda path: path.as_posix(), default=None)


def _group_file(name: str, files: Iterable[_File]) -> Path | None:
    groups = [file.path for file in files if _defines(file.text, "group", name)]
    return min(groups, key=lambda path: path.as_posix(), default=None)


def _group(path: Path) -> dict[str, Any]:
    try:
        found: object = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506  a safe loader
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DataError(f"the group cannot be read: {error}", where=str(path)) from error
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _members(listed: object, group: str, path: Path) -> Iterator[str]:
    """Yield the names in a group's `task`, as they are listed."""
    entries = cast("list[object]", listed) if isinstance(listed, list) else [listed]
    for entry in entries:
        if isinstance(entry, str):
            yield entry
            continue
        named = cast("dict[str, object]", entry) if isinstance(entry, dict) else {}
        if set(named) == {"task"} and isinstance(named["task"], str):
            yield named["task"]
        elif isinstance(named.get("group"), str) and "task" in named:
            yield from _members(named["task"], group, path)
        else:
            raise DataError(
                f"the group `{group}` changes the options of a task: {entry}",
                where=str(path),
                hint=f"make a benchmark of each of its tasks, with the options in it{_named(entries)}",
            )


def _named(entries: list[object]) -> str:
    """Return the names that a group lists, changed or not; empty where it lists none."""
    names = [
        str(name)
        for entry in entries
        for name in [cast("dict[str, object]", entry).get("task") if isinstance(entry, dict) else entry]
        if isinstance(name, str)
    ]
    return f": {', '.join(names)}" if names else ""


def _tagged_tasks(name: str, folder: Path) -> list[str]:
    """Return the tasks that have a tag, in their own file or in one that it includes, by name."""
    files = _files(folder)
    tagged = {file.path for file in files if _tagged(file.text, name)}
    heirs = [file for file in files if tagged and file.path not in tagged and not _TAG.search(file.text)]
    size = -1
    while size != len(tagged):
        size = len(tagged)
        tagged |= {file.path for file in heirs if any(path in tagged for path in _included(file))}
    tasks = {
        each.group(1).decode()
        for file in files
        if file.listed and file.path in tagged and not _GROUP.search(file.text)
        for each in _TASK.finditer(file.text)
    }
    return sorted(tasks)


def _included(file: _File) -> Iterator[Path]:
    for each in _INCLUDE.finditer(file.text):
        for name in each.group(1).decode().replace("- ", " ").split():
            yield Path(os.path.normpath(file.path.parent / name.strip("\"'")))


def _naming(folder: Path, name: str) -> list[_File]:
    wanted = name.encode()
    return [file for file in _files(folder) if file.listed and wanted in file.text]


def _files(folder: Path) -> tuple[_File, ...]:
    """Return the task files of a folder; an installed package does not change while it is in use."""
    return _kept(folder) if "site-packages" in folder.parts else tuple(_read(folder))


@lru_cache(maxsize=2)
def _kept(folder: Path) -> tuple[_File, ...]:
    return tuple(_read(folder))


def _read(folder: Path) -> Iterator[_File]:
    """Yield the files of tasks and groups, and what they include, whatever its name."""
    more: set[Path] = set()
    for place, inner, names in os.walk(folder):
        inner[:] = [each for each in inner if each not in _SKIPPED]
        for name in names:
            if name.endswith(_SUFFIX):
                file = _File(Path(place, name), Path(place, name).read_bytes())
                yield file
                more.update(path for path in _included(file) if path.suffix != _SUFFIX)
    seen: set[Path] = set()
    while more:
        path = more.pop()
        if path not in seen and path.is_file():
            file = _File(path, path.read_bytes())
            yield file
            more.update(_included(file))
        seen.add(path)


def _defines(text: bytes, key: str, name: str) -> bool:
    return re.search((_KEYED % (key, re.escape(name))).encode(), text, re.MULTILINE) is not None


def _tagged(text: bytes, name: str) -> bool:
    entry = rb"^[ \t]*-[ \t]+[\"']?%s[\"']?[ \t]*\r?$" % re.escape(name.encode())
    listed = re.search(rb"^[\"']?tag[\"']?[ \t]*:[ \t]*\r?$", text, re.MULTILINE) is not None
    return _defines(text, "tag", name) or (listed and re.search(entry, text, re.MULTILINE) is not None)


def _unknown(name: str, folders: list[Path]) -> DataError:
    known = {
        each.decode("utf-8", "replace")
        for folder in folders
        for file in _files(folder)
        if file.listed
        for each in _ANY.findall(file.text)
    }
    return DataError(
        f"lm-eval has no task `{name}`.{suggest(name, known)}",
        where=", ".join(str(folder) for folder in folders),
        hint="name the folder of your own tasks with `include_path`",
    )
