"""`decide`: a stored run under any rule, every exit code, and not one request or changed file."""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import msgspec
import pytest
import yaml
from tests.integration.commands import Done, StoredRun, call, write_sums
from tests.integration.inside import Perf

from bakeoff.testing.truth import TruthProcess, TruthSettings

RIGHT = TruthSettings(answer="arithmetic", ttft=0.002)
WRONG = msgspec.structs.replace(RIGHT, accuracy=0.3)
RULE = {
    "incumbent": "poor",
    "quality": {"metric": "sums.accuracy"},
    "slo": {"ttft": "60s", "attainment": 0.9},
    "budget": {"usd_per_1k_requests": 1},
}
Decide = Callable[..., Done]


@pytest.fixture(scope="module")
def priced_run(tmp_path_factory: pytest.TempPathFactory) -> StoredRun:
    """Run sums and a load on two priced models, stop the server, and take the client's own check away."""
    cwd = tmp_path_factory.mktemp("decide")
    settings = msgspec.structs.replace(RIGHT, models={"good": RIGHT, "poor": WRONG})
    with TruthProcess(settings, max_seconds=600) as server:
        price = {"input": 1, "output": 2}
        models = [
            {"name": name, "endpoint": server.url, "model": name, "price": price} for name in ("good", "poor")
        ]
        load = {"name": "load", "dataset": "cases.jsonl", "measured": True, "load": {"requests": 40}}
        path = write_sums(cwd, server.url, models=models, decide=RULE)
        spec = yaml.safe_load(path.read_text())
        path.write_text(yaml.safe_dump(spec | {"benchmarks": [*spec["benchmarks"], load]}, sort_keys=False))
        done = call("run", "--quiet", "--allow-invalid", cwd=cwd)
    assert done.code == 0, done.err
    folder = next((cwd / "runs").iterdir())
    _check(folder, valid=True)
    return StoredRun(cwd=cwd, folder=folder, done=done)


def _check(folder: Path, *, valid: bool) -> None:
    """Set what the run says of its client: a busy machine may be its limit, and these are tests of rules."""
    rows: list[Any] = [
        msgspec.json.decode(line) for line in (folder / "events.jsonl").read_bytes().splitlines()
    ]
    for row in rows:
        if row["kind"] == "stage_ended" and "check" in row["facts"]:
            row["facts"]["check"] |= {"valid": valid, "reasons": [] if valid else ["the client was slow"]}
    (folder / "events.jsonl").write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))


