"""evidence: a run as one signed archive, from which `bakeoff verify` computes every number again.

What was stored is packed byte by byte; the results are those that this version computes from it.
"""

import contextlib
import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec

from bakeoff import __version__
from bakeoff.decide.verdict.rule_hash import rule_hash
from bakeoff.errors import RunLockedError, StoreError, UsageError
from bakeoff.evidence import (
    FILES,
    LINES,
    MANIFEST,
    RESULTS,
    SIGNATURE,
    Content,
    DataFacts,
    FileFacts,
    Key,
    LineHasher,
    Manifest,
    Signature,
    find_key,
    key_folder,
    manifest_bytes,
    pack,
    sign,
)
from bakeoff.prompts import content_hash
from bakeoff.records import Event, Results
from bakeoff.records.imported import StoredRun
from bakeoff.stores.jsonl import is_locked, read_records

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PACKAGES = ("click", "httptools", "jinja2", "msgspec", "pyyaml", "rich", "uvloop")


class Evidence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that a verdict rests on, in one `.zip` file with the hash of every file and line.

    Attributes:
        key: name of the key that signs; the only one there is by default.
        keys: folder of the keys; `bakeoff/keys` in the user's settings by default.
        unsigned: do without a signature. `bakeoff verify` then says that nobody vouches for the numbers.
    """

    key: str | None = None
    keys: str | None = None
    unsigned: bool = False

    def write(self, run: StoredRun, folder: Path) -> list[Path]:
        """Write `RUN.evidence.zip`."""
        if run.folder is None:
            raise UsageError("only a run that is stored on this machine can be exported as evidence")
        if self.unsigned and self.key is not None:
            raise UsageError("`key` and `unsigned` contradict each other")
        if is_locked(run.folder):
            raise RunLockedError(
                "this run is still being written", where=str(run.folder), hint="wait for it, or stop it"
            )
        signer = None if self.unsigned else find_key(key_folder(_path(self.keys), os.environ), self.key)
        contents = list(_contents(run.folder, run.results))
        hashes = {each.name: each.hashed() for each in contents}
        marks = b"".join(bytes(hashes[name].marks) for name in sorted(hashes))
        contents.append(Content(name=LINES, data=marks))
        hashes[LINES] = contents[-1].hashed()
        facts = [_facts(name, hashes[name]) for name in sorted(hashes)]
        manifest = manifest_bytes(_manifest(run, run.folder, facts, signer))
        contents.append(Content(name=MANIFEST, data=manifest))
        if signer is not None:
            contents.append(Content(name=SIGNATURE, data=manifest_bytes(_signature(signer, manifest))))
        path = folder / f"{run.results.run}.evidence.zip"
        pack(path, contents, facts)
        return [path]


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text).expanduser()


def _contents(folder: Path, results: Results) -> Iterator[Content]:
    """Yield the files of a run in their names' order.

    Raises:
        StoreError: the last line of one was cut off by a crash.
    """
    for name in FILES:
        path = folder / name
        if name == RESULTS:
            text = msgspec.json.format(msgspec.json.encode(results), indent=2) + b"\n"
            yield Content(name=name, data=text)
        elif path.is_file():
            if path.suffix == ".jsonl" and not _whole(path):
                raise StoreError(
                    "a crash cut off its last line",
                    where=str(path),
                    hint="`bakeoff resume` or `bakeoff score` mends it",
                )
            yield Content(name=name, path=path)


def _whole(path: Path) -> bool:
    """Tell whether a file ends with the end of a line."""
    with path.open("rb") as file:
        if not file.seek(0, os.SEEK_END):
            return True
        file.seek(-1, os.SEEK_END)
        return file.read() == b"\n"


def _facts(name: str, hasher: LineHasher) -> FileFacts:
    lines = 0 if name == LINES else hasher.lines
    return FileFacts(name=name, sha256=hasher.sha256, bytes=hasher.bytes, lines=lines)


def _manifest(run: StoredRun, folder: Path, facts: list[FileFacts], signer: Key | None) -> Manifest:
    return Manifest(
        run=run.results.run,
        name=run.results.name,
        created=ended_at(run.wall_ns, read_records(folder, Event)),
        plan_hash=run.plan.hash,
        rule_hash=rule_hash(run.spec.decide),
        key=None if signer is None else signer.id,
        versions=versions(),
        environment=run.results.environment,
        data={
            benchmark: DataFacts(rows=len(cases), sha256=content_hash(cases.values()))
            for benchmark, cases in run.cases().items()
        },
        files=facts,
    )


def ended_at(wall_ns: int, events: Iterable[Event]) -> str:
    """Return when the last event of a run was, by the wall-clock time of its zero."""
    last = wall_ns + max((event.at for event in events), default=0)
    return (_EPOCH + timedelta(microseconds=last // 1000)).isoformat(timespec="seconds")


def versions() -> dict[str, str]:
    """Return the versions of bakeoff and of the packages that its core needs."""
    found = {"bakeoff": __version__}
    for package in _PACKAGES:
        with contextlib.suppress(PackageNotFoundError):  # uvloop is not everywhere
            found[package] = version(package)
    return found


def _signature(signer: Key, manifest: bytes) -> Signature:
    return Signature(key=signer.id, public_key=signer.public.hex(), signature=sign(signer, manifest).hex())
