"""`bakeoff --server`, as typed by who has registered things there, loses patience, or loses the server."""

import json
import signal
import time
from pathlib import Path

import pytest
from tests.integration.commands import call, start
from tests.service.live import Live, live, spec_of
from tests.service.serving import Server

from bakeoff import Client
from bakeoff.server.settings import Settings
from bakeoff.testing.truth import TruthProcess, TruthSettings

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def client(service: Live, endpoint: TruthProcess) -> Client:
    client = Client(service.url)
    client.upload_dataset("cases", [{"input": "Say a.", "reference": "a"}])
    client.register_target("cand", {"endpoint": endpoint.url, "model": "m"})
    client.register_benchmark(
        "polite", {"dataset": {"type": "stored", "name": "cases"}, "scorers": [{"type": "contains"}]}
    )
    return client


@pytest.fixture
def named(tmp_path: Path, endpoint: TruthProcess) -> Path:
    (tmp_path / "rows.jsonl").write_text('{"input": "a", "reference": "b"}\n', encoding="utf-8")
    path = tmp_path / "bakeoff.yaml"
    path.write_text(
        f"models: [cand, {{name: m, endpoint: '{endpoint.url}', model: m}}]\n"
        "benchmarks:\n"
        "  - polite\n"
        "  - {name: q, dataset: rows.jsonl, scorers: [contains]}\n"
        "  - {name: s, dataset: {type: stored, name: cases}, scorers: [contains]}\n"
        "decide: {incumbent: cand, quality: {metric: polite.accuracy}}\n",
        encoding="utf-8",
    )
    return path


def test_a_spec_file_names_what_the_service_has(service: Live, client: Client, named: Path):
    done = call("--server", service.url, "run", named.name, cwd=named.parent)
    assert done.code == 0, done.err
    assert all(f"{name} accuracy" in done.out for name in ("polite", "q", "s"))
    part = call(
        "--server", service.url, "run", "--only", "polite", "--models", "m", "--quiet", cwd=named.parent
    )
    assert part.code == 0, part.err
    newest = next(client.runs(page=1)).spec()
    assert [each["name"] for each in newest["models"]] == ["m"]
    assert [(each["name"], each["version"]) for each in newest["benchmarks"]] == [("polite", "1")]
    assert client.run(named, wait=True).info.progress.done == 6


def test_a_name_that_nobody_registered_is_refused_with_the_nearest(
    service: Live, client: Client, named: Path
):
    named.write_text(named.read_text(encoding="utf-8").replace("- polite\n", "- polit\n"), encoding="utf-8")
    done = call("--server", service.url, "run", cwd=named.parent)
    assert (done.code, "polit" in done.err, "Did you mean `polite`?" in done.err) == (2, True, True), done.err
    assert not client.validate(named).valid


def test_plan_and_compare_are_done_by_the_service(service: Live, client: Client, named: Path):
    there = ("--server", service.url)
    first = client.run(named, wait=True)
    planned = call(*there, "plan", "--from", first.id, "--json", cwd=named.parent)
    assert planned.code == 0, planned.err
    assert planned.document()["calls"] == 6
    assert call(*there, "plan", "--only", "q", "--json", cwd=named.parent).document()["calls"] == 2
    text = call(*there, "compare", cwd=named.parent)
    assert (text.code, "polite.accuracy" in text.out) == (0, True), text.err
    second = client.run(named, wait=True)
    compared = call(*there, "compare", first.id, second.id, "--json", cwd=named.parent).document()
    assert len(compared["targets"]) == 4


def test_the_beginning_of_an_id_is_enough(
    service: Live, client: Client, endpoint: TruthProcess, tmp_path: Path
):
    run = client.run(spec_of(endpoint), wait=True)
    for word in (run.id[:-3], run.id.removeprefix("job-")[:-3]):
        shown = call("--server", service.url, "runs", "show", word, "--json", cwd=tmp_path)
        assert shown.document()["id"] == run.id
    client.run(spec_of(endpoint), wait=True)
    several = call("--server", service.url, "runs", "show", "job-", cwd=tmp_path)
    assert (several.code, "several runs begin with `job-`" in several.err) == (2, True)
    nobody = call("--server", service.url, "runs", "show", "job-nobody", cwd=tmp_path)
    assert (nobody.code, "runs list" in nobody.err) == (2, True)


