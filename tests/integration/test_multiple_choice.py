"""Multiple choice end to end over loopback: the best mode of all, refusals by name, resume, re-scoring."""

import asyncio
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from tests.integration.commands import call
from tests.integration.runs import resume, run

from bakeoff import plugins
from bakeoff.errors import EndpointError, SpecErrorGroup, UsageError
from bakeoff.prompts import load_cases
from bakeoff.records import BenchmarkSpec, Case, Choice, Continuation, Event, Sample, Score, Spec
from bakeoff.run.benches import _with_choices, with_default_modes
from bakeoff.run.compare import compare_runs
from bakeoff.run.rescore import rescore
from bakeoff.run.stored import load_stored
from bakeoff.spec import load_spec
from bakeoff.stores.jsonl import read_records
from bakeoff.testing.truth import TruthProcess, TruthSettings

N = 24
WORDS = ("cold", "warm", "hot", "mild")


def rows() -> list[dict[str, Any]]:
    return [
        {"id": f"q{i}", "question": f"How is item {i:02}?", "choices": list(WORDS), "answer": i % 4}
        for i in range(N)
    ]


def truth(engine: str, **changes: Any) -> TruthSettings:
    """Return a server that finds the right choice of each row likely, and says it when asked."""
    answers = {f"How is item {i:02}?": WORDS[i % 4] for i in range(N)}
    return TruthSettings(engine=engine, answer="table", answers=answers, **changes)


def write(folder: Path, urls: dict[str, str], **benchmark: Any) -> Path:
    (folder / "rows.jsonl").write_text("\n".join(json.dumps(row) for row in rows()))
    models = [{"name": name, "endpoint": url, "model": "m", "stream": False} for name, url in urls.items()]
    asked = {"name": "mc", "dataset": "rows.jsonl", "multiple_choice": "auto", "load": {"concurrency": 4}}
    document = {"version": 1, "name": "choices", "models": models, "benchmarks": [asked | benchmark]}
    path = folder / "bakeoff.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


def modes(folder: Path) -> dict[str, str]:
    (event,) = [each for each in read_records(folder, Event) if each.kind == "modes_chosen"][-1:]
    return dict(event.facts["modes"])


@pytest.mark.parametrize(("engine", "mode"), [("vllm", "prompt_logprobs"), ("llama.cpp", "grammar")])
def test_likelihoods_are_compared_where_an_endpoint_tells_them(tmp_path, engine, mode):
    with TruthProcess(truth(engine)) as server:
        done = run(write(tmp_path, {"m": server.url}), tmp_path / "runs")
    metrics = done.results.targets[0].metrics
    assert (metrics["mc.acc"].value, metrics["mc.acc"].n) == (1.0, N)
    assert metrics["mc.acc_norm"].value == 1.0
    facts = done.results.benchmarks["mc"]["multiple choice"]
    assert facts["mode"] == mode == modes(done.folder)["mc"]
    assert sum(facts["right answers"].values()) == N
    assert facts["answers"]["m"] == facts["right answers"]
    samples = list(read_records(done.folder, Sample))
    assert len(samples) == N
    # The right word costs 0.25, any other 4; the context costs nothing.
    for sample in samples:
        assert sorted(each.logprob for each in sample.likelihoods) == [-4.0, -4.0, -4.0, -0.25]
        assert [each.greedy for each in sample.likelihoods].count(True) == 1
        assert {each.tokens for each in sample.likelihoods} == {1}
        assert sample.usage.prompt is not None
    started = [each for each in read_records(done.folder, Event) if each.kind == "stage_started"]
    assert {each.facts["multiple_choice"] for each in started} == {mode}
    assert mode in (done.folder / "report" / "report.md").read_text()


def test_other_benchmarks_of_the_run_are_asked_as_ever(tmp_path):
    with TruthProcess(truth("llama.cpp")) as server:
        path = write(tmp_path, {"m": server.url}, models=["m"])
        document = yaml.safe_load(path.read_text())
        document["benchmarks"] += [
            {"name": "plain", "dataset": "rows.jsonl", "limit": 3, "scorers": ["choice"]},
            document["benchmarks"][0] | {"name": "letters", "multiple_choice": "letter", "limit": 3},
        ]
        path.write_text(yaml.safe_dump(document))
        done = run(path, tmp_path / "runs")
    assert modes(done.folder) == {"mc": "grammar", "letters": "letter"}
    metrics = done.results.targets[0].metrics
    assert (metrics["plain.accuracy"].value, metrics["letters.acc"].value) == (1.0, 1.0)
    assert "multiple choice" not in done.results.benchmarks["plain"]


