"""A race over loopback: it stops early, asks nobody in vain, and a kill changes nothing of its verdict."""

import multiprocessing
import random
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from tests.integration.commands import call, wait_for_samples, write_sums
from tests.integration.runs import resume, run, write_spec

from bakeoff.engine.control import Control, Progress
from bakeoff.errors import InterruptedRun
from bakeoff.records import Event, Results, Sample
from bakeoff.run.finish import finish
from bakeoff.run.folder import list_folders, read_plan
from bakeoff.run.stored import load_stored
from bakeoff.stores.jsonl import JsonlStore, read_records
from bakeoff.testing.truth import TruthProcess, TruthSettings

pytestmark = pytest.mark.timeout(180)
QUICK = TruthSettings(answer="arithmetic", ttft=0.004, itl=0.001)
SERVED = {"good": 1.0, "fair": 0.8, "poor": 0.3}
CASES = 200


def settings() -> TruthSettings:
    models = {name: msgspec.structs.replace(QUICK, accuracy=share) for name, share in SERVED.items()}
    return TruthSettings(models=models)


def race_spec(folder: Path, url: str, *, race: Any = True, **changes: Any) -> Path:
    names = changes.pop("models", list(SERVED))
    decide = {"race": race, **changes.pop("decide", {})}
    return write_spec(folder, url, models=names, cases=changes.pop("cases", CASES), decide=decide, **changes)


def asked(folder: Path) -> Counter[str]:
    return Counter(sample.target for sample in read_records(folder, Sample))


def told(folder: Path, kind: str) -> list[dict[str, Any]]:
    return [event.facts for event in read_records(folder, Event) if event.kind == kind]


def outcome(results: Results) -> dict[str, Any]:
    """Return everything of a report that a race decides."""
    return {
        "metrics": [
            {name: e for name, e in target.metrics.items() if "accuracy" in name}
            for target in results.targets
        ],
        "outcomes": [target.outcomes for target in results.targets],
        "comparisons": [row for row in results.comparisons if "accuracy" in row.metric],
        "sentence": results.verdict.sentence,
        "race": results.benchmarks["sums"]["race"],
        "warnings": results.warnings,
    }


def test_a_race_asks_the_worse_ones_less_and_chooses_the_best(tmp_path: Path) -> None:
    with TruthProcess(settings()) as server:
        finished = run(race_spec(tmp_path, server.url), tmp_path / "runs")
    results, folder = finished.results, finished.folder
    assert results.verdict.choice == "good"
    assert results.warnings == []
    counts = asked(folder)
    assert counts["poor"] < counts["fair"] == counts["good"] < CASES
    race = results.benchmarks["sums"]["race"]
    assert list(race["dropped"]) == ["poor", "fair"]
    assert race["ended"] == "one target remains"
    assert race["saved"] == pytest.approx(1 - sum(counts.values()) / (3 * CASES))
    steps, (end,) = told(folder, "race_step"), told(folder, "race_ended")
    assert [step["step"] for step in steps] == list(range(1, len(steps) + 1))
    assert [name for step in steps for name in step["eliminated"]] == ["poor", "fair"]
    assert steps[-1]["n"] == end["n"] == counts["good"]
    assert {row.test for row in results.comparisons if "accuracy" in row.metric} == {
        "betting (anytime-valid)"
    }
    poor = next(target for target in results.targets if target.name == "poor")
    assert "biased towards the extreme" in poor.metrics["sums.accuracy"].note