def test_who_waits_no_longer_is_told_how_to_cancel_or_wait_again(
    service: Live, endpoint: TruthProcess, tmp_path: Path
):
    spec = spec_of(endpoint, requests=5000)
    (tmp_path / "bakeoff.yaml").write_text(json.dumps(spec), encoding="utf-8")
    process = start("--server", service.url, "run", cwd=tmp_path)
    assert process.stderr is not None
    run = process.stderr.readline().split()[1]
    client = Client(service.url)
    while client.get(run).info.progress.done == 0:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=30)
    assert process.returncode == 130
    assert f"interrupted: the run goes on at {service.url}/api/v1/runs/{run}" in told
    words = f"bakeoff --server {service.url} runs"
    assert f"`{words} cancel {run}`" in told
    assert f"`{words} wait {run}`" in told
    assert not client.get(run).info.ended
    cancelled = call("--server", service.url, "runs", "cancel", run, cwd=tmp_path)
    assert (cancelled.code, cancelled.out.startswith(f"{run} is cancel")) == (0, True)
    waited = call("--server", service.url, "runs", "wait", run, cwd=tmp_path)
    assert (waited.code, "is cancelled" in waited.err) == (1, True)


def test_waiting_and_cancelling_want_a_service(tmp_path: Path):
    for words in (("wait",), ("cancel", "job-1")):
        done = call("runs", *words, cwd=tmp_path)
        assert (done.code, f"bakeoff --server URL runs {words[0]}" in done.err) == (2, True)


def test_a_service_that_is_started_again_is_waited_for(tmp_path: Path):
    with TruthProcess(TruthSettings(ttft=0.02, tokens=4)) as endpoint:
        (tmp_path / "bakeoff.yaml").write_text(json.dumps(spec_of(endpoint, requests=150)), encoding="utf-8")
        server = Server(tmp_path / "service", None, workers=1)
        try:
            server.start()
            server.ready()
            url = f"http://127.0.0.1:{server.port}"
            process = start("--server", url, "run", cwd=tmp_path)
            assert process.stderr is not None
            run = process.stderr.readline().split()[1]
            server.kill()
            time.sleep(3)
            server.start()
            out, told = process.communicate(timeout=120)
            assert process.returncode == 0, told
            assert f"report   {url}/api/v1/runs/{run}/report" in out
            again = call("--server", url, "runs", "wait", run, "--json", "--quiet", cwd=tmp_path)
            assert (again.code, again.document()["verdict"]["state"]) == (0, "pass")
            server.stop()
        finally:
            server.close()


def test_mistakes_in_data_are_told_by_the_file_at_home(service: Live, client: Client, named: Path):
    rows = named.parent / "rows.jsonl"
    rows.write_text('{"input": "a", "reference": "b"}\n{"input": \n', encoding="utf-8")
    for words in (("run",), ("plan",)):
        done = call("--server", service.url, *words, cwd=named.parent)
        assert (done.code, f"{rows}:2" in done.err) == (2, True), done.err
        assert "datasets/" not in done.err
    problem = client.validate(named).problems[0]
    assert f"{rows}:2" in f"{problem.where} {problem.message}"


def test_a_key_that_is_missing_wrong_or_too_weak_is_told_with_what_to_do(tmp_path: Path):
    (tmp_path / "bakeoff.yaml").write_text("models: [m]\nbenchmarks: [basics]\n", encoding="utf-8")
    with live(Settings(data=tmp_path / "service", workers=0, keys_required=True)) as running:
        weak = running.service.keys.create("v", "viewer")[1]
        for key, code, told in (
            ("", 4, "export BAKEOFF_KEY="),
            ("bko_wrong", 4, "is the key in BAKEOFF_KEY"),
            (weak, 4, "use a key of one that has it: engineer, modelops, admin"),
        ):
            done = call("--server", running.url, "run", cwd=tmp_path, env={"BAKEOFF_KEY": key})
            assert (done.code, told in done.err) == (code, True), done.err