def test_a_wrong_model_is_seen_to_be_wrong(tmp_path):
    with TruthProcess(truth("vllm", accuracy=0.4)) as server:
        done = run(write(tmp_path, {"m": server.url}), tmp_path / "runs")
    value = done.results.targets[0].metrics["mc.acc"].value
    assert value is not None
    assert value < 1.0


def test_all_targets_are_asked_in_one_mode_that_all_have(tmp_path):
    with TruthProcess(truth("llama.cpp")) as one, TruthProcess(truth("plain")) as other:
        done = run(write(tmp_path, {"m": one.url, "plain": other.url}), tmp_path / "runs")
    assert modes(done.folder) == {"mc": "letter"}
    passed_over = done.results.benchmarks["mc"]["multiple choice"]["passed over"]
    assert len(passed_over) == 4
    assert sum("`plain` has no" in each for each in passed_over) == 3
    assert all("mc.acc_norm" not in target.metrics for target in done.results.targets)
    assert [target.metrics["mc.acc"].value for target in done.results.targets] == [1.0, 1.0]


def test_the_letter_is_read_from_the_first_token(tmp_path):
    # The server says "B" to everything, so it is right where the shuffled choices put the right one there.
    answers = {f"How is item {i:02}?": "B" for i in range(N)}
    settings = TruthSettings(engine="vllm", answer="table", answers=answers)
    with TruthProcess(settings) as server:
        done = run(write(tmp_path, {"m": server.url}, multiple_choice="first_token"), tmp_path / "runs")
    facts = done.results.benchmarks["mc"]["multiple choice"]
    assert facts["answers"]["m"] == {"B": N}
    share = facts["right answers"]["B"] / N
    assert done.results.targets[0].metrics["mc.acc"].value == pytest.approx(share)
    assert any(f"{N} of {N} answers are B" in each for each in done.results.warnings)
    sample = next(iter(read_records(done.folder, Sample)))
    assert (sample.outcome, sample.text) == ("ok", "B")
    assert sample.top_logprobs[0]["B"] == -0.25


@pytest.mark.parametrize(
    ("mode", "engine", "why"),
    [
        ("grammar", "vllm", r"`m` has no `grammar` \("),
        ("prompt_logprobs", "llama.cpp", "`echo` is ignored"),
        ("first_token", "plain", "without the likeliest tokens"),
    ],
)
def test_an_endpoint_that_lacks_the_mode_is_refused_before_anything_is_asked(tmp_path, mode, engine, why):
    with TruthProcess(truth(engine)) as server:
        spec = write(tmp_path, {"m": server.url}, multiple_choice=mode)
        with pytest.raises(EndpointError, match=f"benchmark `mc`.*{why}"):
            run(spec, tmp_path / "runs")
        asked = server.truth()
    assert not any("How is item" in str(each) for each in asked)
    assert not list((tmp_path / "runs").iterdir())


def test_a_failing_call_is_tried_again_and_no_choice_gets_lost(tmp_path):
    settings = truth("llama.cpp", faults=())
    with TruthProcess(settings) as server:
        spec = write(tmp_path, {"m": f"{server.url_with('faults=503:every9,retry_after=10ms')}"})
        done = run(spec, tmp_path / "runs")
    samples = list(read_records(done.folder, Sample))
    assert {sample.outcome for sample in samples} == {"ok"}
    assert all(len(sample.likelihoods) == 4 for sample in samples)
    assert any(sample.attempts for sample in samples)
    assert done.results.targets[0].metrics["mc.acc"].value == 1.0


def test_a_resumed_run_keeps_its_mode(tmp_path):
    with TruthProcess(truth("llama.cpp")) as server:
        spec = write(tmp_path, {"m": server.url})
        done = run(spec, tmp_path / "runs")
        lines = (done.folder / "samples.jsonl").read_text().splitlines(keepends=True)
        kept = {json.loads(line)["case"] for line in lines[:10]}
        (done.folder / "samples.jsonl").write_text("".join(lines[:10]))
        scores = (done.folder / "scores.jsonl").read_text().splitlines(keepends=True)
        wanted = [line for line in scores if json.loads(line)["case"] in kept]
        # One score of a stored sample is missing too, as after a crash between the two.
        (done.folder / "scores.jsonl").write_text("".join(wanted[:-1]))
        again = resume(done.folder)
    assert again.samples == N
    assert (again.results.targets[0].metrics["mc.acc"].n, modes(done.folder)) == (N, {"mc": "grammar"})
    with TruthProcess(truth("vllm")) as other:
        _turned_to(done.folder, other.url)
        with pytest.raises(EndpointError, match="has no `grammar`"):
            resume(done.folder, retry_failed=True)


