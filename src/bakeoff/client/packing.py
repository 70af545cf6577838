"""A spec file as another machine can run it: with all defaults, and with the data that it names."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from bakeoff.errors import UsageError
from bakeoff.spec import LoadedSpec
from bakeoff.textfiles import resolve

_MOST_BYTES = 50_000_000
_HIDDEN = "***"


class Packed(msgspec.Struct, frozen=True, kw_only=True):
    """A spec with its data by the path that it has in the job."""

    document: dict[str, Any]
    files: dict[str, bytes]


def pack(loaded: LoadedSpec) -> Packed:
    """Return a loaded spec as a service can run it; secrets stay names.

    Raises:
        UsageError: a secret is written out, or the data are too large to be sent along.
    """
    document = dict(loaded.document)
    _check_secrets(loaded)
    files: dict[str, bytes] = {}
    names: dict[Path, str] = {}
    document["benchmarks"] = [_packed(row, loaded.base, files, names) for row in document["benchmarks"]]
    # The book's entries are in the document; the file that they came from is not there.
    document["prices"] = {**document["prices"], "file": ""}
    size = sum(map(len, files.values()))
    if size > _MOST_BYTES:
        raise UsageError(
            f"the data of this spec have {size:,} bytes; at most {_MOST_BYTES:,} are sent along",
            hint="upload them as a data set, and name it: `dataset: {type: stored, name: NAME}`",
        )
    return Packed(document=document, files=files)


def _check_secrets(loaded: LoadedSpec) -> None:
    for path in loaded.hidden:
        if _HIDDEN in str(_at(loaded.document, path)):
            raise UsageError(
                f"{path}: a secret is written out, and is not sent to a server",
                hint="write `${NAME}`, and have the server offer it: `bakeoff serve --secret NAME`",
            )


def _at(document: Any, path: str) -> object:  # noqa: ANN401  plain values
    """Return the value at a path such as `models[0].api_key`."""
    for part in re.findall(r"[^.\[\]]+", path):
        document = document[int(part) if isinstance(document, list) else part]
    return document


def _packed(
    benchmark: Mapping[str, Any], base: Path, files: dict[str, bytes], names: dict[Path, str]
) -> dict[str, Any]:
    """Return a benchmark whose data set lies with the job, and add that file."""
    options: Mapping[str, Any] = benchmark["dataset"]
    given = options.get("path")
    if not isinstance(given, str):
        return dict(benchmark)
    path = resolve(base, given)
    if path not in names:
        try:
            content = path.read_bytes()
        except OSError as error:
            raise UsageError(f"cannot be read: {error.strerror}", where=str(path)) from error
        names[path] = _free(path.name, files)
        files[names[path]] = content
    return {**benchmark, "dataset": {**options, "path": names[path]}}


def _free(name: str, files: Mapping[str, bytes]) -> str:
    plain = "".join(each if each.isascii() and (each.isalnum() or each in "._-") else "-" for each in name)
    plain = plain.lstrip(".-")[-150:] or "rows"
    number, found = 1, f"datasets/{plain}"
    while found in files:
        number += 1
        found = f"datasets/{number}-{plain}"
    return found
