"""What every importer must do; call these from the tests of an implementation."""

import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from bakeoff.errors import DataError
from bakeoff.extend import Importer
from bakeoff.records import OUTCOMES, Sample
from bakeoff.records.imported import Imported

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,78}[A-Za-z0-9_-])?")


def check_importer(importer: Importer, folder: Path, files: Mapping[str, str]) -> Imported:
    """Check that an example is recognised and read, the same from whichever of its files; return its content.

    Args:
        importer: the implementation.
        folder: an empty folder.
        files: an example of the tool's files, by name.
    """
    paths = [folder / name for name in files]
    for path in paths:
        path.write_text(files[path.name], encoding="utf-8")
    for path in paths:
        assert importer.detect(path), f"{path.name} is not recognised"
    found = importer.read(paths[0])
    assert {path.name for path in found.sources} == set(files), "some file of the example was not read"
    for path in paths[1:]:
        assert importer.read(path) == found, f"{path.name} reads as something else than {paths[0].name}"
    _check_names(found)
    for sample in found.samples:
        _check_sample(sample)
    assert len({sample.key for sample in found.samples}) == len(found.samples), "two samples have one key"
    assert found.samples or found.reported, "nothing was read"
    for one in found.reported:
        for name, estimate in one.metrics.items():
            assert estimate.note.startswith("as reported by"), f"{name} does not say whose number it is"
            assert estimate.low is None, f"{name} has an interval that nobody can know"
    assert msgspec.json.encode(found.samples), "a sample cannot be written"
    return found


def check_broken_files(importer: Importer, folder: Path, files: Mapping[str, str]) -> None:
    """Check that a cut, foreign or missing file is refused by name, and by no other error than DataError."""
    for name, text in files.items():
        for size in (0, 1, len(text) // 3, len(text) - 2):
            _check_refused(importer, folder, name, text[:size])
        for other in ("null", "[]", "{}", "[[[]]]", "\x00\xff", "[" * 100_000, '{"a": 1e999}'):
            _check_refused(importer, folder, name, other)
    missing = folder / "missing.json"
    assert not importer.detect(missing), "a file that is not there is recognised"


def _check_refused(importer: Importer, folder: Path, name: str, text: str) -> None:
    path = folder / "alone" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    importer.detect(path)
    found, where = None, name
    try:
        found = importer.read(path)
    except DataError as error:
        where = error.where
    assert name in where, f"the message names {where!r}, not {name}"
    # What is left of lines can be a whole shorter file, and of some files nothing must be there.
    assert found is None or not found.samples or "\n" in text, f"{name} was read from {text[:60]!r}"


def _check_names(found: Imported) -> None:
    targets = {target.name for target in found.targets}
    benchmarks = {bench.name for bench in found.benchmarks}
    for name in targets | benchmarks:
        assert _NAME.fullmatch(name), f"`{name}` cannot be part of a file name"
    places = {(each.benchmark, each.target) for each in found.samples}
    places |= {(each.benchmark, each.target) for each in found.scores}
    places |= {(each.benchmark, each.target) for each in found.reported}
    for benchmark, target in places:
        assert target in targets, f"the target `{target}` is not named"
        assert benchmark in benchmarks, f"the benchmark `{benchmark}` is not named"


def _check_sample(sample: Sample) -> None:
    assert sample.outcome in OUTCOMES
    assert sample.ok or sample.error or sample.outcome in {"empty", "truncated", "refused", "filtered"}
    start = sample.scheduled_at if sample.sent_at is None else sample.sent_at
    moments = (sample.first_token_at, sample.first_answer_at, sample.last_token_at, sample.done_at)
    for moment in moments:
        assert moment is None or moment >= start, f"{sample.case} has an event before its start"
    assert sample.scheduled_at >= 0, "a moment lies before time zero"
    assert sample.chunk_us is None or len(sample.chunk_us) == sample.chunks - 1
    counted = sample.usage.prompt is not None or sample.usage.completion is not None
    assert counted == (sample.usage.counted_by is not None), "counts say who counted"
