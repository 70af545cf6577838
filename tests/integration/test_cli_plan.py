"""`plan`: what cannot be decided comes first, nothing is sent, and a run does what was planned."""

import shutil
import socket
from pathlib import Path

import msgspec
import pytest
import yaml
from tests.integration.commands import StoredRun, call, write_sums

from bakeoff.records import Event
from bakeoff.stores.jsonl import read_records

ROOT = Path(__file__).parents[2]


def test_what_cannot_be_decided_comes_first(tmp_path: Path) -> None:
    decide = {"incumbent": "good", "quality": {"margin": 0.03}}
    write_sums(tmp_path, "http://127.0.0.1:9/v1", decide=decide)
    done = call("plan", cwd=tmp_path)
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0] == "What these data cannot decide"
    assert lines[1].startswith("  - with 24 cases, no gap on sums.accuracy will be seen if two targets")
    assert "for your margin of 3 points on sums.accuracy, about this many cases are needed: 1,745" in lines[2]
    assert (
        done.out.index("What they can show") < done.out.index("What it takes") < done.out.index("rule hash")
    )
    assert "unknown     money for poor: `poor` has no price in the spec" in done.out
    assert not (tmp_path / "runs").exists()


def test_nobody_is_asked_anything(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        write_sums(tmp_path, f"http://127.0.0.1:{server.getsockname()[1]}/v1")
        assert call("plan", cwd=tmp_path).code == 0
        with pytest.raises(BlockingIOError):
            server.accept()


def test_hashes_are_those_that_the_run_stores(sums_run: StoredRun) -> None:
    planned = call("plan", "--json", cwd=sums_run.cwd).document()
    stored = msgspec.json.decode((sums_run.folder / "plan.json").read_bytes())
    assert planned["plan_hash"] == stored["hash"]
    started = next(each for each in read_records(sums_run.folder, Event) if each.kind == "run_started")
    assert planned["rule_hash"] == started.facts["rule_hash"]
    assert planned["calls"] == 48


def test_another_rule_has_another_hash_and_the_same_plan(sums_run: StoredRun, tmp_path: Path) -> None:
    for name in ("bakeoff.yaml", "cases.jsonl"):
        shutil.copy(sums_run.cwd / name, tmp_path / name)
    before = call("plan", "--json", cwd=tmp_path).document()
    spec = yaml.safe_load((tmp_path / "bakeoff.yaml").read_text())
    spec["decide"] = {"quality": {"margin": 0.1}}
    (tmp_path / "bakeoff.yaml").write_text(yaml.safe_dump(spec))
    after = call("plan", "--json", cwd=tmp_path).document()
    assert after["plan_hash"] == before["plan_hash"]
    assert after["rule_hash"] != before["rule_hash"]


def test_an_earlier_run_stands_for_assumptions(sums_run: StoredRun) -> None:
    found = call("plan", "--from", sums_run.folder.name, "--json", cwd=sums_run.cwd).document()
    results = call("report", sums_run.folder.name, "--json", cwd=sums_run.cwd).document()
    compared = next(one for one in results["comparisons"] if one["metric"] == "sums.accuracy")
    (row,) = found["comparisons"]
    (scenario,) = row["scenarios"]
    assert scenario["disagreement"] == pytest.approx((compared["only_a"] + compared["only_b"]) / 24)
    assert scenario["source"] == f"24 cases of {sums_run.folder.name}"
    assert found["earlier"] == sums_run.folder.name
    assert found["seconds"] > 0
    effort = found["efforts"][0]
    assert effort["tokens_from"] == sums_run.folder.name
    assert 0 < effort["output_tokens"] <= effort["output_most"]
    told = call("plan", "--from", sums_run.folder.name, cwd=sums_run.cwd)
    assert f"of 24 cases of {sums_run.folder.name}" in told.out


def test_models_benchmarks_and_cases_can_be_narrowed(tmp_path: Path) -> None:
    path = write_sums(tmp_path, "http://127.0.0.1:9/v1")
    one = call("plan", path, "--models", "poor", "--limit", "5", "--json", cwd=tmp_path).document()
    assert [(each["target"], each["calls"]) for each in one["efforts"]] == [("poor", 5)]
    assert one["cannot"][0].startswith("there is one target")
    wrong = call("plan", path, "--only", "sum", cwd=tmp_path)
    assert (wrong.code, "Did you mean `sums`?" in wrong.err) == (2, True)


def test_keys_and_weights_may_be_missing(tmp_path: Path) -> None:
    path = write_sums(tmp_path, "http://127.0.0.1:9/v1")
    spec = yaml.safe_load(path.read_text())
    spec["models"] = [
        {
            "name": "api",
            "endpoint": "http://127.0.0.1:9/v1",
            "api_key": "${NO_SUCH_KEY}",
            "price": {"gpu_hour": 2},
        },
        {"name": "own", "source": "absent.gguf", "accelerators": "L4:1", "price": {"gpu_hour": 2}},
    ]
    load = {"kind": "constant", "rate": "1/s", "requests": 60}
    slo = {"ttft": "1s", "attainment": 0.95}
    spec["benchmarks"] = [{"name": "load", "synthetic": {"prompt_tokens": 9}, "load": load, "slo": slo}]
    path.write_text(yaml.safe_dump(spec))
    done = call("plan", cwd=tmp_path)
    assert done.code == 0, done.err
    assert (
        "load: 60 requests cannot prove an attainment of 95 %, even without a miss: that takes 72" in done.out
    )
    assert "hardware    own: L4:1 for 118 s, 0.03278 GPU hours, USD 0.06556" in done.out
    assert "hardware    api: rented for 118 s, USD 0.06556" in done.out
    assert "in all      128 calls, USD 0.1311, time 118 s" in done.out
    assert "plan hash   known once weights and variables are there" in done.out


def test_requests_have_a_price_class_of_their_own(tmp_path: Path) -> None:
    price = {"input": 1, "output": 2, "request": 0.01}
    load = {"kind": "constant", "rate": "50/s", "requests": 400}
    models = [{"name": name, "endpoint": "http://127.0.0.1:9/v1", "price": price} for name in ("m", "n")]
    write_sums(
        tmp_path,
        "",
        models=models,
        benchmarks=[{"name": "load", "synthetic": {"prompt_tokens": 9}, "load": load}],
    )
    done = call("plan", cwd=tmp_path)
    assert "  request       808 calls, USD 8.08" in done.out
    assert "in all      808 calls, USD up to 8.292" in done.out


def test_answers_that_wait_for_their_grade_are_listed_apart(tmp_path: Path) -> None:
    code = {"type": "python", "value": "1.0", "allow_code": True}
    asked = {"name": "sums", "dataset": "cases.jsonl", "prompt": "{{input}}", "scorers": [code]}
    write_sums(tmp_path, "http://127.0.0.1:9/v1", benchmarks=[asked])
    done = call("plan", cwd=tmp_path)
    assert "grading     sums: python grades 48 answers; what that takes is not in these numbers" in done.out


def test_a_spec_with_a_mistake_is_refused(tmp_path: Path) -> None:
    write_sums(tmp_path, "http://127.0.0.1:9/v1", seeed=1)
    done = call("plan", cwd=tmp_path)
    assert done.code == 2
    assert "Did you mean `seed`?" in done.err


def test_the_example_of_the_readme_can_be_planned(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text()
    (tmp_path / "bakeoff.yaml").write_text(text.partition("```yaml\n")[2].partition("```")[0])
    (tmp_path / "data").mkdir()
    rows = [{"input": f"{n}?", "reference": str(n)} for n in range(200)]
    (tmp_path / "data" / "cases.jsonl").write_bytes(b"\n".join(map(msgspec.json.encode, rows)))
    done = call("plan", cwd=tmp_path)
    assert done.code == 0, done.err
    assert "with 200 cases, a gap under 9.1 points on own-data.accuracy will mostly not be seen" in done.out
