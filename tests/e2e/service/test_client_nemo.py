"""The real NeMo client against a running service."""

import io
import zipfile
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from tests.e2e.service.live import MANY, RIGHT, SHARE, SUMS, Service, many_rows, rows, store_rows, until

nemo = pytest.importorskip("nemo_microservices", reason="needs nemo-microservices")

ENDS = {"completed", "failed", "cancelled"}
EQUALS = {
    "type": "string-check",
    "params": {"check": ["{{sample.output_text}}", "equals", "{{expected_answer}}"]},
}

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def client(service: Service) -> Iterator[Any]:
    with nemo.NeMoMicroservices(
        base_url=service.url, default_headers=service.headers, max_retries=0, timeout=30
    ) as made:
        yield made


@pytest.fixture
def name() -> str:
    """Return a name that no other test has."""
    return f"sums-{uuid4().hex[:8]}"


def config(service: Service, name: str, items: list[dict[str, str]]) -> dict[str, Any]:
    """Return an evaluation of rows that are stored under default/NAME."""
    store_rows(service, f"default/{name}", items)
    template = {"messages": [{"role": "user", "content": "{{input_query}}"}], "max_tokens": 16}
    task = {
        "type": "chat-completion",
        "params": {"template": template},
        "dataset": {"files_url": f"hf://datasets/default/{name}/rows.jsonl"},
        "metrics": {
            "right": EQUALS,
            "bleu": {"type": "bleu", "params": {"references": ["{{expected_answer}}"]}},
        },
    }
    return {"type": "custom", "params": {"parallelism": 2}, "tasks": {"sums": task}}


def target(service: Service, model: str) -> dict[str, Any]:
    """Return a model as NeMo's users name it, by address."""
    endpoint = {"url": f"{service.endpoint}/chat/completions", "model_id": model}
    return {"type": "model", "model": {"api_endpoint": endpoint}}


def finish(client: Any, job: str) -> Any:
    """Poll until the job has ended."""
    return until(lambda: client.evaluation.jobs.retrieve(job), lambda found: found.status in ENDS)


def check_stats(score: Any) -> None:
    """Check every figure of three right answers out of four."""
    assert score.value == SHARE
    assert (score.stats.count, score.stats.sum, score.stats.mean) == (len(SUMS), RIGHT, SHARE)
    assert (score.stats.min, score.stats.max) == (0, 1)


def test_a_registered_config_and_target_run_to_real_scores(client: Any, service: Service, name: str) -> None:
    made = client.evaluation.configs.create(name=name, namespace="default", **config(service, name, rows()))
    aim = client.evaluation.targets.create(name=name, namespace="default", **target(service, service.model))

    job = client.evaluation.jobs.create(config=f"default/{name}", target=f"default/{name}")
    ended = finish(client, job.id)

    assert made.id
    assert aim.model.api_endpoint.model_id == service.model
    assert job.status in {"created", "pending", "running", "completed"}
    assert ended.status == "completed"
    assert (ended.config.name, ended.target.name) == (name, name)
    status = client.evaluation.jobs.status(job.id)
    assert status.progress == 100
    assert status.samples_processed == len(SUMS)
    assert status.task_status == {"sums": "completed"}
    result = client.evaluation.jobs.results(job.id)
    assert result.job == job.id
    metrics = result.tasks["sums"].metrics
    check_stats(metrics["right"].scores["string-check"])
    assert 0 <= metrics["bleu"].scores["corpus"].value <= 100
    assert client.evaluation.results.retrieve(result.id).tasks["sums"].metrics["right"] == metrics["right"]


def test_a_job_takes_ids_and_inline_objects_too(client: Any, service: Service, name: str) -> None:
    made = client.evaluation.configs.create(name=name, **config(service, name, rows()))
    by_id = client.evaluation.jobs.create(config=made.id, target=target(service, service.model))
    inline = client.evaluation.jobs.create(
        config=config(service, f"{name}-inline", rows()) | {"params": {"limit_samples": 2}},
        target=target(service, service.model),
    )
    assert finish(client, by_id.id).status == "completed"
    assert finish(client, inline.id).status == "completed"
    few = client.evaluation.jobs.results(inline.id).tasks["sums"].metrics["right"].scores["string-check"]
    assert (few.value, few.stats.count) == (1.0, 2)


def test_a_call_that_is_sent_again_with_its_key_makes_one_job(
    client: Any, service: Service, name: str
) -> None:
    asked = {"config": config(service, name, rows()), "target": target(service, service.model)}
    once = {"extra_headers": {"Idempotency-Key": name}}
    first, again = (client.evaluation.jobs.create(**asked, **once) for _ in range(2))
    assert first.id == again.id
    assert finish(client, first.id).status == "completed"
    with pytest.raises(nemo.ConflictError):
        client.evaluation.jobs.create(**asked | {"target": target(service, service.slow)}, **once)


def test_a_secret_of_a_target_is_never_told(client: Any, service: Service, name: str) -> None:
    aim = target(service, service.model)
    aim["model"]["api_endpoint"]["api_key"] = "sk-planted"
    client.evaluation.targets.create(name=name, namespace="default", **aim)
    raw = client.evaluation.targets.with_raw_response.retrieve(name, namespace="default")
    assert service.model in raw.text()
    assert "sk-planted" not in raw.text()


def test_rows_are_judged_live(client: Any) -> None:
    check = {"type": "string-check", "params": {"check": ["{{said}}", "contains", "{{wanted}}"]}}
    answer = client.evaluation.live(
        config={"type": "custom", "tasks": {"qa": {"type": "data", "metrics": {"has": check}}}},
        target={"type": "rows", "rows": [{"said": "a b", "wanted": "b"}, {"said": "a", "wanted": "b"}]},
    )
    assert answer.status == "completed"
    assert answer.result.tasks["qa"].metrics["has"].scores["string-check"].value == 0.5