@pytest.fixture
def decide(
    priced_run: StoredRun,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Decide:
    """Return `bakeoff decide` on that run, with the policy as a mapping."""
    monkeypatch.chdir(tmp_path)
    within = Perf("", tmp_path, capsys)

    def run(*words: str, policy: dict[str, Any] | None = None, folder: Path | None = None) -> Done:
        more: list[str] = []
        if policy is not None:
            (tmp_path / "policy.yaml").write_text(yaml.safe_dump(policy))
            more = ["--policy", str(tmp_path / "policy.yaml")]
        return within.bakeoff("decide", folder or priced_run.folder, *more, *words)

    return run


def states(document: Any) -> dict[tuple[str, str], str]:
    return {(row["target"], row["name"]): row["state"] for row in document["verdict"]["constraints"]}


def test_the_runs_own_rule_gives_the_runs_own_verdict(priced_run: StoredRun, decide: Decide) -> None:
    done = decide("--gate", "--json")
    assert done.code == 0, done.err
    results = done.document()
    assert results["verdict"]["choice"] == "good"
    assert results["rule_hash"] == results["planned_rule_hash"] != ""
    assert not any("another rule" in warning for warning in results["warnings"])
    assert states(results) == {
        (target, name): "met"
        for target in ("good", "poor")
        for name in (
            "load latency target",
            "sums budget per 1,000 requests",
            "load budget per 1,000 requests",
        )
    }
    chances = {row["name"]: row["chance"] for row in results["verdict"]["constraints"]}
    assert chances["load latency target"] > 0.9
    assert chances["sums budget per 1,000 requests"] is None, "every request cost the same"


@pytest.mark.parametrize(
    ("policy", "code", "state"),
    [
        ({"quality": {"at_least": 0.7}}, 0, "pass"),
        ({"slo": {"e2e": "1us"}}, 3, "fail"),
        ({"budget": {"usd_per_1k_requests": 0}}, 3, "fail"),
        ({"rules": [{"metric": "load.ttft.p50", "at_most": "1us"}]}, 3, "fail"),
        ({"slo": {"ttft": "60s", "attainment": 0.999}}, 6, "inconclusive"),
        ({"quality": {"at_least": 0.97}}, 6, "inconclusive"),
        ({"budget": {"usd_per_month": 5}}, 6, "inconclusive"),
    ],
)
def test_the_gate_tells_by_exit_code(decide: Decide, policy: dict[str, Any], code: int, state: str) -> None:
    done = decide("--gate", "--json", policy=policy)
    assert (done.code, done.document()["verdict"]["state"]) == (code, state), done.err
    assert decide("--no-gate", policy=policy).code == decide(policy=policy).code == 0


def test_a_margin_keeps_out_what_loses_too_much(decide: Decide) -> None:
    rules = [{"metric": "sums.accuracy", "margin": 0.1}, {"metric": "load.e2e", "margin": "60s"}]
    results = decide("--json", policy={"incumbent": "good", "rules": rules}).document()
    assert states(results) == {
        ("poor", "sums.accuracy loss at most 10 points"): "missed",
        ("poor", "load.e2e loss at most 60 s"): "met",
    }
    assert results["verdict"]["choice"] == "good"


def test_another_rule_is_said_with_what_changed(decide: Decide) -> None:
    done = decide(policy=RULE | {"slo": {"ttft": "30s", "attainment": 0.9}})
    (warning,) = [
        line for line in done.out.splitlines() if line.startswith("warning: decided by another rule")
    ]
    assert "decide.slo.ttft: 30.0 (was 60.0)" in warning
    assert "incumbent" not in warning
    assert "warning: decided" not in decide(policy=RULE).out


def test_an_invalid_load_exits_7_and_passes_no_gate(
    priced_run: StoredRun, decide: Decide, tmp_path: Path
) -> None:
    folder = tmp_path / "invalid"
    shutil.copytree(priced_run.folder, folder)
    _check(folder, valid=False)
    assert decide(folder=folder).code == 7
    assert decide("--allow-invalid", folder=folder).code == 0
    assert decide("--allow-invalid", "--gate", folder=folder).code == 6


def test_too_many_errors_exit_5(priced_run: StoredRun, decide: Decide, tmp_path: Path) -> None:
    folder = tmp_path / "partial"
    shutil.copytree(priced_run.folder, folder)
    rows: list[Any] = [
        msgspec.json.decode(line) for line in (folder / "samples.jsonl").read_bytes().splitlines()
    ]
    for row in rows[:12]:
        row |= {"outcome": "error", "error": "broken"}
    (folder / "samples.jsonl").write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    done = decide("--gate", folder=folder)
    assert done.code == 5, done.out
    assert "more than 5% of a target's samples failed" in done.err


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ({"slo": {"ttfr": 1}}, "policy.yaml:2: decide.slo.ttfr: unknown key. Did you mean `ttft`?"),
        ({"quality": {"metric": "sum.accuracy"}}, "refers to no benchmark. Did you mean `sums`?"),
        ({"rules": [{"metric": "sums.acuracy", "at_least": 1}]}, "Did you mean `accuracy`?"),
        ({"incumbent": "god"}, "no model is named `god`. Did you mean `good`?"),
    ],
)
def test_a_wrong_policy_exits_2_with_line_and_hint(decide: Decide, policy: dict[str, Any], said: str) -> None:
    done = decide("--gate", policy=policy)
    assert (done.code, said in done.err) == (2, True), done.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--price", "good=3"), "`--price good=3` is not NAME.CLASS=USD"),
        (("--price", "god.input=3"), "Did you mean `good`?"),
        (("--slo", "ttft"), "`--slo ttft` is not NAME=TIME"),
        (("--traffic", "many"), "--traffic: expected a rate, got the text `many`"),
        (("--policy", "no.yaml"), "the policy cannot be read"),
    ],
)
def test_a_wrong_assumption_exits_2(decide: Decide, words: tuple[str, ...], said: str) -> None:
    done = decide(*words)
    assert (done.code, said in done.err) == (2, True), done.err


