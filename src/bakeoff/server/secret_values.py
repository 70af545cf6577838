"""Secrets by reference: names that a spec may use, and where their values are.

A folder of secrets holds files, or folders of files as Kubernetes mounts them: `${NAME}` is the file NAME, or
the one file of the folder NAME, and `${NAME/KEY}` is one of several. No name leads out of the folder.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from bakeoff.server.settings import Settings

REFERENCE = re.compile(r"\$\{([A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)?)\}")
"""`${NAME}` or `${NAME/KEY}`, written as Kubernetes writes names."""
_PART = re.compile(r"[A-Za-z0-9._-]+")
_LONGEST = 100_000


def secret_values(settings: Settings) -> dict[str, str]:
    """Return the secrets that specs may name: variables of the environment, and files of one folder.

    A file with a name that no spec can write, or whose content is no text, is no secret.
    """
    found = {name: os.environ[name] for name in settings.secrets if name in os.environ}
    if settings.secret_files is not None:
        root = settings.secret_files.resolve()
        for name, path in _named(root):
            value = _text(path)
            if value is not None:
                found[name] = value
    return found


def is_offered(name: str, settings: Settings) -> bool:
    """Tell whether a spec may use `${NAME}`."""
    if name in settings.secrets:
        return True
    first, *rest = name.split("/")
    if settings.secret_files is None or len(rest) > 1 or not _is_part(first):
        return False
    root = settings.secret_files.resolve()
    return any(known == name for known, _ in _names_of(root / first, root))


def offered(settings: Settings) -> list[str]:
    """Return the names that specs may use, for whoever runs the server and nobody else."""
    folder = settings.secret_files
    files = () if folder is None else (name for name, _ in _named(folder.resolve()))
    return sorted({*settings.secrets, *files})


def _named(root: Path) -> Iterator[tuple[str, Path]]:
    """Yield the files of the folder by all names that they have."""
    for path in _entries(root):
        yield from _names_of(path, root)


def _names_of(path: Path, root: Path) -> Iterator[tuple[str, Path]]:
    """Yield the names of a file, or of the files of a folder."""
    if _is_file(path, root):
        yield path.name, path
        return
    files = [each for each in _entries(path) if _is_file(each, root)]
    for each in files:
        yield f"{path.name}/{each.name}", each
    if len(files) == 1:
        yield path.name, files[0]


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if _is_part(path.name))
    except OSError:
        return []


def _is_part(name: str) -> bool:
    """Tell whether a name can stand in a reference; what begins with `..` Kubernetes keeps to itself."""
    return _PART.fullmatch(name) is not None and name != "." and not name.startswith("..")


def _is_file(path: Path, root: Path) -> bool:
    """Tell whether this is a file that lies in the folder, by whatever links inside it."""
    try:
        return path.is_file() and path.resolve().is_relative_to(root)
    except (OSError, RuntimeError):  # no right to look, or links in a circle
        return False


def _text(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            content = file.read(_LONGEST + 1)
        text = content.decode()
    except (OSError, UnicodeDecodeError):
        return None
    # The environment of a process, by which workers pass them on, takes neither.
    return None if len(content) > _LONGEST or "\0" in text else text.strip()
