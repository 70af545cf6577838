"""Models become targets, asked in one form and with the right parameters."""

import asyncio

import msgspec
import pytest
from tests.unit.run.specs import load

from bakeoff.deployers.none import Existing
from bakeoff.errors import PluginError
from bakeoff.prompts import merged
from bakeoff.records import BenchmarkSpec, Choice, ModelSpec, PromptSpec, Sampling, Target, Weights
from bakeoff.run.models import Candidate, common_form, prepare, provider_choice


def candidate(
    *, provider: str = "openai_chat", template: bool | None = None, own: Choice | None = None
) -> Candidate:
    return Candidate(
        model=ModelSpec(name="m", endpoint="http://127.0.0.1:1/v1", provider=own),
        deployer=Existing(),
        weights=Weights(model="m"),
        target=Target(name="m", provider=provider, model="m", chat_template=template),
    )


def form(candidates: list[Candidate], asked: str = "auto") -> str:
    prompt = msgspec.convert({"form": asked}, PromptSpec)
    return common_form(BenchmarkSpec(name="b", dataset=Choice(type="jsonl"), prompt=prompt), candidates)


def test_models_become_targets_with_all_that_is_known(tmp_path):
    models = [
        {"name": "a", "endpoint": "http://127.0.0.1:9/v1", "model": "served", "params": {"temperature": 0.5}},
        {"name": "b", "endpoint": "http://127.0.0.1:9/v1", "engine": "vllm 1", "stream": False},
    ]
    loaded = load(tmp_path, models=models, sampling={"max_tokens": 9})
    told: list[str] = []
    first, second = asyncio.run(prepare(loaded.spec, loaded.base, told.append))
    assert told == ["preparing a", "preparing b"]
    assert (first.target.model, first.target.provider, first.target.source) == ("served", "openai_chat", None)
    assert (first.target.sampling.temperature, first.target.sampling.max_tokens) == (0.5, 9)
    assert (second.target.engine, second.target.stream) == ("vllm 1", False)


def test_changes_go_over_what_holds_for_the_run():
    base = Sampling(temperature=0.0, max_tokens=512, extra={"top_k": 1, "kept": True})
    found = merged(base, {"temperature": None, "top_k": 5, "extra": {"min_p": 0.1}})
    assert found == Sampling(temperature=None, max_tokens=512, extra={"top_k": 5, "kept": True, "min_p": 0.1})
    assert merged(base, {}) == base


@pytest.mark.parametrize(
    ("stop", "found"), [("end", ("end",)), (["a", "b"], ("a", "b")), (None, ()), ([], ())]
)
def test_a_stop_may_be_one_text_or_several(stop, found):
    assert merged(Sampling(stop=("x",)), {"stop": stop}).stop == found


def test_all_targets_are_asked_in_the_same_form():
    chat, base = candidate(template=True), candidate(template=False)
    assert form([chat, candidate()]) == "chat"
    assert form([chat, base]) == "completion"
    assert form([chat, candidate(provider="openai_completions")]) == "completion"
    assert form([chat, base], "chat") == "chat"
    assert form([chat], "completion") == "completion"


def test_a_models_own_provider_is_used_for_the_form_that_it_speaks():
    own = Choice(type="openai_chat", options={"max_tokens_field": "max_completion_tokens"})
    assert provider_choice(candidate(own=own), "chat") == own
    assert provider_choice(candidate(own=own), "completion") == Choice(type="openai_completions")
    assert provider_choice(candidate(), "chat") == Choice(type="openai_chat")


def test_an_unknown_deployer_is_refused_before_anything_starts(tmp_path):
    loaded = load(tmp_path)
    model = msgspec.structs.replace(loaded.spec.models[0], deploy=Choice(type="nowhere"))
    spec = msgspec.structs.replace(loaded.spec, models=[model])
    with pytest.raises(PluginError, match="nowhere"):
        asyncio.run(prepare(spec, loaded.base, lambda _: None))