def test_a_cancelled_job_says_so(client: Any, service: Service, name: str) -> None:
    job = client.evaluation.jobs.create(
        config=config(service, name, many_rows()), target=target(service, service.slow)
    )
    client.evaluation.jobs.cancel(job.id)
    assert finish(client, job.id).status == "cancelled"
    done = client.evaluation.jobs.status(job.id).samples_processed
    assert done is None or done < MANY


def test_results_and_logs_come_as_zip(client: Any, service: Service, name: str) -> None:
    job = client.evaluation.jobs.create(
        config=config(service, name, rows()), target=target(service, service.model)
    )
    finish(client, job.id)
    results = client.evaluation.jobs.download_results(job.id).read()
    logs = client.evaluation.jobs.with_raw_response.download_logs(job.id).read()
    for packed in (results, logs):
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            assert archive.testzip() is None
            assert archive.namelist()


def test_lists_are_filtered_sorted_and_end(client: Any, service: Service, name: str) -> None:
    project = f"project-{name}"
    body = config(service, name, rows())
    for index in range(3):
        client.evaluation.configs.create(name=f"{name}-{index}", project=project, **body)
    listed = client.evaluation.configs.list(filter={"project": project}, page_size=2, sort="created_at")
    assert listed.pagination.total_results == 3
    assert listed.pagination.total_pages == 2
    assert [one.name for one in listed] == [f"{name}-{index}" for index in range(3)]
    newest = client.evaluation.configs.list(filter={"project": project}, page_size=1, sort="-created_at")
    assert newest.data[0].name == f"{name}-2"
    jobs = client.evaluation.jobs.list(filter={"project": project, "status": "running"})
    assert list(jobs) == []


def test_configs_are_changed_and_dropped(client: Any, service: Service, name: str) -> None:
    client.evaluation.configs.create(name=name, namespace="default", **config(service, name, rows()))
    changed = client.evaluation.configs.update(name, path_namespace="default", description="changed")
    assert changed.description == "changed"
    assert (
        client.evaluation.configs.retrieve(name, namespace="default").tasks["sums"].type == "chat-completion"
    )
    dropped = client.evaluation.configs.delete(name, namespace="default")
    assert dropped.message
    with pytest.raises(nemo.NotFoundError):
        client.evaluation.configs.retrieve(name, namespace="default")


def test_a_job_of_the_second_version_is_the_same_job(client: Any, service: Service, name: str) -> None:
    jobs = client.v2.evaluation.jobs
    spec = {"config": config(service, name, rows()), "target": target(service, service.model)}
    job = jobs.create(name=name, spec=spec)
    ended = until(lambda: jobs.retrieve(job.id), lambda found: found.status in {"completed", "error"})
    assert ended.status == "completed"
    assert jobs.status.retrieve(job.id).status == "completed"
    result = jobs.results.evaluation_results.retrieve(job.id)
    check_stats(result.tasks["sums"].metrics["right"].scores["string-check"])
    assert "evaluation-results" in [one.result_name for one in jobs.results.list(job.id).data]
    assert all(line.message is not None for line in jobs.logs.list(job.id))


def wrong_metric(client: Any, service: Service, name: str) -> None:
    """Ask for a metric that nobody has."""
    body = config(service, name, rows())
    body["tasks"]["sums"]["metrics"]["odd"] = {"type": "no-such-metric"}
    client.evaluation.jobs.create(config=body, target=target(service, service.model))


def same_name(client: Any, service: Service, name: str) -> None:
    """Create two configs of one name."""
    for _ in range(2):
        client.evaluation.configs.create(name=name, namespace="default", **config(service, name, rows()))


MISTAKES: list[tuple[Callable[[Any, Service, str], object], str, str]] = [
    (lambda client, _, name: client.evaluation.jobs.retrieve("no-such-job"), "NotFoundError", "no-such-job"),
    (
        lambda client, _, name: client.evaluation.targets.retrieve("no-such-target", namespace="default"),
        "NotFoundError",
        "no-such-target",
    ),
    (
        lambda client, service, name: client.evaluation.jobs.create(
            config="default/no-such-config", target=target(service, service.model)
        ),
        "NotFoundError",
        "no-such-config",
    ),
    (
        lambda client, service, name: client.evaluation.jobs.create(config={}, target={}),
        "UnprocessableEntityError",
        "type",
    ),
    (wrong_metric, "UnprocessableEntityError", "no-such-metric"),
    (same_name, "ConflictError", "sums-"),
    (
        lambda client, _, name: client.evaluation.jobs.list(filter={"no_such_filter": "x"}),
        "UnprocessableEntityError",
        "no_such_filter",
    ),
]


@pytest.mark.parametrize(("mistake", "error", "named"), MISTAKES)
def test_mistakes_are_typed_errors_that_name_them(
    client: Any, service: Service, name: str, mistake: Callable[..., object], error: str, named: str
) -> None:
    with pytest.raises(getattr(nemo, error)) as caught:
        mistake(client, service, name)
    assert named in str(caught.value.body["detail"])


def test_a_wrong_key_is_an_authentication_error(service: Service) -> None:
    if service.key is None:
        pytest.skip("the service asks for no key")
    headers = {"Authorization": "Bearer wrong"}
    with (
        nemo.NeMoMicroservices(base_url=service.url, default_headers=headers, max_retries=0) as client,
        pytest.raises(nemo.AuthenticationError) as caught,
    ):
        client.evaluation.jobs.list()
    assert caught.value.body["detail"]
