"""The Python client and `bakeoff --server` against a real service with workers."""

import threading
from pathlib import Path
from typing import Any

import pytest
from tests.integration.commands import call
from tests.service.live import Live, live, spec_of

import bakeoff
from bakeoff import CallError, Client, RunEndedError, RunInfo
from bakeoff.server.settings import Settings
from bakeoff.testing.truth import TruthProcess

pytestmark = pytest.mark.timeout(180)
ROWS = [{"id": f"r{number}", "input": f"Q{number}", "reference": "a"} for number in range(12)]


@pytest.fixture(scope="module")
def client(service: Live) -> Client:
    return bakeoff.Client(service.url)


@pytest.fixture
def spec_file(tmp_path: Path, endpoint: TruthProcess) -> Path:
    (tmp_path / "rows.jsonl").write_text('{"input": "a", "reference": "b"}\n', encoding="utf-8")
    path = tmp_path / "bakeoff.yaml"
    path.write_text(
        f"models: [{{name: m, endpoint: '{endpoint.url}', model: m}}]\n"
        "benchmarks: [{name: q, dataset: rows.jsonl, scorers: [{type: contains}]}]\n",
        encoding="utf-8",
    )
    return path


def test_a_run_is_followed_to_typed_results(client: Client, endpoint: TruthProcess):
    seen: list[RunInfo] = []
    handle = client.run(spec_of(endpoint), name="mine", labels={"team": "blue"}, limits={"requests": 1000})
    info = handle.wait(60, progress=seen.append)
    assert (info.state, info.name, info.labels, handle.state) == (
        "completed",
        "mine",
        {"team": "blue"},
        "completed",
    )
    assert seen[-1].progress.done == seen[-1].progress.total == info.progress.done
    results, verdict = handle.results(), handle.verdict()
    assert isinstance(results, bakeoff.Results)
    assert results.verdict == verdict
    samples = list(handle.samples())
    assert len(samples) == info.progress.done
    assert all(isinstance(each, bakeoff.Sample) for each in samples)
    assert list(handle.samples(outcome="error")) == []
    scores = list(handle.scores())
    passed = list(handle.scores(passed=True)) + list(handle.scores(passed=False))
    assert sorted(each.case for each in scores) == sorted(each.case for each in passed)
    assert handle.report().startswith("<!doctype html>")
    assert handle.spec()["name"] == "test"
    assert client.get(handle.id).info == info
    assert repr(handle) == f"RunHandle('{handle.id}', 'completed')"


