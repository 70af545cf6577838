"""Stored answers are graded again, as far as the run alone allows it."""

import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.unit.run.stored_runs import ID, write_run

from bakeoff.run.evidence_grades import Regraded, regrade
from bakeoff.run.folder import read_events
from bakeoff.spec import load_stored_spec


def graded(run: Path) -> Regraded:
    spec = load_stored_spec(run / "spec.yaml", {}, base=run, for_requests=False).spec
    return regrade(run, spec, list(read_events(run)))


def bench(*scorers: Any) -> list[dict[str, Any]]:
    return [{"name": "sums", "dataset": "cases.jsonl", "prompt": "{{input}}", "scorers": list(scorers)}]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("grades"), cases=4)


@pytest.fixture
def run(original: Path, tmp_path: Path) -> Path:
    return shutil.copytree(original, tmp_path / ID)


def rows_of(run: Path, name: str) -> list[dict[str, Any]]:
    return [msgspec.json.decode(row) for row in (run / name).read_bytes().splitlines()]


def put(run: Path, name: str, rows: list[dict[str, Any]]) -> None:
    (run / name).write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))


def test_grades_come_out_as_they_are_stored(run: Path) -> None:
    found = graded(run)
    assert (found.equal, found.total, found.ungraded) == (8, 8, 0)
    assert (found.findings, found.left_out, found.scorers) == ([], {}, ["sums.numeric"])


@pytest.mark.parametrize(
    ("field", "value"),
    [("value", 0.5), ("passed", None), ("parsed", "77"), ("outcome", "unparsable"), ("metric", "other")],
)
def test_a_changed_grade_is_named(run: Path, field: str, value: object) -> None:
    scores = rows_of(run, "scores.jsonl")
    scores[2][field] = value
    put(run, "scores.jsonl", scores)
    (found,) = graded(run).findings
    assert (found.line, found.field) == (3, field)
    assert found.stored == msgspec.json.encode(value).decode()
    assert "samples.jsonl:3" in found.text


def test_a_reason_in_other_words_is_the_same_grade(run: Path) -> None:
    put(run, "scores.jsonl", [row | {"reason": "words"} for row in rows_of(run, "scores.jsonl")])
    assert graded(run).equal == 8


def test_rows_out_of_step_find_each_other(run: Path) -> None:
    put(run, "scores.jsonl", rows_of(run, "scores.jsonl")[::-1])
    assert (graded(run).equal, graded(run).findings) == (8, [])


def test_each_of_several_samples_of_a_request_has_its_grade(run: Path) -> None:
    samples, scores = rows_of(run, "samples.jsonl"), rows_of(run, "scores.jsonl")
    failed = samples[0] | {"outcome": "error", "text": ""}
    ungraded = scores[0] | {"outcome": "error", "value": None, "passed": None, "parsed": None}
    put(run, "samples.jsonl", [failed, *samples[1:], samples[0] | {"segment": 1}])
    put(run, "scores.jsonl", [ungraded, *scores[1:], scores[0]])
    assert (graded(run).equal, graded(run).findings) == (9, [])
    put(run, "scores.jsonl", [*scores[1:], scores[0]])  # a crash took the first one's
    assert (graded(run).equal, graded(run).ungraded, graded(run).findings) == (8, 1, [])


def test_a_grade_too_many_is_named(run: Path) -> None:
    scores = rows_of(run, "scores.jsonl")
    put(run, "scores.jsonl", [*scores, scores[1], scores[1] | {"case": "none"}])
    found = graded(run).findings
    assert [(each.line, each.text) for each in found] == [
        (9, "there is no sample that this grade could be of"),
        (10, "there is no sample that this grade could be of"),
    ]


def test_answers_without_their_secrets_are_not_graded_again(run: Path) -> None:
    samples = rows_of(run, "samples.jsonl")
    samples[0]["text"] = "the [redacted] 5"
    put(run, "samples.jsonl", samples)
    found = graded(run)
    assert (found.equal, found.findings) == (7, [])
    assert list(found.left_out.values()) == [1]


def test_a_run_without_its_cases_is_not_graded_again(run: Path) -> None:
    put(run, "cases.jsonl", rows_of(run, "cases.jsonl")[1:])
    found = graded(run)
    assert (found.equal, sum(found.left_out.values())) == (6, 2)


def test_no_code_of_a_run_is_executed(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    code = f"open({str(mark)!r}, 'w').close() or True"
    run = write_run(
        tmp_path,
        cases=2,
        benchmarks=bench("numeric", {"type": "python", "value": code, "metric": "code", "allow_code": True}),
    )
    with (run / "scores.jsonl").open("ab") as file:
        row = rows_of(run, "scores.jsonl")[0] | {"scorer": "python", "metric": "code"}
        file.write(msgspec.json.encode(row) + b"\n")
    found = graded(run)
    assert (found.equal, found.total) == (4, 5)
    assert found.left_out == {"`python`: it runs code, or asks a model or another program": 1}
    assert not mark.exists()


def test_no_file_that_a_run_names_is_read(run: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("5")
    spec = (run / "spec.yaml").read_text()
    assert "- type: numeric" in spec
    spec = spec.replace(
        "- type: numeric",
        f"- type: contains\n    value: file://{tmp_path}/secret.txt\n    metric: other\n  - type: numeric",
        1,
    )
    (run / "spec.yaml").write_text(spec)
    found = graded(run)
    assert found.equal == 0
    assert found.left_out == {"`numeric`: a scorer reads a file, which the run does not hold": 8}


def test_assertions_in_rows_are_graded_again_unless_they_need_more(tmp_path: Path) -> None:
    assertions = {
        "type": "assert-set",
        "assert": [{"type": "contains", "value": "1"}, {"type": "equals", "value": "1"}],
    }
    run = write_run(tmp_path / "a", cases=3, benchmarks=bench(assertions))
    assert (graded(run).equal, graded(run).findings) == (6, [])
    scores = rows_of(run, "scores.jsonl")
    scores[1]["parts"][1]["value"] = 0.25
    put(run, "scores.jsonl", scores)
    assert [each.field for each in graded(run).findings] == ["parts"]


@pytest.mark.parametrize("value", ["lm_eval", "file:///dev/zero"])
def test_assertions_that_need_more_are_left_out(tmp_path: Path, value: str) -> None:
    assertions = {"type": "assert-set", "assert": [{"type": "contains", "value": "1"}]}
    run = write_run(tmp_path / "a", cases=2, benchmarks=bench(assertions))
    cases = rows_of(run, "cases.jsonl")
    cases[0]["case"]["fields"]["assert"] = [{"type": "contains", "value": value}]
    put(run, "cases.jsonl", cases)
    found = graded(run)
    assert (found.equal, sum(found.left_out.values())) == (0, 4)


def test_grades_of_a_scorer_that_the_spec_lacks_are_left_out(run: Path) -> None:
    put(run, "scores.jsonl", [row | {"scorer": "other"} for row in rows_of(run, "scores.jsonl")])
    found = graded(run)
    assert (found.equal, found.ungraded) == (0, 8)
    assert found.left_out == {"`other`: the spec has no such scorer": 8}


def test_a_run_that_nothing_grades_has_nothing_to_grade_again(tmp_path: Path) -> None:
    run = write_run(tmp_path, cases=2, benchmarks=bench())
    assert graded(run) == Regraded(equal=0, total=0, left_out={}, ungraded=0, scorers=[], findings=[])
