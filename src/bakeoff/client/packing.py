"""A spec file as another machine can run it: with all defaults, and with the data that it names."""

import re
from collections.abc import Container, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import msgspec

from bakeoff.errors import UsageError
from bakeoff.spec import LoadedSpec, NamedSpec, load_named, load_spec
from bakeoff.spec.checks import MASK
from bakeoff.textfiles import resolve

_MOST_BYTES = 50_000_000

Plain = dict[str, Any]


class Packed(msgspec.Struct, frozen=True, kw_only=True):
    """A spec with its data by the path that it has in the job.

    Attributes:
        sources: where these data lie on this machine, by the same path.
    """

    document: dict[str, Any]
    files: dict[str, bytes]
    sources: dict[str, str] = {}

    def at_home(self, text: str) -> str:
        """Return what a service says of the data, by their files on this machine."""
        if not self.sources:
            return text
        paths = "|".join(re.escape(path) for path in sorted(self.sources, key=len, reverse=True))
        return re.sub(rf"(?<![\w/.-])(?:{paths})(?![\w-])", lambda found: self.sources[found[0]], text)


def pack_file(path: Path, env: Mapping[str, str]) -> Packed:
    """Return a spec file as a service can run it; what it names there is for the service to put in.

    Raises:
        SpecErrorGroup: all mistakes; where it names things of the service, those that show without it.
        UsageError: as of `pack`.
    """
    named = load_named(path, env)
    return pack(load_spec(path, env, for_requests=False) if named is None else named)


def pack(loaded: LoadedSpec | NamedSpec) -> Packed:
    """Return a loaded spec as a service can run it; secrets stay names.

    Raises:
        UsageError: a secret is written out, or the data are too large to be sent along.
    """
    document = dict(loaded.document)
    _check_secrets(loaded)
    files: dict[str, bytes] = {}
    names: dict[Path, str] = {}
    rows: object = document.get("benchmarks")
    if isinstance(rows, list):
        found = cast("list[object]", rows)
        document["benchmarks"] = [_packed(row, loaded.base, files, names) for row in found]
    if isinstance(document.get("prices"), Mapping):
        # The book's entries are in the document; the file that they came from is not there.
        document["prices"] = {**document["prices"], "file": ""}
    size = sum(map(len, files.values()))
    if size > _MOST_BYTES:
        raise UsageError(
            f"the data of this spec have {size:,} bytes; at most {_MOST_BYTES:,} are sent along",
            hint="upload them as a data set, and name it: `dataset: {type: stored, name: NAME}`",
        )
    return Packed(document=document, files=files, sources={there: str(path) for path, there in names.items()})


def _check_secrets(loaded: LoadedSpec | NamedSpec) -> None:
    keys = {path.rpartition(".")[2] for path in loaded.hidden}
    for path in _masked(loaded.document, "", keys):
        raise UsageError(
            f"{path}: a secret is written out, and is not sent to a server",
            hint="write `${NAME}`, and have the server offer it: `bakeoff serve --secret NAME`",
        )


def _masked(value: object, path: str, keys: Container[str]) -> Iterator[str]:
    """Yield where a secret was taken out; not by the paths of the file, which may be narrowed since."""
    if isinstance(value, Mapping):
        for key, item in cast("Mapping[str, object]", value).items():
            yield from _masked(item, f"{path}.{key}" if path else key, keys)
    elif isinstance(value, list):
        for index, item in enumerate(cast("list[object]", value)):
            yield from _masked(item, f"{path}[{index}]", keys)
    elif value == MASK and path.rpartition(".")[2] in keys:
        yield path


def _packed(benchmark: object, base: Path, files: dict[str, bytes], names: dict[Path, str]) -> object:
    """Return a benchmark whose data set lies with the job, and add that file; a name stays as it is."""
    section = _mapping(benchmark)
    options = _mapping(section.get("dataset"))
    given: object = options.get("path")
    if not isinstance(given, str):
        return benchmark
    path = resolve(base, given)
    if path not in names:
        try:
            content = path.read_bytes()
        except OSError as error:
            raise UsageError(f"cannot be read: {error.strerror}", where=str(path)) from error
        names[path] = _free(path.name, files)
        files[names[path]] = content
    return {**section, "dataset": {**options, "path": names[path]}}


def _mapping(value: object) -> Plain:
    return cast("Plain", value) if isinstance(value, dict) else {}


def _free(name: str, files: Mapping[str, bytes]) -> str:
    plain = "".join(each if each.isascii() and (each.isalnum() or each in "._-") else "-" for each in name)
    plain = plain.lstrip(".-")[-150:] or "rows"
    number, found = 1, f"datasets/{plain}"
    while found in files:
        number += 1
        found = f"datasets/{number}-{plain}"
    return found