def test_rows_come_in_pages_without_a_gap(
    client: Client, endpoint: TruthProcess, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("bakeoff.client.handle._PAGE", 5)
    monkeypatch.setattr("bakeoff.client.client._PAGE", 5)
    client.upload_dataset("paged", ROWS)
    stored = {"type": "stored", "name": "paged"}
    handle = client.run(spec_of(endpoint, dataset=stored, load={"kind": "concurrent"}), wait=True)
    assert sorted(each.case for each in handle.samples()) == sorted(row["id"] for row in ROWS)
    assert [row.fields["id"] for row in client.dataset_rows("paged")] == [row["id"] for row in ROWS]


def test_events_come_as_they_happen(client: Client, endpoint: TruthProcess):
    handle = client.run(spec_of(endpoint))
    followed = [event.kind for event in handle.events(follow=True)]
    assert followed == ["queued", "started", "completed"]
    assert [event.kind for event in handle.events()] == followed


def test_a_cancelled_run_ends_and_says_so(client: Client, endpoint: TruthProcess):
    handle = client.run(spec_of(endpoint, requests=5000))
    while handle.refresh().progress.done == 0:
        pass
    with pytest.raises(TimeoutError, match="it goes on"):
        handle.wait(0.0)
    handle.cancel()
    with pytest.raises(RunEndedError, match="is cancelled"):
        handle.wait(30)
    assert handle.wait(check=False).state == "cancelled"
    handle.delete()
    with pytest.raises(CallError, match="not found"):
        handle.refresh()


def test_a_failed_run_tells_why(client: Client, endpoint: TruthProcess):
    with pytest.raises(RunEndedError, match="limit of 20 requests") as caught:
        client.run(spec_of(endpoint, requests=5000), limits={"requests": 20}, wait=60)
    assert "higher limit" in caught.value.hint


def test_a_key_of_ones_own_starts_a_run_once(client: Client, endpoint: TruthProcess):
    spec = spec_of(endpoint)
    found: list[str] = []

    def submit() -> None:
        found.append(client.run(spec, idempotency_key="one-and-only").id)

    threads = [threading.Thread(target=submit) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert len(set(found)) == 1
    with pytest.raises(CallError) as caught:
        client.run(spec_of(endpoint, requests=9), idempotency_key="one-and-only")
    assert caught.value.status == 409


def test_a_spec_file_is_sent_with_its_data(client: Client, spec_file: Path):
    assert client.validate(spec_file).valid
    assert client.plan(spec_file).calls == 1
    handle = client.run(spec_file, wait=True)
    assert handle.info.progress.done == 1
    assert handle.spec()["benchmarks"][0]["dataset"]["path"] == "datasets/rows.jsonl"
    assert client.plan(spec_file, earlier=handle.id).earlier == handle.info.outcome.run  # type: ignore[union-attr]  # it has ended


def test_mistakes_of_a_spec_come_back_with_their_places(client: Client, endpoint: TruthProcess):
    spec = spec_of(endpoint, scorers=[{"type": "contans"}])
    checked = client.validate(spec)
    assert [each.path for each in checked.problems] == ["benchmarks[0].scorers[0].type"]
    with pytest.raises(CallError, match="Did you mean `contains`") as caught:
        client.run(spec)
    assert (caught.value.status, caught.value.exit_code) == (422, 2)


def test_runs_are_listed_compared_and_decided_again(tmp_path: Path, endpoint: TruthProcess):
    with live(Settings(data=tmp_path / "data", workers=1)) as service:
        client = Client(service.url)
        first, second = (
            client.run(spec_of(endpoint), name=name, labels={"by": name, "t": "x:y"}, wait=True)
            for name in ("a", "b")
        )
        assert [run.id for run in client.runs(labels={"by": "a", "t": "x:y"})] == [first.id]
        assert [run.id for run in client.runs(labels={"t": "x:y"})] == [second.id, first.id]
        assert [run.id for run in client.runs(page=1)] == [second.id, first.id]
        assert [run.id for run in client.runs(name="a", state=["completed", "failed"])] == [first.id]
        assert list(client.runs(state="queued")) == []
        compared = client.compare(first, second.id)
        assert isinstance(compared, bakeoff.Compared)
        assert [one.n for one in compared.comparisons if one.metric == "facts.accuracy"]
        policy = {"quality": {"metric": "facts.accuracy", "at_least": 0.5}}
        decided = first.decide(policy, prices={"m": {"input": 1}}, traffic="5/s", slo={"ttft": "2s"})
        assert decided.rule_hash != first.results().rule_hash
        assert first.export("csv", tmp_path).name == "samples.csv"
        assert first.export("csv", tmp_path / "own.csv").read_bytes().count(b"\n") > 10


def test_data_sets_targets_and_benchmarks_are_registered_and_used(
    client: Client, endpoint: TruthProcess, tmp_path: Path
):
    assert client.upload_dataset("mine", ROWS).version == 1
    assert client.upload_dataset("mine", b"input,reference\na,b\n", format="csv").version == 2
    (tmp_path / "rows.txt").write_text("one\ntwo\n", encoding="utf-8")
    info = client.upload_dataset("lines", tmp_path / "rows.txt")
    assert (info.format, info.rows, info.card and info.card.rows) == ("text", 2, 2)
    assert client.dataset("mine", version=1).rows == 12
    assert {"mine", "lines"} <= {each.name for each in client.datasets()}
    client.register_target("fast", {"endpoint": endpoint.url, "model": "m"})
    assert client.probe_target("fast").reachable
    assert "fast" in {each.name for each in client.targets()}
    section: dict[str, Any] = {"dataset": {"type": "stored", "name": "mine", "version": 1}}
    use = client.register_benchmark("quiz", section | {"scorers": [{"type": "contains"}]}).use
    assert use in {each.use for each in client.benchmarks()}
    handle = client.run({"models": ["fast"], "benchmarks": [use]}, wait=True)
    assert handle.info.progress.done == 12
    client.delete_benchmark("quiz")
    client.delete_target("fast")
    client.delete_dataset("mine")
    with pytest.raises(CallError, match="Dataset 'mine' not found"):
        client.dataset("mine")
    with pytest.raises(bakeoff.BakeoffError, match="cannot be read"):
        client.upload_dataset("mine", tmp_path / "none.jsonl")


def test_a_service_that_wants_a_key_gets_it(tmp_path: Path):
    with live(Settings(data=tmp_path, workers=0, keys_required=True)) as service:
        secret = service.service.keys.create("ann", "viewer")[1]
        assert list(Client(service.url, secret).runs()) == []
        with pytest.raises(CallError, match="needs an API key") as caught:
            next(Client(service.url).runs())
        assert (caught.value.status, caught.value.exit_code) == (401, 4)
        listed = call(
            "runs", "list", cwd=tmp_path, env={"BAKEOFF_SERVER": service.url, "BAKEOFF_KEY": secret}
        )
        assert (listed.code, listed.out) == (0, f"no run at {service.url}; `bakeoff run` starts one\n")


def test_the_command_line_runs_a_spec_on_a_service(service: Live, spec_file: Path):
    there = ("--server", service.url)
    done = call(*there, "run", spec_file.name, cwd=spec_file.parent)
    assert done.code == 0, done.err
    assert "q accuracy" in done.out
    run = done.err.split()[1]
    assert f"report   {service.url}/api/v1/runs/{run}/report" in done.out
    assert "completed: 1 of 1 samples" in done.err
    listed = call(*there, "runs", "list", cwd=spec_file.parent)
    assert listed.out.splitlines()[-1].split() == [run, "bakeoff", "completed", "1", "pass"]
    assert call(*there, "list", cwd=spec_file.parent).out == listed.out
    shown = call(*there, "runs", "show", cwd=spec_file.parent)
    assert call(*there, "show", run, cwd=spec_file.parent).out == shown.out
    assert f"run      {service.url}/api/v1/runs/{run}\n" in shown.out
    document = call(*there, "runs", "show", run, "--json", cwd=spec_file.parent).document()
    assert (document["id"], document["state"]) == (run, "completed")
    assert not (spec_file.parent / "runs").exists()
    assert call(*there, "runs", "rm", run, "--yes", cwd=spec_file.parent).code == 0
    again = call(*there, "runs", "show", run, cwd=spec_file.parent)
    assert (again.code, "not found" in again.err) == (2, True)


def test_flags_of_a_run_hold_on_a_service_too(service: Live, spec_file: Path):
    rule = "decide: {quality: {metric: q.accuracy, at_least: 0.99}}\n"
    spec_file.write_text(spec_file.read_text(encoding="utf-8") + rule, encoding="utf-8")
    flags = ("--only", "q", "--limit", "1", "--seed", "7", "--quiet", "--json", "--gate")
    done = call("--server", service.url, "run", *flags, cwd=spec_file.parent)
    assert done.code in {3, 6}, done.err
    assert done.err == ""
    assert done.document()["verdict"]["state"] in {"fail", "inconclusive"}
    listed = call("--server", service.url, "runs", "list", "--json", cwd=spec_file.parent).document()
    newest = Client(service.url).get(listed["runs"][-1]["id"])
    assert (newest.spec()["seed"], newest.spec()["benchmarks"][0]["limit"]) == (7, 1)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("doctor",), "`doctor` works on this machine alone; leave out --server"),
        (
            ("export", "r", "--format", "csv"),
            "use Python: `bakeoff.Client(URL).get(ID).export(FORMAT, FILE)`",
        ),
        (("run", "--out", "here"), "--out is a folder of this machine"),
        (("run", "--cache"), "do not share answers"),
        (("run", "--only", "nobody"), "no benchmark `nobody`"),
        (("runs", "rm", "job-none", "--yes"), "not found"),
        (("runs", "show", "job-none"), "not found"),
    ],
)
def test_what_a_service_cannot_do_is_refused(
    service: Live, spec_file: Path, words: tuple[str, ...], message: str
):
    done = call("--server", service.url, *words, cwd=spec_file.parent)
    assert (done.code, message in done.err) == (2, True), done.err


def test_a_run_that_fails_on_a_service_ends_the_command_with_its_reason(service: Live, spec_file: Path):
    text = spec_file.read_text(encoding="utf-8").replace("model: m}", "model: m, source: pypi://x}")
    spec_file.write_text(text.replace("endpoint: ", "engine: "), encoding="utf-8")
    done = call("--server", service.url, "run", cwd=spec_file.parent)
    assert (done.code, "starts no models" in done.err) == (2, True), done.err


def test_no_run_and_no_service_are_said(tmp_path: Path):
    with live(Settings(data=tmp_path, workers=0)) as service:
        done = call("--server", service.url, "runs", "show", cwd=tmp_path)
        assert (done.code, "there is no run at" in done.err) == (2, True)
    gone = call("--server", service.url, "runs", "list", cwd=tmp_path)
    assert (gone.code, "no answer from" in gone.err) == (4, True)
