"""Run directories: found by name, written once, read back the same."""

import os
import re

import msgspec
import pytest

from bakeoff.clock import Anchor
from bakeoff.errors import StoreError, UsageError
from bakeoff.records import Case, Event, Plan
from bakeoff.run.folder import (
    RunFacts,
    find_folder,
    list_folders,
    new_folder,
    read_cases,
    read_events,
    read_facts,
    read_plan,
    write_plan,
)
from bakeoff.stores.jsonl import JsonlStore

PLAN = Plan(hash="h", seed=1, targets=[], stages=[])
FACTS = RunFacts(anchor=Anchor(wall_ns=1, mono_ns=2, boot="b"), base="/b", command="bakeoff run")


def made(root, *names):
    for name in names:
        (root / name).mkdir(parents=True)
        (root / name / "plan.json").write_bytes(msgspec.json.encode(PLAN))


@pytest.mark.parametrize(
    ("name", "word"),
    [("Support Bot!", "support-bot"), ("", "run"), ("///", "run"), ("x" * 99, "x" * 40), ("ünï", "n")],
)
def test_a_new_directory_is_named_by_time_spec_and_chance(tmp_path, name, word):
    first, second = new_folder(tmp_path, name), new_folder(tmp_path, name)
    assert re.fullmatch(rf"\d{{8}}-\d{{6}}-{word}-[0-9a-f]{{4}}", first.name)
    assert first != second
    assert first.parent == tmp_path


def test_runs_are_found_by_path_id_beginning_or_as_the_latest(tmp_path):
    made(tmp_path, "2026-a-1", "2026-b-2", "2026-b-23")
    (tmp_path / "no-run").mkdir()
    assert [folder.name for folder in list_folders(tmp_path)] == ["2026-a-1", "2026-b-2", "2026-b-23"]
    assert find_folder(tmp_path, str(tmp_path / "2026-a-1")).name == "2026-a-1"
    assert find_folder(tmp_path, "2026-b-2").name == "2026-b-2"
    assert find_folder(tmp_path, "2026-a").name == "2026-a-1"
    assert find_folder(tmp_path, None).name == "2026-b-23"


def test_of_two_runs_begun_in_one_second_the_later_is_the_latest(tmp_path):
    first, second = "20261121-101112-x-ffff", "20261121-101112-x-0000"
    made(tmp_path, first, second)
    for at, name in enumerate((first, second)):
        os.utime(tmp_path / name / "plan.json", ns=(at, at))
    assert [folder.name for folder in list_folders(tmp_path)] == [first, second]
    assert find_folder(tmp_path, None).name == second


def test_what_is_not_found_says_what_there_is(tmp_path):
    with pytest.raises(UsageError, match="there is no run under"):
        find_folder(tmp_path / "nowhere", None)
    made(tmp_path, "2026-a-1", "2026-a-2")
    with pytest.raises(UsageError, match="several runs begin with `2026-a`: 2026-a-1, 2026-a-2"):
        find_folder(tmp_path, "2026-a")
    with pytest.raises(UsageError, match=r"no run `2026-a-l`.*Did you mean"):
        find_folder(tmp_path, "2026-a-l")


def test_a_plan_and_its_cases_are_read_back_as_they_were_written(tmp_path):
    cases = {"b": [Case(id="one", fields={"input": "ü\n"}, reference=4), Case(id="two")]}
    store = JsonlStore(tmp_path)
    write_plan(store, PLAN, {"name": "x", "text": "a: b"}, cases)
    store.close()
    assert read_plan(tmp_path) == PLAN
    assert read_cases(tmp_path) == {"b": {case.id: case for case in cases["b"]}}
    assert (tmp_path / "spec.yaml").read_text() == "name: x\ntext: 'a: b'\n"


def test_a_run_without_graded_cases_has_none(tmp_path):
    assert read_cases(tmp_path) == {}


def test_a_plan_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(StoreError, match="cannot read"):
        read_plan(tmp_path)
    (tmp_path / "plan.json").write_text("{}")
    with pytest.raises(StoreError, match="this is no plan"):
        read_plan(tmp_path)


def test_the_first_event_tells_how_a_run_began(tmp_path):
    store = JsonlStore(tmp_path)
    store.add(Event(kind="note"))
    store.add(Event(kind="run_started", facts=msgspec.to_builtins(FACTS)))
    store.close()
    assert read_facts(read_events(tmp_path), tmp_path) == FACTS


def test_a_run_that_never_began_is_told(tmp_path):
    with pytest.raises(StoreError, match="the run never began"):
        read_facts([Event(kind="note")], tmp_path)
