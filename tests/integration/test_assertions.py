"""Assertions in a whole run: from spec and rows, with scripts, weights and metrics of their own."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.integration.commands import call, write_sums

from bakeoff.records import Score
from bakeoff.stores.jsonl import read_records
from bakeoff.testing.truth import TruthProcess

SET = {
    "type": "assertions",
    "allow_code": True,
    "assert": [
        {"type": "python", "value": "file://check.py", "metric": "Right", "weight": 3},
        {"type": "not-icontains", "value": "sorry", "metric": "Tone", "transform": "output.trim()"},
    ],
}


def asserted(folder: Path, url: str, scorers: list[Any], rows: dict[int, Any]) -> Path:
    """Write the spec of sums with other scorers, and assertions of some rows."""
    bench = {"name": "sums", "dataset": "cases.jsonl", "prompt": "{{input}}", "scorers": scorers}
    path = write_sums(folder, url, cases=12, benchmarks=[bench])
    data = folder / "cases.jsonl"
    lines = [msgspec.json.decode(line) for line in data.read_bytes().splitlines()]
    for at, found in rows.items():
        lines[at]["assert"] = found
    data.write_bytes(b"\n".join(map(msgspec.json.encode, lines)) + b"\n")
    (folder / "check.py").write_text(
        "def get_assert(output, context):\n"
        "    right = context['reference'] in output\n"
        "    return {'pass': right, 'score': float(right), 'reason': '', 'namedScores': {'Short': 0.5}}\n"
    )
    return path


def test_a_run_grades_by_the_assertions_of_spec_and_rows(sums_server: TruthProcess, tmp_path: Path) -> None:
    rows = {
        0: [{"type": "contains", "value": "nowhere"}],
        1: '[{"type": "contains", "value": "nowhere", "weight": 0}]',
    }
    asserted(tmp_path, sums_server.url, [SET], rows)
    done = call("run", "--quiet", "--json", cwd=tmp_path)
    assert done.code == 0, done.err
    folder = next((tmp_path / "runs").iterdir())
    assert len(list(read_records(folder, Score))) == 24
    targets = {target["name"]: target["metrics"] for target in done.document()["targets"]}
    good = targets["good"]
    assert good["sums.accuracy"]["value"] == pytest.approx(11 / 12)
    assert good["sums.Right"]["value"] == 1.0
    assert good["sums.Tone"]["value"] == 1.0
    assert good["sums.Short"]["value"] == 0.5
    assert good["sums.score"]["value"] == pytest.approx((11 + 4 / 5) / 12)
    assert targets["poor"]["sums.Right"]["value"] < 1.0
    scores = [score for score in read_records(folder, Score) if score.target == "good"]
    failed = next(score for score in scores if score.case == "c00")
    assert (failed.passed, failed.value) == (False, 0.0)
    assert failed.reason.startswith("1 of 3 assertions failed: contains")
    assert [(part.scorer, part.negated) for part in failed.parts[1:3]] == [
        ("python", False),
        ("python", False),
    ]


def test_a_wrong_assertion_of_a_row_is_refused_with_its_line(
    sums_server: TruthProcess, tmp_path: Path
) -> None:
    asserted(tmp_path, sums_server.url, ["assertions"], {4: [{"type": "contians", "value": "x"}]})
    done = call("run", cwd=tmp_path)
    assert done.code == 2
    assert (
        "cases.jsonl:5: assert[0]: there is no assertion type `contians`. Did you mean `contains`?"
        in done.err
    )
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("scorer", "told"),
    [
        ({"type": "python", "value": "True"}, "`python` runs code: set `allow_code: true`"),
        ({"type": "not-contians", "value": "x"}, "Did you mean `contains`?"),
        ({"type": "not-assert-set", "assert": [{"type": "exact"}]}, "there is no `not-assert-set`"),
        ({"type": "exact", "transform": "output.split()"}, "runs code"),
        ({"type": "exact", "weight": -1}, "weight"),
        ({"type": "assert-set", "assert": [{"type": "llm-rubrik"}]}, "assert[0]: there is no assertion type"),
        ({"type": "python", "value": "file://gone.py", "allow_code": True}, "there is no file"),
    ],
)
def test_what_a_scorer_cannot_do_is_refused_before_the_run(
    sums_server: TruthProcess, tmp_path: Path, scorer: dict[str, Any], told: str
) -> None:
    asserted(tmp_path, sums_server.url, [scorer], {})
    done = call("run", cwd=tmp_path)
    assert done.code == 2
    assert told in done.err


def test_scorers_with_weights_are_counted_together(sums_server: TruthProcess, tmp_path: Path) -> None:
    scorers = [
        {"type": "numeric", "weight": 3},
        {"type": "not-contains", "value": "sorry", "weight": 1, "transform": "output.toLowerCase()"},
    ]
    asserted(tmp_path, sums_server.url, scorers, {})
    done = call("run", "--json", "--quiet", cwd=tmp_path)
    assert done.code == 0, done.err
    good = next(target for target in done.document()["targets"] if target["name"] == "good")
    assert good["metrics"]["sums.accuracy"]["value"] == 1.0
    assert good["metrics"]["sums.score"]["value"] == 1.0


def test_two_scorers_of_one_metric_without_weights_are_refused(
    sums_server: TruthProcess, tmp_path: Path
) -> None:
    asserted(tmp_path, sums_server.url, ["numeric", "exact"], {})
    done = call("run", cwd=tmp_path)
    assert done.code == 2
    assert "or a `weight` each" in done.err