def _turned_to(folder: Path, url: str) -> None:
    """Let a stored run's endpoint be another server, and let it think that this was planned."""
    spec = yaml.safe_load((folder / "spec.yaml").read_text())
    spec["models"][0]["endpoint"] = url
    (folder / "spec.yaml").write_text(yaml.safe_dump(spec))

    async def planned() -> str:
        from bakeoff.run.execute import prepare_run

        return (await prepare_run(load_stored(folder, {}), lambda _: None)).plan.hash

    plan = msgspec.json.decode((folder / "plan.json").read_bytes())
    plan["hash"] = asyncio.run(planned())
    (folder / "plan.json").write_bytes(msgspec.json.encode(plan))


def test_stored_likelihoods_are_scored_again_without_a_request(tmp_path):
    with TruthProcess(truth("vllm")) as server:
        done = run(write(tmp_path, {"m": server.url}), tmp_path / "runs")
    before = [msgspec.to_builtins(score) for score in read_records(done.folder, Score)]
    again = asyncio.run(rescore(done.folder, load_stored(done.folder, {}), lambda _: None))
    after = [msgspec.to_builtins(score) for score in read_records(done.folder, Score)]
    assert sorted(map(str, before)) == sorted(map(str, after))
    assert {score["scorer"] for score in after} == {"acc", "acc_norm"}
    assert again.results.benchmarks["mc"]["multiple choice"]["mode"] == "prompt_logprobs"


def test_two_modes_are_not_compared(tmp_path):
    folders = []
    for name, engine in (("a", "vllm"), ("b", "plain")):
        (tmp_path / name).mkdir()
        with TruthProcess(truth(engine)) as server:
            done = run(write(tmp_path / name, {"m": server.url}), tmp_path / "runs")
        folders.append(done.folder)
    found = compare_runs(folders)
    assert found.comparisons == []
    (warning,) = [each for each in found.warnings if "different ways" in each]
    assert warning == "mc: asked in different ways (letter, prompt_logprobs), so it is not compared"


def test_a_mode_that_the_spec_rules_out_is_refused_with_its_line(tmp_path):
    def mistake(**benchmark: Any) -> str:
        with pytest.raises(SpecErrorGroup) as caught:
            load_spec(write(tmp_path, {"m": "http://127.0.0.1:1/v1"}, **benchmark), {})
        return str(caught.value)

    assert "`prompt.form: chat` has no place" in mistake(multiple_choice="grammar", prompt={"form": "chat"})
    assert "the scorer `acc_norm` needs likelihoods" in mistake(
        multiple_choice="letter", scorers=["acc_norm"]
    )
    assert "needs the text of an answer" in mistake(multiple_choice="grammar", scorers=["choice"])
    assert "a load test measures answers" in mistake(multiple_choice="grammar", measured=True)
    both = mistake(scorers=[{"type": "choice", "metric": "c"}, "acc"])
    assert "bakeoff.yaml:" in both
    assert "it cannot be `auto`: the scorer `acc`" in both


def test_metrics_that_a_mode_brings_can_decide(tmp_path):
    path = write(tmp_path, {"m": "http://127.0.0.1:1/v1"})
    document = yaml.safe_load(path.read_text())
    document["decide"] = {"quality": {"metric": "mc.acc_norm"}}
    path.write_text(yaml.safe_dump(document))
    assert load_spec(path, {}).spec.decide.quality.metric == "mc.acc_norm"
    document["benchmarks"][0]["multiple_choice"] = "letter"
    path.write_text(yaml.safe_dump(document))
    with pytest.raises(SpecErrorGroup, match="no quality metric `acc_norm`"):
        load_spec(path, {})


