"""Secrets by reference: names that a spec may use, and where their values are."""

import os
from pathlib import Path

from bakeoff.server.settings import Settings


def secret_values(settings: Settings) -> dict[str, str]:
    """Return the secrets that specs may name: variables of the environment, and files of one folder."""
    found = {name: os.environ[name] for name in settings.secrets if name in os.environ}
    if settings.secret_files is not None:
        found |= {
            path.name: _text(path) for path in sorted(settings.secret_files.iterdir()) if path.is_file()
        }
    return found


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip()
