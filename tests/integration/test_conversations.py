"""Conversations: each turn follows the model's own answer, none is lost, and a kill costs only the time."""

import asyncio
import multiprocessing
import time
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.integration.runs import resume

from bakeoff.engine.control import Control
from bakeoff.plan import intents
from bakeoff.records import Event, Sample
from bakeoff.run.execute import prepare_run, start_run
from bakeoff.run.folder import list_folders, read_plan
from bakeoff.spec import load_spec
from bakeoff.stores.jsonl import JsonlStore, read_records
from bakeoff.testing.truth import TruthProcess, TruthSettings
from bakeoff.testing.truth.settings import Fault

THINK_NS = 30_000_000
WORDS, ANSWER, TURNS = 6, 5, 3


def write(folder: Path, url: str, *, count: int, load: dict[str, Any], **synthetic: Any) -> Path:
    """Write a spec with one load of `count` conversations."""
    asked = {"prompt_tokens": WORDS, "output_tokens": ANSWER, "turns": TURNS, "think": THINK_NS / 1e9}
    one = {"name": "talk", "synthetic": asked | synthetic, "load": {"requests": count} | load}
    document = {
        "version": 1,
        "models": [{"name": "m", "endpoint": url, "model": "m"}],
        "benchmarks": [one],
    }
    path = folder / "bakeoff.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


def talk(spec: Path, root: Path, processes: int = 1) -> Path:
    """Run a spec and return the run's folder."""

    async def work() -> Path:
        prepared = await prepare_run(load_spec(spec, {}), lambda _: None)
        done = await start_run(prepared, root, Control(), command="test", processes=processes)
        return done.folder

    return asyncio.run(work())


def conversations(folder: Path) -> list[list[Sample]]:
    """Return the samples of the main stage, conversation by conversation, turns in order."""
    found: dict[tuple[str, int], list[Sample]] = defaultdict(list)
    for sample in read_records(folder, Sample):
        if sample.stage == "main":
            found[sample.case.rpartition(".")[0], sample.repeat].append(sample)
    return [sorted(turns, key=lambda turn: turn.case) for turns in found.values()]


def counted(turns: list[Sample]) -> list[int | None]:
    return [turn.usage.prompt for turn in turns]


HISTORY = [WORDS + turn * (WORDS + ANSWER) for turn in range(TURNS)]
"""Words of each turn's messages: its own, and all that was asked and answered before."""


@pytest.mark.parametrize("load", [{"kind": "concurrent", "concurrency": 3}, {"kind": "constant", "rate": 40}])
def test_each_turn_waits_for_the_answer_before_it_and_holds_it(tmp_path: Path, load: dict[str, Any]) -> None:
    with TruthProcess(TruthSettings(ttft=0.01, itl=0.001)) as server:
        folder = talk(write(tmp_path, server.url, count=7, load=load), tmp_path / "runs")
        peak = server.summary().peak
    found = conversations(folder)
    assert len(found) == 7
    for turns in found:
        assert [turn.outcome for turn in turns] == ["ok"] * TURNS
        assert counted(turns) == HISTORY
        for before, after in pairwise(turns):
            assert after.scheduled_at == (before.done_at or 0) + THINK_NS
            assert (after.sent_at or 0) >= after.scheduled_at
    starts = sorted(turns[0].scheduled_at for turns in found)
    if load["kind"] == "constant":
        assert [at - starts[0] for at in starts] == [25_000_000 * n for n in range(7)]
    else:
        assert peak <= 3


def test_a_user_who_thinks_keeps_his_place(tmp_path: Path) -> None:
    load = {"kind": "concurrent", "concurrency": 1}
    with TruthProcess() as server:
        folder = talk(write(tmp_path, server.url, count=3, load=load), tmp_path / "runs")
    spans = sorted((t[0].scheduled_at, t[-1].done_at or 0) for t in conversations(folder))
    assert all(end <= begin for (_, end), (begin, _) in pairwise(spans))


