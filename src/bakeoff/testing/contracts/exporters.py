"""What every exporter must do; call this from the tests of an implementation."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from bakeoff.errors import UsageError
from bakeoff.extend import Exporter
from bakeoff.records import (
    BenchmarkSpec,
    Choice,
    ModelSpec,
    Plan,
    Results,
    Sample,
    Score,
    Spec,
    Stage,
    Target,
    Usage,
    Verdict,
)
from bakeoff.records.imported import StoredRun

_SECOND = 10**9
_TEXT = '=1+1, "quoted"\nünï \u202e\x00'


def samples() -> list[Sample]:
    """Return answers, a failure, a cut answer, one without a token count, and a warm-up, in odd texts."""
    good = Sample(
        benchmark="load",
        target="one",
        text=_TEXT,
        case="1",
        outcome="ok",
        scheduled_at=_SECOND,
        sent_at=_SECOND + 1_000_000,
        first_token_at=_SECOND + 51_000_000,
        first_answer_at=_SECOND + 51_000_000,
        last_token_at=_SECOND + 71_000_000,
        done_at=_SECOND + 72_000_000,
        usage=Usage(prompt=9, completion=3, counted_by="server"),
        chunks=3,
        chunk_us=[10_000, 10_000],
        extra={"usage": {"time_to_first_token": 0.05}},
    )
    replace = msgspec.structs.replace
    return [
        replace(good, case="0", stage="warmup", scheduled_at=0, sent_at=0),
        good,
        replace(good, case="2", usage=Usage(), extra={}),
        replace(good, case="3", outcome="truncated"),
        _failed("4", "error", 503),
        _failed("5", "cancelled", None),
        replace(good, case="6", target="two", chunk_us=None, chunks=0, last_token_at=None, sent_at=None),
    ]


def _failed(case: str, outcome: str, status: int | None) -> Sample:
    return Sample(
        benchmark="load",
        target="one",
        case=case,
        outcome=outcome,
        scheduled_at=2 * _SECOND,
        sent_at=2 * _SECOND,
        status=status,
        error=_TEXT,
    )


def make_run(rows: list[Sample]) -> StoredRun:
    """Return a run of a load over two targets that has these samples."""
    names = ("one", "two")
    load = {"kind": "concurrent", "concurrency": 2}

    def stage(target: str, name: str) -> Stage:
        return Stage(
            name=name,
            benchmark="load",
            target=target,
            cases=[row.case for row in rows],
            requests=len(rows),
            load=load,
            warmup=name == "warmup",
            measured=True,
        )

    verdict = Verdict(state="inconclusive", choice=None, tied=[], sentence="")
    options = {"prompt_tokens": {"mean": 9, "stddev": 2}, "output_tokens": 3}
    dataset = Choice(type="synthetic", options=options)

    def read() -> Iterator[Sample]:
        return iter(rows)

    def scores() -> Iterator[Score]:
        return iter(())

    return StoredRun(
        results=Results(
            run="20260101-000000-a-0000", name="a", plan_hash="0", targets=[], comparisons=[], verdict=verdict
        ),
        spec=Spec(
            models=[
                ModelSpec(name=name, endpoint="http://127.0.0.1:1/v1", model=f"org/{name}") for name in names
            ],
            benchmarks=[BenchmarkSpec(name="load", dataset=dataset, measured=True)],
        ),
        plan=Plan(
            hash="0",
            seed=0,
            targets=[Target(name=name, provider="openai_chat", model=f"org/{name}") for name in names],
            stages=[stage("one", "warmup"), *(stage(name, "main") for name in names)],
        ),
        samples=read,
        scores=scores,
        wall_ns=1_700_000_000 * _SECOND,
    )


def check_exporter(exporter: Exporter, folder: Path) -> list[Path]:
    """Check that a run is written twice alike, and an empty one is refused or written; return the files."""
    first, second, empty = (folder / name for name in ("first", "second", "empty"))
    for each in (first, second, empty):
        each.mkdir()
    paths = exporter.write(make_run(samples()), first)
    assert paths, "nothing was written"
    assert all(path.parent == first and path.stat().st_size for path in paths), "an empty file, or elsewhere"
    assert {path.name for path in paths} == {path.name for path in first.iterdir()}, "files that are not told"
    again = exporter.write(make_run(samples()), second)
    assert [path.name for path in again] == [path.name for path in paths], "the names differ next time"
    refused = False
    try:
        written = exporter.write(make_run([]), empty)
    except UsageError:
        refused, written = True, []
    assert refused or all(path.is_file() for path in written)
    return paths
