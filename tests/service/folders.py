"""What is in a folder that somebody still writes: what goes while we look is not there."""

import os
from collections.abc import Iterator
from pathlib import Path


def files(folder: Path) -> Iterator[Path]:
    """Yield every file below a folder; `os.walk` passes over folders that go meanwhile."""
    for place, _, names in os.walk(folder):
        yield from (Path(place, name) for name in names)


def contents(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Yield every file below a folder with its content."""
    for path in files(folder):
        try:
            yield path, path.read_bytes()
        except FileNotFoundError:
            continue
