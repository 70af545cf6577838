"""bakeoff judges every answer as the real promptfoo does, and promptfoo opens what bakeoff exports.

What the real promptfoo says is recorded in `tests/data/promptfoo_parity.json`. Where promptfoo is installed,
or named by `BAKEOFF_PROMPTFOO`, it is asked anew as well.
"""

import json
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.e2e.promptfoo_parity import (
    ANSWERS,
    LOST,
    RECORDED,
    Rows,
    checks,
    config,
    fingerprint,
    judged,
    program,
    promptfoo,
    promptfoo_started,
    server,
    their_rows,
)
from tests.integration.commands import call
from tests.ports import free_port

from bakeoff.records import Score
from bakeoff.run.folder import read_cases
from bakeoff.stores.jsonl import read_records

needs_promptfoo = pytest.mark.skipif(
    program() is None,
    reason="promptfoo is not installed (npm install -g promptfoo, or BAKEOFF_PROMPTFOO=PATH)",
)
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="javascript assertions need Node")


def our_run(url: str, folder: Path, document: dict[str, Any]) -> Path:
    """Run a promptfoo configuration as it stands, scripts allowed, and return the run's folder."""
    (folder / "promptfooconfig.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
    done = call("run", "promptfooconfig.yaml", "--allow-code", "--quiet", cwd=folder, timeout=250)
    assert done.code == 0, done.err
    (run,) = (folder / "runs").iterdir()
    return run


def our_rows(run: Path) -> Rows:
    """Return what bakeoff says of each answer, in the form of the recording."""
    cases = read_cases(run)["tests"]
    rows: dict[tuple[str, str], list[Any]] = {}
    for score in read_records(run, Score):
        sums: dict[str, list[float]] = {}
        for part in score.parts[1:]:
            if part.metric:
                value, weight = sums.get(part.metric, [0.0, 0.0])
                sums[part.metric] = [value + (part.value or 0.0) * part.weight, weight + part.weight]
        named = {name: value / weight if weight else 0.0 for name, (value, weight) in sums.items()}
        fields = cases[score.case].fields
        rows[fields["check"], fields["answer"]] = judged(score.passed, score.parts[0].value, named)
    return {check: [rows[check, answer] for answer in ANSWERS] for check in checks()}


def assert_alike(ours: Rows, theirs: Rows) -> None:
    """Compare all rows; those that promptfoo loses are known to differ, and in what."""
    assert list(ours) == list(theirs) == list(checks())
    lost = {f"lost{number}" for number in range(len(LOST))}
    different = {
        f"{check} {json.dumps(part)} on {answer}": (mine, other)
        for check, part in checks().items()
        if check not in lost
        for answer, mine, other in zip(ANSWERS, ours[check], theirs[check], strict=True)
        if not _alike(mine, other)
    }
    assert not different
    for check in lost:
        assert {row[0] for row in theirs[check]} == {True}
        assert {row[0] for row in ours[check]} == {False}


def _alike(mine: list[Any], other: list[Any]) -> bool:
    """Compare success, score and named scores of a row."""
    (passed, score, *named), (theirs, their_score, *their_named) = mine, other
    scores = [pytest.approx(each, abs=2e-6) for each in their_named]
    return passed is theirs and score == pytest.approx(their_score, abs=2e-6) and named == scores


def recorded() -> dict[str, Any]:
    """Return what the real promptfoo said when it was asked."""
    found: dict[str, Any] = json.loads(RECORDED.read_text())
    return found


def test_the_recording_is_of_these_assertions() -> None:
    told = recorded()
    assert told["made_of"] == fingerprint(), "record anew: python -m tests.e2e.promptfoo_parity"
    assert sum(map(len, told["rows"].values())) == len(checks()) * len(ANSWERS)
    passed = [row[0] for rows in told["rows"].values() for row in rows]
    assert len(passed) > 2000
    assert 0.3 < sum(passed) / len(passed) < 0.7


@needs_node
@pytest.mark.timeout(300)
def test_every_answer_is_judged_as_promptfoo_was_recorded_to(tmp_path: Path) -> None:
    with server() as endpoint:
        run = our_run(endpoint.url, tmp_path, config(endpoint.url))
    assert_alike(our_rows(run), recorded()["rows"])


@pytest.mark.slow
@needs_promptfoo
@pytest.mark.timeout(600)
def test_the_real_promptfoo_still_says_what_was_recorded(tmp_path: Path) -> None:
    with server() as endpoint:
        _, theirs = their_rows(endpoint.url, tmp_path)
    assert theirs == recorded()["rows"]


SMALL: dict[str, Any] = {
    "prompts": ["Say {{answer}}. Check {{check}}."],
    "tests": [
        {
            "vars": {"answer": "plain", "check": "1"},
            "description": "three assertions",
            "assert": [
                {"type": "contains", "value": "Paris", "metric": "letters"},
                {"type": "not-is-json", "weight": 2},
                {"type": "assert-set", "metric": "set", "assert": [{"type": "is-json"}, {"type": "is-xml"}]},
            ],
        },
        {"vars": {"answer": "json", "check": ["2", "3"]}},
    ],
}


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """Export a small run and return the folder; the endpoint is gone by then."""
    with server() as endpoint:
        our_run(endpoint.url, tmp_path, config(endpoint.url) | SMALL)
    done = call("export", "--format", "promptfoo", "--to", "out", cwd=tmp_path)
    assert done.code == 0, done.err
    return tmp_path


@pytest.mark.slow
@needs_promptfoo
@pytest.mark.timeout(300)
def test_promptfoo_imports_what_was_exported_and_gives_it_back(exported: Path) -> None:
    ours = json.loads((exported / "out" / "results.json").read_text())
    done = promptfoo(exported, "import", "out/results.json")
    assert "successfully imported" in done.stdout, done.stdout + done.stderr
    promptfoo(exported, "export", "eval", ours["evalId"], "-o", "back.json")
    back = json.loads((exported / "back.json").read_text())

    def judged_rows(document: dict[str, Any]) -> list[Any]:
        keys = (
            "success",
            "score",
            "namedScores",
            "latencyMs",
            "vars",
            "failureReason",
            "promptIdx",
            "testIdx",
        )
        rows = [
            [row[key] for key in keys] + [row["response"]["output"]] for row in document["results"]["results"]
        ]
        return sorted(rows, key=str)

    assert judged_rows(back) == judged_rows(ours)
    assert back["results"]["stats"]["successes"] == ours["results"]["stats"]["successes"] == 2
    assert back["results"]["prompts"] == ours["results"]["prompts"]


@pytest.mark.slow
@needs_promptfoo
@pytest.mark.timeout(300)
def test_promptfoo_judges_a_small_run_as_the_export_says(exported: Path, tmp_path: Path) -> None:
    ours = json.loads((exported / "out" / "results.json").read_text())["results"]
    with server() as endpoint:
        text = yaml.safe_dump(config(endpoint.url) | SMALL, sort_keys=False)
        (tmp_path / "promptfooconfig.yaml").write_text(text)
        promptfoo(tmp_path, "eval", "--no-cache", "--no-progress-bar", "-o", "theirs.json")
    theirs = json.loads((tmp_path / "theirs.json").read_text())["results"]
    for key in (
        "score",
        "testPassCount",
        "testFailCount",
        "assertPassCount",
        "assertFailCount",
        "namedScores",
    ):
        assert ours["prompts"][0]["metrics"][key] == theirs["prompts"][0]["metrics"][key], key


@pytest.mark.slow
@needs_promptfoo
@pytest.mark.timeout(300)
def test_promptfoo_view_shows_the_table(exported: Path) -> None:
    identity = json.loads((exported / "out" / "results.json").read_text())["evalId"]
    promptfoo(exported, "import", "out/results.json")
    port = free_port()
    viewer = promptfoo_started(exported, "view", "--port", str(port), "--no")
    try:
        table = _fetched(f"http://127.0.0.1:{port}/api/eval/{identity}/table", viewer)["table"]
    finally:
        viewer.terminate()
        viewer.wait(20)
    assert [prompt["provider"] for prompt in table["head"]["prompts"]] == ["m"]
    assert len(table["body"]) == 3
    cell = table["body"][0]["outputs"][0]
    assert (cell["pass"], cell["text"]) == (False, ANSWERS["plain"])
    assert len(cell["gradingResult"]["componentResults"]) == 5


def _fetched(url: str, viewer: "subprocess.Popen[bytes]") -> Any:
    """Return the JSON at a URL as soon as the server answers."""
    deadline = time.monotonic() + 90
    while True:
        assert viewer.poll() is None, "the viewer ended"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return json.loads(answer.read())
        except (urllib.error.URLError, ConnectionError):
            assert time.monotonic() < deadline, "the viewer does not answer"
            time.sleep(0.2)
