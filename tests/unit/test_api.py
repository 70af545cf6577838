import inspect
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from tests.unit.importers.examples import FILES

import bakeoff
from bakeoff.records import Event, Sample, Score
from bakeoff.stores.jsonl import JsonlStore


def write(folder: Path, *names: str) -> list[Path]:
    folder.mkdir(exist_ok=True)
    for name in names:
        for file, text in FILES[name].items():
            (folder / file).write_text(text, encoding="utf-8")
    return [folder / file for name in names for file in FILES[name]]


@pytest.fixture
def run(tmp_path: Path) -> bakeoff.Run:
    """Two graded answers of one model."""
    return bakeoff.import_files(write(tmp_path / "in", "lm_eval"), root=tmp_path / "runs")


def add(run: bakeoff.Run, *records: Sample | Score | Event) -> None:
    store = JsonlStore(run.folder)
    for record in records:
        store.add(record)
    store.close()


def test_importing_the_package_loads_nothing() -> None:
    script = "import sys, bakeoff, bakeoff.stats; print([m for m in sys.modules if m.startswith('bakeoff')])"
    script += "; print('msgspec' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True)
    assert done.stdout.splitlines() == ["['bakeoff', 'bakeoff.stats']", "False"]


@pytest.mark.parametrize("package", [bakeoff, bakeoff.stats], ids=lambda package: package.__name__)
def test_every_public_name_is_there_typed_and_explained(package: object) -> None:
    stub = Path(str(package.__file__)).with_suffix(".pyi").read_text(encoding="utf-8")
    for name in package.__all__:
        value = getattr(package, name)
        assert inspect.getdoc(value), name
        assert name in dir(package)
        home = "" if name == "stats" else value.__module__
        shown = "from bakeoff import stats as stats" if name == "stats" else f" import {name} as {name}\n"
        assert shown in stub, f"{name} of {home} is not in the stub"
    assert stub.count(" as ") == len(package.__all__)


@pytest.mark.parametrize("package", [bakeoff, bakeoff.stats], ids=lambda package: package.__name__)
def test_other_names_are_refused(package: object) -> None:
    with pytest.raises(AttributeError, match="has no attribute `nothing`"):
        package.nothing  # noqa: B018


def test_the_function_wins_over_the_package_of_its_name() -> None:
    script = "import bakeoff.decide.results, bakeoff; from bakeoff.decide import verdict; bakeoff.x = 1\n"
    script += "print(bakeoff.decide.__module__, verdict.__name__, bakeoff.x)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True)
    assert done.stdout.split() == ["bakeoff.api", "bakeoff.decide.verdict", "1"]


def test_a_run_tells_what_was_asked_and_answered(run: bakeoff.Run) -> None:
    assert (run.targets, run.benchmarks) == (["m"], ["sums"])
    assert run.id == run.folder.name
    assert repr(run) == f"Run({str(run.folder)!r})"
    assert [sample.case for sample in run.samples()] == ["0", "1"]
    assert [score.value for score in run.scores() if score.scorer == "exact_match,strict"] == [1.0, 0.0]
    assert [case.id for case in run.cases("sums")] == ["0", "1"]
    assert list(run.cases("nothing")) == []
    assert len(list(run.cases())) == 2
    assert run.results.targets[0].metrics["sums.exact_match,strict"].value == 0.5


def test_runs_are_found_by_id_by_path_and_as_the_latest(run: bakeoff.Run) -> None:
    root = run.folder.parent
    for given in (run.id, run.id[:-2], run.folder, None):
        assert bakeoff.load(given, root=root).folder.resolve() == run.folder.resolve()
    assert [each.id for each in bakeoff.runs(root)] == [run.id]
    with pytest.raises(bakeoff.BakeoffError, match="there is no run `gone`"):
        bakeoff.load("gone", root=root)


def test_of_what_was_tried_again_the_last_counts(run: bakeoff.Run) -> None:
    first = next(run.samples())
    score = next(run.scores())
    add(
        run,
        Event(kind="run_resumed"),
        msgspec.structs.replace(first, text="again", segment=1),
        msgspec.structs.replace(score, value=0.25),
    )
    assert [sample.text for sample in run.samples()].count("again") == 1
    assert len(list(run.samples())) == 2
    assert next(one.value for one in run.scores() if one.scorer == score.scorer) == 0.25


def test_warm_ups_are_left_out_unless_asked_for(run: bakeoff.Run) -> None:
    plan = run.folder / "plan.json"
    plan.write_text(plan.read_text().replace('"name": "main"', '"name": "warm"').replace(
        '"warmup": false', '"warmup": true'
    ))  # fmt: skip
    warm = [msgspec.structs.replace(sample, stage="warm") for sample in run.samples()]
    scored = [msgspec.structs.replace(score, stage="warm") for score in run.scores()]
    add(run, *warm, *scored)
    run = bakeoff.Run(run.folder)
    assert run.warmups == {"warm"}
    assert {sample.stage for sample in run.samples()} == {"main"}
    assert {sample.stage for sample in run.samples(warmup=True)} == {"main", "warm"}
    assert {score.stage for score in run.scores()} == {"main"}
    assert len(list(run.scores(warmup=True))) == 2 * len(scored)


def test_a_rule_decides_again_and_leaves_the_run_as_it_is(run: bakeoff.Run, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}
    metric = "sums.exact_match,strict"
    strict = bakeoff.DecideSpec(quality=bakeoff.QualityRule(metric=metric, at_least=0.99))
    policy = tmp_path / "policy.yaml"
    policy.write_text(f"quality: {{metric: '{metric}', at_least: 0.99}}\n")
    assert bakeoff.decide(run) == run.results.verdict
    by_record, by_file = bakeoff.decide(run, strict), bakeoff.decide(run.folder, policy)
    assert by_record == by_file
    assert [one.state for one in by_record.constraints] == ["missed"]
    assert by_record.state == "fail"
    assert {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()} == before


def test_runs_are_compared_case_by_case(run: bakeoff.Run, tmp_path: Path) -> None:
    other = bakeoff.import_files(
        write(tmp_path / "in", "lm_eval"), root=tmp_path / "runs", name="second", rename={"m": "n"}
    )
    found = bakeoff.compare(run, other, against="m")
    (one,) = [row for row in found.comparisons if row.metric == "sums.exact_match,strict"]
    assert (one.a, one.b, one.difference, one.n) == ("n", "m", 0.0, 2)
    assert bakeoff.compare(str(run.folder), other.folder).comparisons[0].n == 2


def test_reports_are_written_when_asked_for(run: bakeoff.Run) -> None:
    assert not (run.folder / "report").exists()
    assert set(run.write_reports(["json", "md"])) == {"json", "md"}
    assert (run.folder / "report" / "results.json").is_file()
