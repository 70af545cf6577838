"""What a job left behind, packed for download."""

import gzip
import io
import tarfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from bakeoff.server.access import Principal
from bakeoff.server.dialects.nemo.board import Entry
from bakeoff.server.service import Service
from bakeoff.server.times import iso

_ENCODER = msgspec.json.Encoder(decimal_format="string")


def log_lines(service: Service, entry: Entry, caller: Principal) -> Iterator[dict[str, str]]:
    """Yield what happened to a job: `{timestamp, task, message}` each."""
    yield _line(entry.created_at, "job", f"created by {caller.project}")
    if entry.job is None:
        yield _line(entry.updated_at, "job", str(entry.details.get("message") or entry.status))
        return
    for event in service.jobs.events(entry.id, project=caller.project):
        facts = ", ".join(f"{name}={value}" for name, value in event.facts.items())
        yield _line(event.at, "job", f"{event.kind}: {facts}" if facts else event.kind)
    if entry.job.away and not entry.job.ended:
        yield _line(entry.updated_at, "job", str(entry.details["message"]))
    for sample in service.samples(entry.job):
        if not sample.ok:
            message = f"case {sample.case}: {sample.outcome} {sample.error}".rstrip()
            yield _line(entry.updated_at, sample.benchmark, message)
    if entry.job.error is not None:
        yield _line(entry.updated_at, "job", entry.job.error.message)


def _line(moment: int, task: str, message: str) -> dict[str, str]:
    return {"timestamp": iso(moment) or "", "task": task, "message": message}


def log_text(lines: Iterable[Mapping[str, str]]) -> bytes:
    """Return log lines as text."""
    return "".join(f"{each['timestamp']} {each['task']} {each['message']}\n" for each in lines).encode()


def result_files(service: Service, entry: Entry, result: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the files of a result by name: the result, and of a run all samples and scores."""
    files = {"results.json": _ENCODER.encode(result)}
    if entry.job is not None:
        files["samples.jsonl"] = _ENCODER.encode_lines(service.samples(entry.job))
        files["scores.jsonl"] = _ENCODER.encode_lines(service.scores(entry.job))
    return files


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Return files as a ZIP archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def tarred(files: Mapping[str, bytes]) -> bytes:
    """Return files as a gzip-packed tar archive."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return gzip.compress(buffer.getvalue(), mtime=0)