def test_planned_looks_stop_at_a_look(tmp_path: Path) -> None:
    race = {"method": "obrien_fleming", "looks": 4}
    with TruthProcess(settings()) as server:
        finished = run(race_spec(tmp_path, server.url, race=race), tmp_path / "runs")
    assert finished.results.verdict.choice == "good"
    counts = asked(finished.folder)
    assert all(count % (CASES // 4) == 0 for count in counts.values())
    assert counts["poor"] <= counts["good"] < CASES
    tests = {row.test for row in finished.results.comparisons if row.metric == "sums.accuracy"}
    assert all(test.startswith("O'Brien-Fleming, look ") for test in tests)


def test_equals_are_asked_everything_and_no_winner_is_named(tmp_path: Path) -> None:
    same = TruthSettings(models=dict.fromkeys("ab", QUICK))
    with TruthProcess(same) as server:
        spec = race_spec(tmp_path, server.url, models=["a", "b"], cases=60)
        finished = run(spec, tmp_path / "runs")
    assert asked(finished.folder) == {"a": 60, "b": 60}
    assert finished.results.verdict.state == "inconclusive"
    assert finished.results.warnings == []
    assert told(finished.folder, "race_ended")[0]["reason"] == "all cases are used"
    assert all(not target.notes for target in finished.results.targets)


def test_slow_scorers_are_awaited_before_a_look(tmp_path: Path) -> None:
    with TruthProcess(settings()) as server:
        spec = race_spec(tmp_path, server.url, models=["good", "poor"])
        document = yaml.safe_load(spec.read_text())
        code = "output.strip() == str(context['vars']['reference'])"
        document["benchmarks"][0]["scorers"] = [{"type": "python", "value": code, "allow_code": True}]
        document["decide"]["race"] = {"step": 10}
        spec.write_text(yaml.safe_dump(document))
        finished = run(spec, tmp_path / "runs")
    assert finished.results.verdict.choice == "good"
    counts = asked(finished.folder)
    assert counts["good"] == counts["poor"] < CASES
    assert len(told(finished.folder, "race_step")) == counts["good"] // 10


def test_a_drained_race_goes_on_where_it_stopped(tmp_path: Path) -> None:
    seen = 0

    def tell(step: Progress) -> None:
        nonlocal seen
        seen += step.kind == "sample"
        if seen == 90:  # in the middle of a step
            control.drain()

    control = Control(tell)
    with TruthProcess(settings()) as server:
        spec = race_spec(tmp_path, server.url)
        whole = run(spec, tmp_path / "whole")
        with pytest.raises(InterruptedRun):
            run(spec, tmp_path / "runs", control)
        (folder,) = list_folders(tmp_path / "runs")
        half = finish(folder, load_stored(folder, {}).spec)
        assert half.results.benchmarks["sums"]["race"]["ended"].startswith("not yet")
        finished = resume(folder)
    assert outcome(finished.results) == outcome(whole.results)
    assert told(folder, "race_step") == told(whole.folder, "race_step")
    assert told(folder, "race_ended") == told(whole.folder, "race_ended")


def test_kills_in_the_middle_of_a_race_change_nothing_of_it(tmp_path: Path) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    moments = random.Random(seed)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.integration.runs"])
    with TruthProcess(settings()) as server:
        spec = race_spec(tmp_path, server.url)
        whole = run(spec, tmp_path / "whole")
        root, kills = tmp_path / "killed", 0
        while kills < 8:
            folders = list_folders(root)
            task: Any = (resume, (folders[0],)) if folders else (run, (spec, root))
            process = context.Process(target=task[0], args=task[1], daemon=True)
            process.start()
            if not folders:
                wait_for_samples(root, 1)
            process.join(moments.uniform(0.05, 0.5))
            if not process.is_alive() and process.exitcode == 0:
                break
            process.kill()
            process.join()
            kills += 1
        finished = resume(list_folders(root)[0]) if list_folders(root) else run(spec, root)
    JsonlStore(finished.folder).close()
    keys = Counter(sample.key for sample in read_records(finished.folder, Sample))
    assert set(keys.values()) == {1}, "a request was repeated"
    assert sorted(keys) == sorted(sample.key for sample in read_records(whole.folder, Sample))
    assert outcome(finished.results) == outcome(whole.results)


def test_a_finished_race_is_resumed_without_a_request(tmp_path: Path) -> None:
    with TruthProcess(settings()) as server:
        folder = run(race_spec(tmp_path, server.url), tmp_path / "runs").folder
        before = asked(folder), len(told(folder, "race_step")), len(told(folder, "race_ended"))
        resume(folder)
    assert before == (asked(folder), len(told(folder, "race_step")), len(told(folder, "race_ended")))


def test_a_race_can_be_asked_for_on_the_command_line(sums_server: TruthProcess, tmp_path: Path) -> None:
    write_sums(tmp_path, sums_server.url, cases=60)
    plain = call("run", "--json", "--race", cwd=tmp_path)
    assert plain.code == 0, plain.err
    assert "race: poor is out (worse than good" in plain.err
    assert plain.document()["benchmarks"]["sums"]["race"]["method"] == "anytime"
    named = call("run", "--json", "--race", "bakeoff.yaml", cwd=tmp_path)
    assert named.document()["benchmarks"]["sums"]["race"]["method"] == "anytime"


def test_planned_looks_can_be_asked_for_on_the_command_line(
    sums_server: TruthProcess, tmp_path: Path
) -> None:
    write_sums(tmp_path, sums_server.url, cases=60)
    looks = call("run", "--json", "--race", "obrien_fleming", cwd=tmp_path)
    assert looks.document()["benchmarks"]["sums"]["race"]["method"] == "obrien_fleming"
    folder = list_folders(tmp_path / "runs")[-1]
    race = read_plan(folder).race
    assert race is not None
    assert yaml.safe_load((folder / "spec.yaml").read_text())["decide"]["race"] == msgspec.to_builtins(
        race.rule
    )
    assert call("resume", folder, cwd=tmp_path).code == 0
    bad = call("run", "bakeoff.yaml", "--race", "quickly", cwd=tmp_path)
    assert bad.code == 2
    assert "quickly" in bad.err


def test_a_race_of_the_spec_keeps_its_options_or_is_put_off(
    sums_server: TruthProcess, tmp_path: Path
) -> None:
    race = {"method": "obrien_fleming", "step": 10, "margin": 0.2}
    write_sums(tmp_path, sums_server.url, cases=60, decide={"race": race})
    done = call("run", "--json", "--race", "anytime", cwd=tmp_path)
    assert done.code == 0, done.err
    planned = read_plan(list_folders(tmp_path / "runs")[-1]).race
    assert planned is not None
    assert (planned.rule.method, planned.rule.step, planned.rule.margin) == ("anytime", 10, 0.2)
    whole = call("run", "--json", "--race", "off", cwd=tmp_path)
    assert "race" not in whole.document()["benchmarks"]["sums"]
    assert read_plan(list_folders(tmp_path / "runs")[-1]).race is None


def test_a_race_that_cannot_be_run_is_refused_with_its_line(tmp_path: Path) -> None:
    path = write_sums(tmp_path, "http://127.0.0.1:9/v1", decide={"race": True})
    document = yaml.safe_load(path.read_text())
    document["benchmarks"][0]["load"] = {"seconds": 5}
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    limited = call("config", "validate", cwd=tmp_path)
    assert limited.code == 2
    assert "decide.race" in limited.err
    assert "load.seconds" in limited.err
    del document["benchmarks"][0]["load"]
    document["benchmarks"][0]["scorers"] = []
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    assert "no benchmark is graded" in call("config", "validate", cwd=tmp_path).err


def test_other_benchmarks_are_asked_of_everybody(tmp_path: Path) -> None:
    with TruthProcess(settings()) as server:
        spec = race_spec(tmp_path, server.url)
        document = yaml.safe_load(spec.read_text())
        document["benchmarks"].append(
            {"name": "more", "dataset": "cases.jsonl", "limit": 12, "scorers": ["numeric"]}
        )
        spec.write_text(yaml.safe_dump(document))
        folder = run(spec, tmp_path / "runs").folder
    more = Counter(s.target for s in read_records(folder, Sample) if s.benchmark == "more")
    assert more == dict.fromkeys(SERVED, 12)


def test_other_grades_make_another_race_which_a_resume_completes(
    sums_server: TruthProcess, tmp_path: Path
) -> None:
    path = write_sums(tmp_path, sums_server.url, cases=60, decide={"race": True})
    assert call("run", cwd=tmp_path).code == 0
    (folder,) = list_folders(tmp_path / "runs")
    before = asked(folder)
    assert before["poor"] < 60
    document = yaml.safe_load(path.read_text())
    document["benchmarks"][0]["scorers"] = [{"type": "regex", "pattern": "[0-9]"}]  # right for both
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    scored = call("score", folder, "--spec", path, "--json", cwd=tmp_path)
    assert scored.document()["benchmarks"]["sums"]["race"]["remaining"] == ["good", "poor"]
    assert any("planned samples are there" in line for line in scored.document()["warnings"])
    again = call("resume", folder, "--json", cwd=tmp_path)
    assert again.document()["warnings"] == []
    assert again.document()["benchmarks"]["sums"]["race"]["ended"] == "all cases are used"
    assert asked(folder) == {"good": 60, "poor": 60}


def test_saved_races_are_compared_by_what_holds_at_their_stop(
    sums_server: TruthProcess, tmp_path: Path
) -> None:
    write_sums(tmp_path, sums_server.url, cases=60, decide={"race": True})
    (first,) = [call("run", "--json", cwd=tmp_path).document()]
    one = call("compare", first["run"], "--json", cwd=tmp_path).document()
    rows = [row for row in first["comparisons"] if "accuracy" in row["metric"]]
    assert rows == [row for row in one["comparisons"] if "accuracy" in row["metric"]]
    assert one["warnings"] == []
    second = call("run", "--json", cwd=tmp_path).document()
    both = call("compare", first["run"], second["run"], "--json", cwd=tmp_path).document()
    told = [line for line in both["warnings"] if "is a race" in line]
    assert len(told) == 2