def test_a_failed_turn_ends_its_conversation_and_the_rest_are_recorded(tmp_path: Path) -> None:
    faults = (Fault(kind="500", every=4),)
    load = {"kind": "concurrent", "concurrency": 2}
    with TruthProcess(TruthSettings(faults=faults)) as server:
        folder = talk(write(tmp_path, server.url, count=12, load=load, think=0), tmp_path / "runs")
        before = server.summary().requests
        resume(folder)
        assert server.summary().requests <= before + 1  # nothing is missing: it is asked whether it is there
    found = conversations(folder)
    outcomes = [[turn.outcome for turn in turns] for turns in found]
    assert {len(turns) for turns in outcomes} == {TURNS}
    assert ["error", "cancelled", "cancelled"] in outcomes or ["ok", "error", "cancelled"] in outcomes
    for turns in found:
        failed = next((n for n, turn in enumerate(turns) if turn.outcome == "error"), TURNS)
        assert [turn.outcome for turn in turns[:failed]] == ["ok"] * failed
        assert [turn.error for turn in turns[failed + 1 :]] == ["the turn before it failed"] * (
            TURNS - failed - 1
        )
        assert all(turn.sent_at is None for turn in turns[failed + 1 :])


@pytest.mark.timeout(120)
def test_several_processes_each_keep_their_conversations(tmp_path: Path) -> None:
    load = {"kind": "concurrent", "concurrency": 4}
    with TruthProcess(TruthSettings(ttft=0.002)) as server:
        spec = write(tmp_path, server.url, count=9, load=load)
        folder = talk(spec, tmp_path / "runs", processes=2)
        trials = sum(record.tokens == 1 for record in server.truth())
    found = conversations(folder)
    assert [counted(turns) for turns in found] == [HISTORY] * 9
    learnt = [event for event in read_records(folder, Event) if event.kind == "lengths_learned"]
    assert len(learnt) == 1
    assert trials == 4


@pytest.mark.timeout(120)
def test_a_killed_run_goes_on_with_the_answers_that_it_had(tmp_path: Path) -> None:
    load = {"kind": "concurrent", "concurrency": 3}
    with TruthProcess(TruthSettings(ttft=0.01, itl=0.002)) as server:
        spec = write(tmp_path, server.url, count=8, load=load)
        whole = talk(spec, tmp_path / "whole")
        hashes = Counter(record.body_hash for record in server.truth())
        server.reset()
        root = tmp_path / "killed"
        process = multiprocessing.get_context("spawn").Process(target=talk, args=(spec, root), daemon=True)
        process.start()
        _wait_for_half_a_conversation(root)
        process.kill()
        process.join()
        (folder,) = list_folders(root)
        JsonlStore(folder).close()
        before = {sample.key: sample for sample in read_records(folder, Sample)}
        resume(folder)
        again = Counter(record.body_hash for record in server.truth())
    samples = list(read_records(folder, Sample))
    planned = [intent.key for stage in read_plan(folder).stages for intent in intents(stage)]
    assert sorted(sample.key for sample in samples) == sorted(planned)
    assert all(before[key] == next(s for s in samples if s.key == key) for key in before)
    found = conversations(folder)
    assert [counted(turns) for turns in found] == [HISTORY] * 8
    assert any(len({turn.segment for turn in turns}) == 2 for turns in found), "none was cut in two"
    assert set(again) <= set(hashes), "a request was another one than in the undisturbed run"
    assert len(conversations(whole)) == 8


def _wait_for_half_a_conversation(root: Path) -> None:
    """Wait until some conversation has its first turns and not its last."""
    for _ in range(3000):
        for folder in list_folders(root):
            sizes = {len(turns) for turns in conversations(folder)}
            if sizes & {1, 2} and len(list(read_records(folder, Sample))) > 6:
                return
        time.sleep(0.01)
    raise AssertionError("the run did not begin")
