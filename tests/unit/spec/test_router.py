"""The router toolkit's YAML is a spec as it stands."""

from decimal import Decimal
from typing import Any

import pytest
import yaml

from bakeoff.errors import SpecErrorGroup
from bakeoff.records import Price
from bakeoff.spec import dump, load_spec

KEYS = {"KEY": "secret-1", "URL": "https://router.example.com/v1"}
BASE: dict[str, Any] = {
    "evaluation": {"name": "router eval", "dataset": "data/own.jsonl", "sample_size": 5, "random_seed": 7},
    "endpoints": {
        "model_router": {
            "type": "openai_compatible",
            "endpoint_url": "${URL}",
            "api_key": "${KEY}",
            "deployment_name": "router",
        },
        "baseline": {
            "type": "azure_openai",
            "endpoint_url": "https://res.openai.azure.com/",
            "api_key": "${KEY}",
            "deployment_name": "gpt-5",
            "parameters": {"temperature": 1, "max_tokens": 99},
        },
    },
    "pricing": {"gpt-5": {"input": 1.25, "output": 10}, "model_router": {"input": 0.14}},
    "concurrency": {"max_parallel_requests": 3, "request_timeout_seconds": 30, "max_retries": 2},
    "output": {"directory": "results", "formats": ["markdown"]},
    "judge": {"enabled": False},
}


@pytest.fixture
def loaded(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "own.jsonl").write_text('{"id": "1", "prompt": "hi", "ground_truth": "x"}\n')
    (tmp_path / "own.csv").write_text("id,prompt\n1,hi\n")

    def read(**changes: Any):
        path = tmp_path / "default.yaml"
        path.write_text(yaml.safe_dump(BASE | changes, sort_keys=False))
        return load_spec(path, KEYS)

    return read


def test_router_and_baseline_are_two_models(loaded):
    found = loaded()
    router, baseline = found.spec.models
    assert (router.name, router.endpoint, router.model, router.api_key) == (
        "model_router",
        "https://router.example.com/v1",
        "router",
        "secret-1",
    )
    assert router.params == {"temperature": 0.7, "max_tokens": 1024}
    assert router.price == Price(input=Decimal("0.14"), answering=True)
    assert baseline.endpoint == "https://res.openai.azure.com/openai/v1"
    assert baseline.headers == {"api-key": "secret-1"}
    assert baseline.params == {"temperature": 1.0, "max_tokens": 99}
    assert baseline.price is not None
    assert float(baseline.price.input or 0) == 1.25
    assert "secret-1" not in dump(found)


def test_the_router_is_priced_by_who_answers_and_only_by_exact_names(loaded):
    book = loaded().spec.prices
    assert (book.file, [entry.names for entry in book.entries]) == ("default.yaml", [("gpt-5",)])
    assert book.entries[0].price == Price(input=Decimal("1.25"), output=Decimal(10))
    plain = loaded(pricing={"gpt-5": {"input": 1, "output": 2}}).spec.models[0].price
    assert plain == Price(answering=True)


def test_without_prices_the_router_has_none(loaded):
    for pricing in ({}, {"model_router": {"input": 0.14}}):
        spec = loaded(pricing=pricing).spec
        assert (spec.models[0].price, spec.prices.entries) == (None, ())


def test_its_evaluation_is_a_benchmark(loaded):
    spec = loaded().spec
    assert (spec.name, spec.seed, spec.timeout.total, spec.decide.incumbent) == (
        "router-eval",
        7,
        30.0,
        "baseline",
    )
    (benchmark,) = spec.benchmarks
    assert (benchmark.dataset.type, benchmark.dataset.options["path"]) == ("jsonl", "data/own.jsonl")
    assert (benchmark.limit, benchmark.sample, benchmark.attempts) == (5, "random", 3)
    assert benchmark.load.options == {"concurrency": 3}
    assert benchmark.prompt.template == "{{prompt}}"


def test_defaults_are_the_toolkits_own(loaded):
    endpoints = {"baseline": BASE["endpoints"]["model_router"]}
    spec = loaded(
        evaluation={"dataset": "own.csv", "sample_size": None}, concurrency={}, endpoints=endpoints
    ).spec
    (benchmark,) = spec.benchmarks
    assert (spec.name, spec.seed, spec.timeout.total) == ("unnamed-eval", 42, 60.0)
    assert (benchmark.dataset.type, benchmark.limit, benchmark.attempts) == ("csv", None, 4)
    assert benchmark.load.options == {"concurrency": 5}


def test_a_database_is_read_by_its_url(loaded):
    (benchmark,) = loaded(evaluation={"dataset": "sqlite:///x.db?table=prompts"}).spec.benchmarks
    assert (benchmark.dataset.type, benchmark.dataset.options["url"]) == (
        "sql",
        "sqlite:///x.db?table=prompts",
    )


def test_the_v1_address_of_azure_stays(loaded):
    baseline = BASE["endpoints"]["baseline"] | {"endpoint_url": "https://r.example.com/openai/v1"}
    found = loaded(endpoints={"baseline": baseline}).spec.models[0]
    assert found.endpoint == "https://r.example.com/openai/v1"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"judge": {"enabled": True}}, "judge.enabled: a judge is not available in this version"),
        ({"pricing_source": {"azure_retail": {"enabled": True}}}, "prices are not looked up"),
        ({"foundry": {"project_endpoint": "x"}}, "foundry: not available in this version"),
        (
            {"endpoints": {"baseline": BASE["endpoints"]["baseline"] | {"api_mode": "responses"}}},
            "endpoints.baseline.api_mode: `responses` is not available",
        ),
        ({"evaluation": {}}, "there is no file `datasets/sample_custom.jsonl`"),
        ({"endpoints": {"baseline": {}}}, "a model needs `endpoint` or `source`"),
    ],
)
def test_what_is_not_available_is_refused_by_name(loaded, changes, said):
    with pytest.raises(SpecErrorGroup) as caught:
        loaded(**changes)
    assert any(said in error.message for error in caught.value.errors)


def test_other_documents_are_not_the_toolkits(loaded):
    with pytest.raises(SpecErrorGroup) as caught:
        loaded(version=1)
    assert any("unknown key" in error.message for error in caught.value.errors)


def test_a_password_in_a_url_is_never_stored(tmp_path):
    path = tmp_path / "bakeoff.yaml"
    text = (
        "version: 1\nmodels: [{name: m, endpoint: 'http://127.0.0.1:9/v1'}]\n"
        "benchmarks: [{name: b, dataset: {type: sql, table: t, url: %s}}]\n"
    )
    path.write_text(text % "'${DB}'")
    found = load_spec(path, {"DB": "postgresql://u:hunter2@h/x"})
    assert "hunter2" in found.secrets
    assert "url: ${DB}" in dump(found)
    path.write_text(text % "'postgresql://u:hunter2@h/x'")
    stored = dump(load_spec(path, {}))
    assert "hunter2" not in stored
    path.write_text(stored)
    with pytest.raises(SpecErrorGroup, match=r"dataset\.url: the secret was not stored"):
        load_spec(path, {})