def test_what_if_changes_the_verdict_and_says_what_is_assumed(decide: Decide) -> None:
    dear = decide("--gate", "--price", "good.input=900000", "--json")
    assert dear.code == 0, dear.err
    assert states(dear.document())["good", "sums budget per 1,000 requests"] == "missed"
    assert dear.document()["verdict"]["choice"] == "poor"
    assert "assumed, not measured: input of good is 900000" in dear.document()["warnings"]
    assert decide("--gate", "--slo", "e2e=1us").code == 3
    month = decide("--traffic", "5/s", "--json", policy={"budget": {"usd_per_month": 1_000_000}}).document()
    assert states(month)["good", "sums budget per month"] == "met"
    assert any("decide.traffic: 5.0 (was not set)" in warning for warning in month["warnings"])


def test_no_file_of_the_run_changes(priced_run: StoredRun, decide: Decide, tmp_path: Path) -> None:
    def content() -> dict[str, str]:
        files = (path for path in sorted(priced_run.folder.rglob("*")) if path.is_file())
        return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    before = content()
    assert decide("--to", str(tmp_path / "out"), policy={"slo": {"e2e": "1us"}}).code == 0
    assert content() == before


def test_what_ci_shows_is_written_into_a_folder(decide: Decide, tmp_path: Path) -> None:
    done = decide("--json", "--to", "ci/out", policy=RULE | {"quality": {"at_least": 0.7}})
    folder = tmp_path / "ci" / "out"
    assert msgspec.json.decode((folder / "results.json").read_bytes()) == done.document()
    suites = {suite.get("name"): suite for suite in ET.parse(folder / "junit.xml").getroot()}
    assert list(suites) == ["good", "poor", "verdict"]
    assert (suites["good"].get("failures"), suites["poor"].get("failures")) == ("0", "1")
    summary = (folder / "summary.md").read_text()
    assert summary.startswith("## PASS: sums")
    assert "| poor | sums.accuracy at least 70% | missed |" in summary


def test_the_latest_run_is_taken_without_a_name(priced_run: StoredRun) -> None:
    done = call("decide", cwd=priced_run.cwd)
    assert (done.code, done.out.startswith("PASS  Switch from poor to good")) == (0, True), (
        done.out + done.err
    )


def test_a_changed_spec_file_cannot_pass_for_the_planned_rule(
    priced_run: StoredRun, decide: Decide, tmp_path: Path
) -> None:
    folder = tmp_path / "changed"
    shutil.copytree(priced_run.folder, folder)
    text = (folder / "spec.yaml").read_text()
    assert "attainment: 0.9\n" in text
    (folder / "spec.yaml").write_text(text.replace("attainment: 0.9\n", "attainment: 0.5\n"))
    done = decide(folder=folder)
    assert "decided by another rule" in done.out
    assert "`spec.yaml` no longer holds that one" in done.out


def test_a_deciding_metric_that_the_run_lacks_is_refused(
    priced_run: StoredRun, decide: Decide, tmp_path: Path
) -> None:
    folder = tmp_path / "ungraded"
    shutil.copytree(priced_run.folder, folder)
    (folder / "scores.jsonl").write_bytes(b"")
    done = decide(folder=folder)
    assert done.code == 2
    assert "no target has `sums.accuracy`" in done.err
    assert "shares in this run: load.slo_attainment" in done.err


def test_the_schema_of_a_policy_is_printed(tmp_path: Path) -> None:
    schema = call("config", "schema", "--policy", cwd=tmp_path).document()
    assert schema["title"] == "policy.yaml"
    assert "DecideSpec" in schema["$defs"]
    assert call("config", "schema", cwd=tmp_path).document()["title"] == "bakeoff.yaml"
