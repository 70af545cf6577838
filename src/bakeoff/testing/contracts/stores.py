"""What every store must do.

A third party writes `def test_mine(tmp_path): check_store(Opened(MyStore(tmp_path), read))`, where `read`
returns what another process would find of a kind of records.
"""

from collections.abc import Callable, Iterable
from threading import Thread
from typing import Any

import msgspec

from bakeoff.extend import Store
from bakeoff.records import Event, Sample, Score, Usage

RECORDS: tuple[Sample | Score | Event, ...] = (
    Event(kind="run_started", at=1, facts={"text": 'ünïcode \u2028 "quoted"', "list": [1, None, {"a": 1.5}]}),
    Sample(
        benchmark="b",
        case="c",
        target="t",
        outcome="ok",
        text="two\nlines and a \x00",
        usage=Usage(prompt=1, completion=2, counted_by="server"),
        chunk_us=[1, 2],
        extra={"timings": {"n": 0.5}},
    ),
    Score(
        benchmark="b",
        case="c",
        target="t",
        scorer="s",
        metric="accuracy",
        value=None,
        passed=None,
        outcome="unparsable",
    ),
    Sample(benchmark="b", case="c", target="t", outcome="error", error="http_500: died"),
    Event(kind="run_ended", at=2),
)
_KINDS = (Sample, Score, Event)


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """An empty store, and how another process reads the records of a kind back."""

    store: Store
    read: Callable[[type[Any]], Iterable[Any]]


def check_store(opened: Opened) -> None:
    """Assert the contract of the stores family on one empty store."""
    store, read = opened.store, opened.read
    assert not store.grouped, "records are written at once unless groups are asked for"
    for kind in _KINDS:
        assert list(read(kind)) == [], "a new store is empty"
    wanted: list[Sample | Score | Event] = []
    for record in RECORDS:
        store.add(record)
        wanted.append(record)
        assert _stored(read) == _by_kind(wanted), "a record is there when `add` returns"
    store.grouped = True
    assert store.grouped, "groups can be asked for"
    for record in RECORDS:
        store.add(record)
    store.flush()
    wanted += RECORDS
    assert _stored(read) == _by_kind(wanted), "`flush` writes what is grouped, in order"
    store.add(RECORDS[1])
    store.grouped = False
    wanted.append(RECORDS[1])
    assert _stored(read) == _by_kind(wanted), "the end of grouping writes what is grouped"
    thread = Thread(target=store.sync)
    thread.start()
    store.add(RECORDS[2])
    thread.join()
    wanted.append(RECORDS[2])
    assert _stored(read) == _by_kind(wanted), "`sync` runs beside `add`"


def _stored(read: Callable[[type[Any]], Iterable[Any]]) -> list[list[Any]]:
    return [list(read(kind)) for kind in _KINDS]


def _by_kind(records: list[Sample | Score | Event]) -> list[list[Any]]:
    return [[record for record in records if type(record) is kind] for kind in _KINDS]
