"""What `--model_args` may say, and whom it means."""

import asyncio
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
import yaml

from bakeoff.errors import EndpointError, UsageError
from bakeoff.lm.settings import Settings, find_subject, settings_of
from bakeoff.testing.truth import TruthProcess, TruthSettings

URL = "http://127.0.0.1:1/v1"
PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "run-lm-eval-through-bakeoff.md"


def subject(**arguments):
    return asyncio.run(find_subject(settings_of(arguments)))


def config(folder, **model):
    path = folder / "bakeoff.yaml"
    models = [{"name": "a", "endpoint": URL, "model": "m"} | model, {"name": "b", "source": "x.gguf"}]
    (folder / "x.gguf").write_bytes(b"GGUF")
    path.write_text(yaml.safe_dump({"models": models}))
    return str(path)


def test_what_lm_eval_gives_every_model_is_no_argument():
    given = {"batch_size": 1, "max_batch_size": None, "device": None, "trust_remote_code": True}
    assert settings_of(given) == Settings()


def test_names_that_lm_eval_took_for_numbers_are_names():
    found = settings_of({"model": 123, "target": 4.5, "prefix": 1, "input_price": 0.1, "seed": None})
    assert (found.model, found.target, found.prefix) == ("123", "4.5", "1")
    assert (found.input_price, found.seed) == (Decimal("0.1"), None)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"modle": "m"}, "Did you mean `model`"),
        ({"api_key": "secret"}, "api_key_env"),
        ({"concurrency": 0}, "concurrency"),
        ({"likelihoods": "letters"}, "likelihoods"),
        ({"no_answer": "ok"}, "no_answer"),
    ],
)
def test_a_wrong_argument_is_named(given, message):
    with pytest.raises(UsageError, match=message) as error:
        settings_of(given)
    assert "secret" not in str(error.value)


def test_an_address_is_a_target_with_lm_evals_seed():
    found = subject(base_url=f"{URL}/", model="m", input_price=1, output_price=2, stream=False, timeout=7)
    target = found.candidate.target
    assert (target.name, target.model, target.endpoint) == ("m", "m", URL)
    assert (target.sampling.seed, target.stream) == (1234, False)
    assert target.price is not None
    assert (target.price.input, target.price.output) == (1, 2)
    assert (found.spec.timeout.total, found.spec.timeout.stream, found.secrets) == (7, 7, ())


@pytest.mark.parametrize("path", ["/completions", "/chat/completions", "/completions/"])
def test_the_whole_path_that_lm_evals_own_models_want_is_taken(path):
    assert subject(base_url=URL + path, model="m").candidate.target.endpoint == URL


def test_a_target_may_have_a_name_and_no_seed():
    target = subject(base_url=URL, model="m", target="mine", seed=None).candidate.target
    assert (target.name, target.sampling.seed, target.price) == ("mine", None, None)


def test_the_key_comes_from_the_environment(monkeypatch):
    monkeypatch.setenv("MY_KEY", "k1234567")
    assert subject(base_url=URL, model="m", api_key_env="MY_KEY").secrets == ("k1234567",)
    monkeypatch.setenv("OPENAI_API_KEY", "k7654321")
    assert subject(base_url=URL, model="m").deployment.api_key == "k7654321"
    with pytest.raises(UsageError, match="`NOT_THERE` is not set"):
        subject(base_url=URL, model="m", api_key_env="NOT_THERE")


def test_nobody_named_is_a_mistake():
    with pytest.raises(UsageError, match="nobody is named"):
        subject(model="m")


def test_the_only_model_of_an_endpoint_needs_no_name():
    with TruthProcess(TruthSettings(models={"one": TruthSettings()})) as server:
        assert subject(base_url=server.url).candidate.target.model == "one"
        server.configure(TruthSettings(models={"one": TruthSettings(), "two": TruthSettings()}))
        with pytest.raises(UsageError, match="several models") as error:
            subject(base_url=server.url)
        assert "one, two" in str(error.value)
    with pytest.raises(EndpointError):
        subject(base_url=server.url)


def test_a_spec_gives_the_model_with_all_that_it_says(tmp_path):
    price = {"input": 1, "output": 2}
    path = config(tmp_path, params={"seed": 5, "top_k": 3}, price=price, api_key="k1234567")
    found = subject(config=path, target="a")
    assert [model.name for model in found.spec.models] == ["a"]
    sampling = found.candidate.target.sampling
    assert (sampling.seed, sampling.extra, found.deployment.api_key) == (5, {"top_k": 3}, "k1234567")
    assert found.secrets == ("k1234567",)
    assert subject(config=path, target="a", seed=9).candidate.target.sampling.seed == 9


def test_the_only_model_of_a_spec_needs_no_name(tmp_path):
    path = tmp_path / "one.yaml"
    path.write_text(yaml.safe_dump({"models": [{"name": "a", "endpoint": URL}]}))
    assert subject(config=str(path)).candidate.target.name == "a"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({}, "several models"),
        ({"target": "c"}, "no model `c`"),
        ({"target": "b"}, "is not running"),
        ({"target": "a", "base_url": URL}, "`base_url` stands in the `config`"),
        ({"target": "a", "stream": False}, "`stream` stands in the `config`"),
    ],
)
def test_a_spec_that_names_nobody_says_so(more, message, tmp_path):
    with pytest.raises(UsageError, match=message):
        subject(config=config(tmp_path), **more)


def test_every_argument_is_documented():
    text = PAGE.read_text(encoding="utf-8")
    assert [f.name for f in msgspec.structs.fields(Settings) if f"| `{f.name}` |" not in text] == []
