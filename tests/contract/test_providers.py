"""Every provider of ours keeps the contract of its family, on answers of real servers."""

import asyncio

import pytest
from tests.unit.providers.exchanges import transcript

from bakeoff import plugins
from bakeoff.extend import Provider
from bakeoff.records import Call, Exchange, Message, Request, Sampling, Target
from bakeoff.testing.contracts.providers import Answer, check_likelihood_provider, check_provider
from bakeoff.testing.truth import TruthProcess, TruthServer, TruthSettings
from bakeoff.wire import Client, make_route

FRANCE = "The capital of France is Paris."
ANSWERS = {
    "openai_chat": {"llama_chat_stream": FRANCE, "llama_chat_whole": FRANCE},
    "openai_completions": {"llama_completion_stream": " Paris.\n\n", "llama_completion_whole": " Paris.\n\n"},
}


LIKELIHOODS = {"prompt_logprobs": "vllm", "token_grammar": "llama.cpp"}
"""Providers of likelihoods, and the engine that the truth server plays for each."""


def test_every_provider_has_an_answer():
    assert sorted([*ANSWERS, *LIKELIHOODS]) == plugins.names("providers")


@pytest.mark.parametrize(("name", "engine"), LIKELIHOODS.items())
def test_it_keeps_the_contract_of_likelihood_providers(name, engine):
    async def check() -> None:
        async with TruthServer(TruthSettings(engine=engine)) as server, Client() as client:
            route = make_route(server.url)

            async def ask(call: Call) -> Exchange:
                exchange = await client.exchange(route, call)
                assert exchange.status == 200, exchange.body
                return exchange

            exchange = transcript("llama_completion_whole")
            await check_likelihood_provider(plugins.create("providers", name, {}), ask, exchange)

    asyncio.run(check())


@pytest.mark.parametrize(
    ("name", "file"), [(name, file) for name, files in ANSWERS.items() for file in files]
)
def test_it_keeps_the_contract_of_providers(name, file):
    answer = Answer(exchange=transcript(file), text=ANSWERS[name][file])
    check_provider(plugins.create("providers", name, {}), answer)


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("stream", [True, False])
def test_it_keeps_the_contract_on_the_truth_servers_answers(name, stream):
    provider: Provider = plugins.create("providers", name, {})
    target = Target(name="t", provider=name, model="m")
    question = "What is 20 + 22?"
    request = Request(
        messages=(Message(role="user", content=question),),
        prompt=question,
        stream=stream,
        sampling=Sampling(max_tokens=5),
    )

    async def ask(url: str) -> Answer:
        async with Client() as client:
            exchange = await client.exchange(make_route(url), provider.encode(request, target))
        return Answer(exchange=exchange, text="42")

    with TruthProcess(TruthSettings(answer="arithmetic", ttft=0.001, itl=0.001)) as server:
        answer = asyncio.run(ask(server.url))
    check_provider(provider, answer)


def test_an_option_that_does_not_exist_is_refused():
    for name in ANSWERS:
        with pytest.raises(plugins.PluginError, match="max_token_field"):
            plugins.create("providers", name, {"max_token_field": "x"})
