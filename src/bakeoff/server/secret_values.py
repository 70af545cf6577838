"""Secrets by reference: names that a spec may use, and where their values are."""

import os
import re
from pathlib import Path

from bakeoff.server.settings import Settings

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LONGEST = 100_000


def secret_values(settings: Settings) -> dict[str, str]:
    """Return the secrets that specs may name: variables of the environment, and files of one folder.

    A file with a name that no spec can write, or whose content is no text, is no secret.
    """
    found = {name: os.environ[name] for name in settings.secrets if name in os.environ}
    if settings.secret_files is not None:
        for path in sorted(settings.secret_files.iterdir()):
            value = _text(path) if _NAME.fullmatch(path.name) and path.is_file() else None
            if value is not None:
                found[path.name] = value
    return found


def is_offered(name: str, settings: Settings) -> bool:
    """Tell whether a spec may use `${NAME}`."""
    folder = settings.secret_files
    return name in settings.secrets or (
        folder is not None and _NAME.fullmatch(name) is not None and (folder / name).is_file()
    )


def _text(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            content = file.read(_LONGEST + 1)
        text = content.decode()
    except (OSError, UnicodeDecodeError):
        return None
    # The environment of a process, by which workers pass them on, takes neither.
    return None if len(content) > _LONGEST or "\0" in text else text.strip()
