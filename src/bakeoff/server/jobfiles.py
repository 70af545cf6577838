"""The files of one job's folder."""

from pathlib import Path

import msgspec

from bakeoff.server.faults import RefusedError
from bakeoff.server.job import NewJob


def write_files(folder: Path, new: NewJob) -> None:
    """Write a job's spec and files into its folder.

    Raises:
        RefusedError: a file's name leads out of the folder.
    """
    for name, content in new.files.items():
        path = folder / name
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise RefusedError(f"`{name}` leads out of the job's folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    spec = msgspec.json.format(msgspec.json.encode(new.document), indent=1)
    (folder / "spec.json").write_bytes(spec)
