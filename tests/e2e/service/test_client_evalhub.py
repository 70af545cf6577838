"""The real EvalHub client against a running service."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from tests.e2e.service.live import SHARE, Service, many_rows, rows, store_benchmark, store_rows

evalhub = pytest.importorskip("evalhub", reason="needs eval-hub-sdk[client]")
models = pytest.importorskip("evalhub.models", reason="needs eval-hub-sdk[client]")
clients = pytest.importorskip("evalhub.client", reason="needs eval-hub-sdk[client]")

PROVIDER = "bakeoff"

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def client(service: Service) -> Iterator[Any]:
    with evalhub.SyncEvalHubClient(
        base_url=service.url, auth_token=service.key, max_retries=0, timeout=30
    ) as made:
        yield made


@pytest.fixture
def name() -> str:
    """Return a name that no other test has."""
    return f"sums-{uuid4().hex[:8]}"


def benchmark(service: Service, name: str, items: list[dict[str, str]]) -> str:
    """Register a benchmark of sums; the provider of our own lists it."""
    return store_benchmark(service, name, store_rows(service, name, items))


def request(service: Service, name: str, model: str, **options: Any) -> Any:
    """Return a job of one benchmark."""
    one = models.BenchmarkConfig(
        id=name, provider_id=PROVIDER, primary_score=models.PrimaryScore(metric="accuracy"), **options
    )
    aim = models.ModelConfig(url=service.endpoint, name=model)
    return models.JobSubmissionRequest(name=name, tags=[name], model=aim, benchmarks=[one])


def test_the_client_is_told_who_is_there(client: Any, service: Service, name: str) -> None:
    benchmark(service, name, rows())
    assert client.health()["status"] == "healthy"
    assert PROVIDER in [one.resource.id for one in client.providers.list()]
    listed = client.benchmarks.list(provider_id=PROVIDER)
    assert name in [one.id for one in listed]
    assert name in [one.id for one in client.providers.get(PROVIDER).benchmarks]


def test_a_job_runs_to_real_scores(client: Any, service: Service, name: str) -> None:
    benchmark(service, name, rows())
    job = client.jobs.submit(request(service, name, service.model))
    ended = client.jobs.wait_for_completion(job.id, timeout=60, poll_interval=0.05)
    assert job.state in {models.JobStatus.PENDING, models.JobStatus.RUNNING, models.JobStatus.COMPLETED}
    assert ended.state == models.JobStatus.COMPLETED
    assert (ended.name, ended.tags, ended.model.name) == (name, [name], service.model)
    assert ended.status.benchmarks[0].state == models.JobStatus.COMPLETED
    assert ended.status.benchmarks[0].started_at <= ended.status.benchmarks[0].completed_at
    result = ended.results.benchmarks[0]
    assert (result.id, result.provider_id, result.benchmark_index) == (name, PROVIDER, 0)
    assert result.metrics["accuracy"] == SHARE


def test_parameters_limit_a_job(client: Any, service: Service, name: str) -> None:
    benchmark(service, name, rows())
    job = client.jobs.submit(request(service, name, service.model, parameters={"limit": 2}))
    ended = client.jobs.wait_for_completion(job.id, timeout=60, poll_interval=0.05)
    assert ended.results.benchmarks[0].metrics["accuracy"] == 1.0


def test_logs_are_watched_to_the_end(client: Any, service: Service, name: str) -> None:
    benchmark(service, name, rows())
    job = client.jobs.submit(request(service, name, service.model))
    updates = list(client.jobs.watch_logs(job.id, poll_interval=0.05, timeout=60))
    assert updates[-1].job.state == models.JobStatus.COMPLETED
    assert name in "".join(update.logs for update in updates)
    assert isinstance(client.jobs.get_logs(job.id, benchmark_index=0), str)


def test_a_cancelled_job_says_so_and_can_be_removed(client: Any, service: Service, name: str) -> None:
    benchmark(service, name, many_rows())
    job = client.jobs.submit(request(service, name, service.slow))
    assert client.jobs.cancel(job.id)
    ended = client.jobs.wait_for_completion(job.id, timeout=60, poll_interval=0.05)
    assert ended.state == models.JobStatus.CANCELLED
    assert job.id in [one.id for one in client.jobs.list(status=models.JobStatus.CANCELLED, limit=1000)]
    assert client.jobs.cancel(job.id, hard_delete=True)
    with pytest.raises(clients.JobNotFoundError):
        client.jobs.cancel(job.id)


def test_a_finished_job_cannot_be_cancelled(client: Any, service: Service, name: str) -> None:
    benchmark(service, name, rows())
    job = client.jobs.submit(request(service, name, service.model))
    client.jobs.wait_for_completion(job.id, timeout=60, poll_interval=0.05)
    with pytest.raises(clients.JobCanNotBeCancelledError, match="completed"):
        client.jobs.cancel(job.id)


def test_a_collection_is_kept_changed_run_and_dropped(client: Any, service: Service, name: str) -> None:
    benchmark(service, name, rows())
    part = {"id": name, "provider_id": PROVIDER, "weight": 2.0, "primary_score": {"metric": "accuracy"}}
    made = client.collections.create({"name": name, "category": "maths", "benchmarks": [part]})
    kept = made.resource.id
    assert client.collections.get(kept).benchmarks[0].weight == 2.0
    assert kept in [one.resource.id for one in client.collections.list()]
    change = [{"op": "replace", "path": "/description", "value": "changed"}]
    assert client.collections.patch(kept, change).description == "changed"
    full = {"name": f"{name}-new", "category": "maths", "benchmarks": [part]}
    assert client.collections.update(kept, full).name == f"{name}-new"

    aim = models.ModelConfig(url=service.endpoint, name=service.model)
    asked = models.JobSubmissionRequest(name=name, model=aim, collection=models.CollectionRef(id=kept))
    job = client.jobs.submit(asked)
    ended = client.jobs.wait_for_completion(job.id, timeout=60, poll_interval=0.05)
    assert ended.collection.id == kept
    assert ended.results.benchmarks[0].metrics["accuracy"] == SHARE

    client.collections.delete(kept)
    with pytest.raises(httpx.HTTPStatusError) as caught:
        client.collections.get(kept)
    assert caught.value.response.status_code == 404


def test_a_provider_of_somebody_else_is_kept_and_dropped(client: Any, name: str) -> None:
    part = {"id": "theirs", "name": "Theirs", "category": "maths", "metrics": ["accuracy"]}
    made = client.providers.create({"name": name, "title": "Theirs", "benchmarks": [part]})
    kept = made.resource.id
    assert client.providers.get(kept).benchmarks[0].id == "theirs"
    assert client.providers.patch(kept, [{"op": "replace", "path": "/title", "value": "T"}]).title == "T"
    client.providers.delete(kept)
    with pytest.raises(httpx.HTTPStatusError):
        client.providers.get(kept)


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/evaluations/jobs/no-such-job", 404, "resource_not_found"),
        ("/evaluations/providers/no-such-provider", 404, "resource_not_found"),
        ("/evaluations/collections/no-such-collection", 404, "resource_not_found"),
        ("/evaluations/jobs?limit=-1", 400, "query_parameter_invalid"),
        ("/evaluations/jobs?no_such=1", 400, "query_bad_parameter"),
    ],
)
def test_mistakes_are_told_with_a_code_and_a_trace(client: Any, path: str, status: int, code: str) -> None:
    with pytest.raises(httpx.HTTPStatusError) as caught:
        client._request_get(path)
    body = caught.value.response.json()
    assert (caught.value.response.status_code, body["message_code"]) == (status, code)
    assert body["message"]
    assert body["trace"] == caught.value.response.headers["X-Global-Transaction-Id"]


def test_a_job_of_an_unknown_benchmark_is_refused(client: Any, service: Service) -> None:
    with pytest.raises(httpx.HTTPStatusError) as caught:
        client.jobs.submit(request(service, "no-such-benchmark", service.model))
    assert caught.value.response.status_code == 400
    assert "no-such-benchmark" in caught.value.response.json()["message"]


def test_a_wrong_key_is_told_with_a_code(service: Service) -> None:
    if service.key is None:
        pytest.skip("the service asks for no key")
    with (
        evalhub.SyncEvalHubClient(base_url=service.url, auth_token="wrong", max_retries=0) as client,
        pytest.raises(httpx.HTTPStatusError) as caught,
    ):
        client.jobs.list()
    assert caught.value.response.status_code == 401
    assert caught.value.response.json()["message_code"]
