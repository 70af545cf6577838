"""A spec's response cache, by the command line: on request only, and never where times or repeats matter."""

import json
from pathlib import Path

import pytest
from tests.integration.commands import call, write_sums

from bakeoff.records import Event, Sample
from bakeoff.run.folder import list_folders
from bakeoff.stores.answers import FILE
from bakeoff.stores.jsonl import read_records
from bakeoff.testing.truth import TruthProcess


def run(cwd: Path, *words: str) -> Path:
    """Run the spec and return the new run's folder; names of one second are in no order."""
    before = set(list_folders(cwd / "runs"))
    done = call("run", "--quiet", "--allow-invalid", *words, cwd=cwd)
    assert done.code == 0, done.err
    (new,) = set(list_folders(cwd / "runs")) - before
    return new


def served(folder: Path) -> list[bool]:
    """Return for each sample of a run whether it came from the cache."""
    samples = list(read_records(folder, Sample))
    assert samples
    for sample in samples:
        assert sample.ok
        assert (sample.done_at is None) == ("cached_response" in sample.extra)
    return ["cached_response" in sample.extra for sample in samples]


def reused(folder: Path) -> list[str]:
    """Return the beginnings of the warnings that answers are those of an earlier run."""
    warnings = json.loads((folder / "report" / "results.json").read_text())["warnings"]
    return [each.partition(" are those")[0] for each in warnings if "response cache" in each]


def test_nothing_is_kept_unless_it_was_asked_for(sums_server: TruthProcess, tmp_path: Path) -> None:
    write_sums(tmp_path, sums_server.url, cases=4)
    run(tmp_path)
    assert not any(served(run(tmp_path)))
    assert not list(tmp_path.rglob(FILE))


def test_a_second_run_asks_nobody_and_scores_the_same(sums_server: TruthProcess, tmp_path: Path) -> None:
    write_sums(tmp_path, sums_server.url, cases=6, cache="answers")
    assert served(run(tmp_path)) == [False] * 12
    assert (tmp_path / "answers" / FILE).is_file()
    folder = run(tmp_path)
    assert served(folder) == [True] * 12
    (used,) = [event for event in read_records(folder, Event) if event.kind == "cache_used"]
    assert used.facts == {"served": 12}
    assert reused(folder) == [f"sums on {target}: 6 of 6 answers" for target in ("good", "poor")]
    fresh = run(tmp_path, "--no-cache")
    assert not any(served(fresh))
    assert reused(fresh) == []


def test_the_flag_takes_the_users_own_folder(
    sums_server: TruthProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path / "mine"))
    write_sums(tmp_path, sums_server.url, cases=3)
    run(tmp_path, "--cache")
    assert served(run(tmp_path, "--cache")) == [True] * 6
    assert (tmp_path / "mine" / "answers" / FILE).is_file()


def test_the_place_of_downloads_switches_no_cache_on(
    sums_server: TruthProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path / "mine"))
    write_sums(tmp_path, sums_server.url, cases=3)
    run(tmp_path)
    assert not (tmp_path / "mine").exists()


def test_repeats_and_load_tests_are_asked_anew(
    sums_server: TruthProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path))
    bench = {"name": "sums", "dataset": "cases.jsonl", "prompt": "{{input}}", "scorers": ["numeric"]}
    loaded = {"name": "load", "dataset": "cases.jsonl", "prompt": "{{input}}", "measured": True}
    write_sums(tmp_path, sums_server.url, cases=4, cache=True, benchmarks=[bench | {"repeats": 2}, loaded])
    run(tmp_path)
    samples = list(read_records(run(tmp_path), Sample))
    hits = {(s.benchmark, s.repeat) for s in samples if "cached_response" in s.extra}
    assert hits == {("sums", 0)}
    assert {(s.benchmark, s.repeat) for s in samples if "cached_response" not in s.extra} == {
        ("sums", 1),
        ("load", 0),
    }


@pytest.mark.parametrize("value", [[], {"folder": "x"}])
def test_a_cache_that_is_neither_folder_nor_yes_is_refused(
    sums_server: TruthProcess, tmp_path: Path, value: object
) -> None:
    write_sums(tmp_path, sums_server.url, cache=value)
    done = call("run", cwd=tmp_path)
    assert done.code == 2
    assert "cache: expected" in done.err
