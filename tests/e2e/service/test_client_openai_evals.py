"""The real OpenAI client's files and evals against a running service."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from tests.e2e.service.live import MANY, RIGHT, SUMS, Service, many_rows, rows, until

openai = pytest.importorskip("openai", reason="needs openai")

ENDS = {"completed", "failed", "canceled"}
SCHEMA = {
    "type": "object",
    "properties": {"input_query": {"type": "string"}, "expected_answer": {"type": "string"}},
    "required": ["input_query", "expected_answer"],
}
EQUAL = {
    "type": "string_check",
    "name": "equal",
    "input": "{{sample.output_text}}",
    "operation": "eq",
    "reference": "{{item.expected_answer}}",
}

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def client(service: Service) -> Iterator[Any]:
    with openai.OpenAI(
        base_url=f"{service.url}/v1", api_key=service.key or "none", max_retries=0, timeout=30
    ) as made:
        yield made


def graders(model: str) -> list[dict[str, Any]]:
    """Return one grader of each kind that needs no switch; those that ask a model get sums to compute."""

    def asked(adds: int) -> list[dict[str, str]]:
        content = f"What is {{{{sample.output_text}}}} + {adds}?"
        return [{"role": "system", "content": "Say a number."}, {"role": "user", "content": content}]

    similar = {
        "type": "text_similarity",
        "name": "similar",
        "input": "{{sample.output_text}}",
        "reference": "{{item.expected_answer}}",
        "evaluation_metric": "fuzzy_match",
        "pass_threshold": 0.9,
    }
    score = {"type": "score_model", "name": "score", "model": model, "input": asked(1)}
    label = {"type": "label_model", "name": "label", "model": model, "input": asked(0)}
    return [
        EQUAL,
        similar,
        score | {"range": [0, 100], "pass_threshold": 6},
        label | {"labels": ["3", "5", "9", "42"], "passing_labels": ["5", "42"]},
    ]


def create(client: Any, criteria: list[dict[str, Any]]) -> Any:
    """Create an eval of sums."""
    data = {"type": "custom", "item_schema": SCHEMA, "include_sample_schema": True}
    return client.evals.create(
        name=f"sums-{uuid4().hex[:8]}", data_source_config=data, testing_criteria=criteria
    )


def items(table: list[dict[str, str]]) -> list[dict[str, Any]]:
    """Return rows as the content of a data source."""
    return [
        {"item": {"input_query": one["input_query"], "expected_answer": one["expected_answer"]}}
        for one in table
    ]


def upload(client: Any) -> Any:
    """Upload the sums as JSON lines."""
    lines = b"".join(msgspec.json.encode(one) + b"\n" for one in items(rows()))
    return client.files.create(file=("sums.jsonl", lines), purpose="evals")


def completions(model: str, source: dict[str, Any]) -> dict[str, Any]:
    """Return a data source whose answers the model gives."""
    template = [{"role": "user", "content": "{{item.input_query}}"}]
    return {
        "type": "completions",
        "model": model,
        "source": source,
        "input_messages": {"type": "template", "template": template},
        "sampling_params": {"temperature": 0, "max_completion_tokens": 16},
    }


def finish(client: Any, run: Any) -> Any:
    """Poll until the run has ended."""
    return until(
        lambda: client.evals.runs.retrieve(run.id, eval_id=run.eval_id), lambda found: found.status in ENDS
    )


def finished(client: Any, service: Service) -> Any:
    """Run all graders over the sums."""
    made = create(client, graders(service.model))
    source = {"type": "file_content", "content": items(rows())}
    return finish(client, client.evals.runs.create(made.id, data_source=completions(service.model, source)))


def test_files_are_kept_read_listed_and_dropped(client: Any) -> None:
    file = upload(client)
    assert (file.object, file.purpose, file.filename) == ("file", "evals", "sums.jsonl")
    content = client.files.content(file.id).content
    assert file.bytes == len(content)
    assert len(content.splitlines()) == len(SUMS)
    assert file.id in [one.id for one in client.files.list(purpose="evals", limit=1)]
    assert client.files.delete(file.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(file.id)


def test_a_run_over_a_file_ends_in_real_counts(client: Any, service: Service) -> None:
    made = create(client, [EQUAL])
    source = {"type": "file_id", "id": upload(client).id}
    run = client.evals.runs.create(made.id, name="first", data_source=completions(service.model, source))
    ended = finish(client, run)
    assert made.data_source_config.schema_["properties"]["item"] == SCHEMA
    assert run.status in {"queued", "in_progress", "completed"}
    assert (ended.status, ended.object, ended.name, ended.model) == (
        "completed",
        "eval.run",
        "first",
        service.model,
    )
    counts = ended.result_counts
    assert (counts.total, counts.passed, counts.failed, counts.errored) == (len(SUMS), RIGHT, 1, 0)
    usage = ended.per_model_usage[0]
    assert (usage.run_model_name, usage.invocation_count) == (service.model, len(SUMS))
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert ended.report_url


def test_each_grader_counts_and_a_row_passes_when_all_pass(client: Any, service: Service) -> None:
    ended = finished(client, service)
    counted = {one.testing_criteria: (one.passed, one.failed) for one in ended.per_testing_criteria_results}
    assert counted == {"equal": (3, 1), "similar": (3, 1), "score": (3, 1), "label": (2, 2)}
    assert (ended.result_counts.passed, ended.result_counts.failed) == (2, 2)


def test_usage_tells_the_tokens_of_judges(client: Any, service: Service) -> None:
    made = create(client, [EQUAL, *graders(service.slow)[2:]])
    source = {"type": "file_content", "content": items(rows())}
    run = client.evals.runs.create(made.id, data_source=completions(service.model, source))
    answered, judged = finish(client, run).per_model_usage
    assert (answered.run_model_name, answered.invocation_count) == (service.model, len(SUMS))
    assert (judged.run_model_name, judged.invocation_count) == (service.slow, 2 * len(SUMS))
    for usage in (answered, judged):
        assert usage.prompt_tokens > 0
        assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


def test_output_items_tell_each_row(client: Any, service: Service) -> None:
    run = finished(client, service)
    first = client.evals.runs.output_items.list(run.id, eval_id=run.eval_id, limit=1)
    assert (len(first.data), first.has_more) == (1, True)
    listed = list(first)
    assert [one.datasource_item_id for one in listed] == [0, 1, 2, 3]
    assert [one.sample.output[0].content for one in listed] == [said for *_, said in SUMS]
    assert [one.status for one in listed] == ["pass", "fail", "pass", "fail"]
    second = {one.name: (one.passed, one.score) for one in listed[1].results}
    assert second == {"equal": (True, 1), "similar": (True, 1), "score": (False, 4), "label": (False, 0)}
    failed = client.evals.runs.output_items.list(run.id, eval_id=run.eval_id, status="fail")
    assert [one.datasource_item_id for one in failed] == [1, 3]
    again = client.evals.runs.output_items.retrieve(listed[0].id, eval_id=run.eval_id, run_id=run.id)
    assert again.datasource_item["input_query"] == rows()[0]["input_query"]


def test_given_answers_are_graded_without_a_model(client: Any) -> None:
    given = EQUAL | {"input": "{{item.input_query}}", "operation": "ilike", "reference": "WHAT IS 2"}
    made = create(client, [given])
    source = {"type": "file_content", "content": items(rows())}
    ended = finish(client, client.evals.runs.create(made.id, data_source={"type": "jsonl", "source": source}))
    assert (ended.result_counts.passed, ended.result_counts.failed) == (1, 3)


def test_a_cancelled_run_says_so(client: Any, service: Service) -> None:
    made = create(client, [EQUAL])
    source = {"type": "file_content", "content": items(many_rows())}
    run = client.evals.runs.create(made.id, data_source=completions(service.slow, source))
    client.evals.runs.cancel(run.id, eval_id=made.id)
    ended = finish(client, run)
    assert ended.status == "canceled"
    assert ended.result_counts.passed < MANY


def test_evals_and_runs_are_listed_renamed_and_dropped(client: Any) -> None:
    made = create(client, [EQUAL])
    source = {"type": "file_content", "content": items(rows()[:1])}
    data = {
        "type": "jsonl",
        "source": {
            "type": "file_content",
            "content": [source["content"][0] | {"sample": {"output_text": "5"}}],
        },
    }
    runs = [client.evals.runs.create(made.id, data_source=data) for _ in range(2)]
    for run in runs:
        assert finish(client, run).result_counts.passed == 1
    assert made.id in [one.id for one in client.evals.list(limit=2, order="desc")]
    assert client.evals.update(made.id, name="renamed", metadata={"team": "a"}).metadata == {"team": "a"}
    assert client.evals.retrieve(made.id).name == "renamed"
    listed = client.evals.runs.list(made.id, limit=1, status="completed", order="asc")
    assert [one.id for one in listed] == [run.id for run in runs]
    assert client.evals.runs.delete(runs[0].id, eval_id=made.id).deleted
    assert client.evals.delete(made.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.evals.retrieve(made.id)


def lost_file(client: Any, service: Service) -> None:
    """Run over a file that is not here."""
    source = {"type": "file_id", "id": "file-nowhere"}
    client.evals.runs.create(create(client, [EQUAL]).id, data_source=completions(service.model, source))


def odd_parameter(client: Any, service: Service) -> None:
    """Ask for a sampling parameter that is not forwarded."""
    data = completions(service.model, {"type": "file_content", "content": items(rows())})
    data["sampling_params"]["best_of"] = 3
    client.evals.runs.create(create(client, [EQUAL]).id, data_source=data)


@pytest.mark.parametrize(
    ("mistake", "error", "named"),
    [
        (lambda client, _: client.evals.retrieve("eval_nowhere"), "NotFoundError", "eval_nowhere"),
        (
            lambda client, _: create(client, [{"type": "no_such_grader", "name": "x"}]),
            "BadRequestError",
            "no_such_grader",
        ),
        (lambda client, _: create(client, [EQUAL | {"operation": "near"}]), "BadRequestError", "near"),
        (lost_file, "NotFoundError", "file-nowhere"),
        (odd_parameter, "BadRequestError", "best_of"),
    ],
)
def test_mistakes_are_typed_errors_that_name_them(
    client: Any, service: Service, mistake: Callable[[Any, Service], object], error: str, named: str
) -> None:
    with pytest.raises(getattr(openai, error)) as caught:
        mistake(client, service)
    assert caught.value.type
    assert named in caught.value.body["message"]


def test_a_wrong_key_is_an_authentication_error(service: Service) -> None:
    if service.key is None:
        pytest.skip("the service asks for no key")
    with (
        openai.OpenAI(base_url=f"{service.url}/v1", api_key="wrong", max_retries=0) as client,
        pytest.raises(openai.AuthenticationError) as caught,
    ):
        client.evals.list()
    assert "wrong" not in str(caught.value.body)