def test_rows_of_texts_need_a_mode_by_likelihood(tmp_path):
    ready = Case(id="1", continuations=(Continuation(context="c", text=" t"),))
    (bench,) = load_spec(write(tmp_path, {"m": "http://127.0.0.1:1/v1"}), {}).spec.benchmarks
    for mode in (None, "auto", "letter"):
        with pytest.raises(UsageError, match="ask for likelihoods"):
            _with_choices([ready], msgspec.structs.replace(bench, multiple_choice=mode), 0, "")
    by_scorer = msgspec.structs.replace(bench, scorers=[Choice(type="acc_norm")])
    by_mode = msgspec.structs.replace(bench, multiple_choice="grammar")
    assert all(_with_choices([ready], each, 0, "") == [ready] for each in (by_scorer, by_mode))


def test_the_command_says_what_it_chose(tmp_path):
    with TruthProcess(truth("llama.cpp")) as server:
        write(tmp_path, {"m": server.url})
        done = call("run", cwd=tmp_path)
    assert done.code == 0, done.err
    assert "mc: multiple choice by `grammar`; `m` has no `prompt_logprobs`" in done.err


def unasked(folder: Path, urls: dict[str, str], **changes: Any) -> Path:
    """Write the spec of a benchmark that says nothing but where its rows are."""
    path = write(folder, urls)
    document = yaml.safe_load(path.read_text())
    document["benchmarks"] = [{"name": "mc", "dataset": "rows.jsonl"} | changes]
    path.write_text(yaml.safe_dump(document))
    return path


def test_rows_with_choices_are_multiple_choice_where_nothing_says_otherwise(tmp_path):
    with TruthProcess(truth("llama.cpp")) as server:
        path = unasked(tmp_path, {"m": server.url})
        document = yaml.safe_load(path.read_text()) | {"decide": {"quality": {"metric": "mc.acc"}}}
        path.write_text(yaml.safe_dump(document))
        done = run(path, tmp_path / "runs")
        again = resume(done.folder)
    assert modes(done.folder) == {"mc": "grammar"}
    facts = done.results.benchmarks["mc"]["multiple choice"]
    assert facts["mode"] == "grammar"
    assert facts["chosen by"] == "the form of the rows: a question, choices, an answer"
    assert done.results.targets[0].metrics["mc.acc_norm"].value == 1.0
    assert again.results.benchmarks["mc"]["multiple choice"] == facts
    report = (done.folder / "report" / "report.html").read_text()
    assert "Data of <bdi>mc</bdi>: 24 rows" in report


def test_letters_are_never_asked_for_by_default(tmp_path):
    with TruthProcess(truth("plain")) as server:
        path = unasked(tmp_path, {"m": server.url})
        with pytest.raises(EndpointError, match=r"its rows are multiple choice.*`m` has no") as refused:
            run(path, tmp_path / "runs")
        assert "multiple_choice: auto" in refused.value.hint
        assert not any("How is item" in str(each) for each in server.truth())


@pytest.mark.parametrize(
    "changes",
    [
        {"scorers": ["choice"]},
        {"prompt": "{{question}}"},
        {"prompt": {"form": "chat"}},
        {"prompt": {"messages": [{"role": "user", "content": "{{question}}"}]}},
        {"measured": True},
    ],
)
def test_a_benchmark_that_says_how_it_is_asked_is_asked_so(tmp_path, changes):
    with TruthProcess(truth("llama.cpp")) as server:
        done = run(unasked(tmp_path, {"m": server.url}, **changes), tmp_path / "runs")
    assert "multiple choice" not in done.results.benchmarks["mc"]
    assert not any(sample.likelihoods for sample in read_records(done.folder, Sample))


@pytest.mark.parametrize("change", [{"answer": None}, {"choices": ["one"]}, {"question": None}])
def test_one_row_that_is_no_multiple_choice_leaves_all_as_they_are(tmp_path, change):
    benchmark = BenchmarkSpec(name="mc", dataset=Choice(type="jsonl", options={"path": "rows.jsonl"}))
    lines = [*rows()[:3], {"id": "odd", "input": "Hm?"} | rows()[3] | {"id": "odd"} | change]
    if "answer" not in change:
        lines[-1] = {"choices": ["a", "b"], "answer": 0} | {k: v for k, v in change.items() if v is not None}
    (tmp_path / "rows.jsonl").write_text("\n".join(json.dumps(row) for row in lines))
    spec = Spec(models=[], benchmarks=[benchmark])
    dataset = plugins.create("datasets", "jsonl", benchmark.dataset.options)
    cases = load_cases(benchmark, dataset, tmp_path, 0)
    assert with_default_modes(spec, {"mc": cases}) == spec
    assert with_default_modes(spec, {"mc": cases[:3]}).benchmarks[0].multiple_choice == "likelihood"
