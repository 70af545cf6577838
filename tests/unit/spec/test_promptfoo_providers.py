"""Providers of promptfoo are models; what is not available is refused by name."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from tests.unit.spec.promptfoo_config import BASE, LOCAL, Config

from bakeoff.records import ModelSpec, Spec
from bakeoff.spec import load_spec


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(tmp_path)


@pytest.fixture
def spec(config: Config) -> Callable[..., Spec]:
    """Return a function from changes of the configuration to the spec."""
    return lambda *args, **changes: config.loaded(*args, **changes).spec


PROVIDERS = [
    {
        "id": "openai:chat:a",
        "label": "My A",
        "config": LOCAL | {"apiKey": "{{env.MY_KEY}}", "temperature": 0.3, "top_p": 0.9},
    },
    "openai:gpt-4o",
    "groq:llama",
    {
        "id": "openai:chat:c",
        "config": {"apiHost": "host.example.com", "apiKeyEnvar": "MY_KEY", "organization": "org"},
    },
    {
        "id": "http://127.0.0.1:8000/v1/chat/completions",
        "config": {
            "body": {
                "model": "vllm",
                "top_p": 0.1,
                "messages": [{"role": "user", "content": "{{prompt}}"}],
            },
            "headers": {"X-Key": "{{ env['MY_KEY'] }}"},
        },
    },
    {"id": "https", "config": {"url": "https://h.example.com/v1", "model": "m"}},
    "file://one.yaml",
    {"id": "file://many.json"},
    {"openai:chat:d": {"config": LOCAL | {"max_tokens": 5, "passthrough": {"top_k": 3}, "seed": None}}},
    {"id": "openai:chat:o3-mini", "config": {"max_completion_tokens": 9}},
    {"id": "openai:chat:other", "config": {"max_completion_tokens": 9}},
    {"openai:chat:bare": None},
]
FILES = {
    "one.yaml": yaml.safe_dump({"id": "openai:chat:filed", "config": LOCAL | {"apiKey": "123"}}),
    "many.json": json.dumps([{"id": "openai:chat:listed", "config": LOCAL}]),
}


@pytest.fixture
def models(spec) -> dict[str, ModelSpec]:
    return {model.name: model for model in spec(FILES, providers=PROVIDERS).models}


def test_every_form_of_a_provider_is_a_model(models):
    names = ["My-A", "gpt-4o", "llama", "c", "vllm", "m", "filed", "listed", "d", "o3-mini", "other", "bare"]
    assert list(models) == names


def test_addresses_and_keys(models):
    assert models["My-A"].api_key == "mine"
    assert (models["llama"].endpoint, models["llama"].api_key) == ("https://api.groq.com/openai/v1", "g")
    assert (models["c"].endpoint, models["c"].api_key) == ("https://host.example.com/v1", "mine")
    assert models["c"].headers == {"OpenAI-Organization": "org"}
    assert (models["vllm"].endpoint, models["vllm"].headers) == (
        "http://127.0.0.1:8000/v1",
        {"X-Key": "mine"},
    )
    assert models["m"].endpoint == "https://h.example.com/v1"
    assert (models["filed"].endpoint, models["filed"].api_key) == (LOCAL["apiBaseUrl"], "123")


def test_parameters_with_promptfoos_own_defaults(models):
    assert models["My-A"].params == {"temperature": 0.3, "top_p": 0.9, "max_tokens": 1024}
    assert models["vllm"].params == {"top_p": 0.1, "max_tokens": 1024, "temperature": 0.0}
    assert models["d"].params == {"max_tokens": 5, "top_k": 3, "temperature": 0.0}
    assert models["o3-mini"].params == {"max_completion_tokens": 9, "max_tokens": None, "temperature": None}
    assert models["other"].params == {"max_completion_tokens": 9, "max_tokens": None, "temperature": 0.0}


def test_equal_labels_are_told_apart(spec):
    provider = {"id": "openai:chat:a", "config": LOCAL}
    assert [model.name for model in spec(providers=[provider, provider, provider]).models] == [
        "a",
        "a-2",
        "a-3",
    ]


def test_completion_providers_get_the_text_as_it_stands(spec):
    (benchmark,) = spec(providers=[{"id": "openai:completion:b", "config": LOCAL}]).benchmarks
    assert benchmark.prompt.template is None
    assert benchmark.prompt.example == "Say {{greeting}} to {{name}}{{answer}}"
    assert benchmark.prompt.form == "completion"


def test_own_variables_stand_in_the_configuration(tmp_path):
    env = {"OPENAI_API_KEY": "own", "OPENAI_BASE_URL": "http://127.0.0.1:7/v1", "HOST": "h.example.com"}
    providers = [
        "openai:chat:a",
        {"id": "openai:chat:b", "config": {"apiBaseUrl": "https://{{env.HOST}}/v1"}},
    ]
    path = tmp_path / "promptfooconfig.yaml"
    path.write_text(yaml.safe_dump(BASE | {"providers": providers, "env": env}))
    first, second = load_spec(path, {}).spec.models
    assert (first.endpoint, first.api_key) == ("http://127.0.0.1:7/v1", "own")
    assert (second.endpoint, second.api_key) == ("https://h.example.com/v1", "own")


def test_a_provider_may_be_asked_some_prompts_only(spec):
    providers = [
        {"id": "openai:chat:a", "prompts": ["one"]},
        {"id": "openai:chat:b", "prompts": "gro*"},
        "openai:chat:c",
    ]
    prompts = [{"raw": "1 {{name}}", "label": "one"}, {"raw": "2 {{name}}", "label": "group:x"}]
    found = spec(providers=providers, prompts=prompts).benchmarks
    assert [b.models for b in found] == [["a", "c"], ["b", "c"]]
    only = spec(providers=providers[:1], prompts=prompts).benchmarks
    assert [b.name for b in only] == ["one"]


REFUSED = [
    (
        {"providers": ["anthropic:messages:x"]},
        "5 providers: the provider `anthropic:messages:x` is not available here",
    ),
    (
        {"providers": ["openai:embedding:x"]},
        "5 providers: the provider `openai:embedding:x` is not available here",
    ),
    ({"providers": ["openai:"]}, "5 providers: the provider `openai:` is not available here"),
    ({"providers": ["openai:chat:"]}, "5 providers: the provider `openai:chat:` names no model"),
    ({"providers": ["exec: x.py"]}, "the provider `exec: x.py` is not available here"),
    ({"providers": ["file://p.py"]}, "the provider `file://p.py` is a program"),
    ({"providers": ["file://gone.yaml"]}, "the file `file://gone.yaml` cannot be read"),
    ({"providers": [["x"]]}, "a provider is an id or a mapping with `id`, not a list"),
    ({"providers": ["http://127.0.0.1:1/v1"]}, "does not say which model it asks"),
    (
        {
            "providers": [
                {"id": "http://h.example.com/v1", "config": {"body": {"model": "m", "messages": ["x"]}}}
            ]
        },
        "`messages` of a body other than the prompt",
    ),
    (
        {
            "providers": [
                {"id": "http://h.example.com/v1", "config": {"model": "m", "transformResponse": "json.x"}}
            ]
        },
        "`transformResponse` other than",
    ),
    (
        {"providers": [{"id": "openai:chat:a", "transform": "x"}]},
        "`transform` of a provider is not available here",
    ),
    (
        {"providers": [{"id": "openai:chat:a", "config": {"mcp": {}}}]},
        "`mcp` of a provider's config is not available",
    ),
    (
        {"providers": [{"id": "openai:chat:a", "config": {"tools": "file://t.json"}}]},
        "`tools` in a file of its own",
    ),
    ({"providers": ["openai:chat:a", "openai:completion:b"]}, "some speak `openai:completion:`"),
    ({"prompts": ["{{ name | dump }}"]}, "3 prompts: the prompt `{{ name | dump }}` has the filter `dump`"),
    ({"prompts": ["file://gone.txt"]}, "3 prompts: there is no file `gone.txt`"),
    ({"prompts": ["file://p.py:fn"]}, "is a program"),
    ({"prompts": ["langfuse://x"]}, "is made elsewhere"),
    ({"prompts": [3]}, "a prompt is a text or"),
    ({"prompts": [{"raw": "x", "config": {"a": 1}}]}, "`config` of a prompt is not available here"),
    (
        {"prompts": ['[{"role": "user"{% if a %}}]']},
        "a conversation that is JSON or YAML only after it was filled in",
    ),
    ({"prompts": ["- role: user\n  content: {{name}}"]}, "a conversation that is JSON or YAML only after"),
    ({"prompts": ['[{"role": "user", "content": "x", "name": "n"}]']}, "a turn with `name`"),
    ({"prompts": ['[{"role": "user", "content": 3}]']}, "a turn without content"),
    ({"prompts": ["[1, 2]"]}, "a list that is no conversation"),
    (
        {"tests": [{"vars": {"greeting": True, "name": "x"}}]},
        "prints `greeting`, which is true or false in a test (line ",
    ),
    (
        {"tests": [{"vars": {"greeting": {"a": 1}, "name": "x"}}]},
        "prints `greeting`, which is a list or a mapping",
    ),
    ({"tests": ["gone.csv"]}, "tests: there is no file `gone.csv`"),
    (
        {"nunjucksFilters": {"a": "b.js"}},
        "nunjucksFilters: `nunjucksFilters` of promptfoo is not available here",
    ),
    (
        {"evaluateOptions": {"delay": 100}},
        "evaluateOptions.delay: `delay` of promptfoo is not available here",
    ),
    (
        {"commandLineOptions": {"filterFirstN": 3}},
        "commandLineOptions.filterFirstN: `filterFirstN` of promptfoo",
    ),
]


@pytest.mark.parametrize(("changes", "said"), REFUSED)
def test_what_is_not_available_is_refused_by_name_and_line(config, changes, said):
    assert any(said in error for error in config.refused(**changes)), config.refused(**changes)


def test_files_of_prompts_that_cannot_be_read(config, tmp_path):
    (tmp_path / "bad.txt").write_bytes(b"\xff\xfe\xff")
    (tmp_path / "p.html").write_text("x")
    errors = config.refused(prompts=["bad.txt", "file://p.html"])
    assert any("cannot be read: no UTF-8 text" in error for error in errors)
    assert any("prompts cannot be read from `p.html`" in error for error in errors)


def test_a_conversation_takes_neither_completion_nor_prefix(config):
    chat = ['[{"role": "user", "content": "{{name}}"}]']
    tests = [{"vars": {"name": "x"}, "options": {"prefix": "p"}}]
    completion = {"id": "openai:completion:b", "config": LOCAL}
    assert any(
        "which `prefix` and `suffix` cannot take" in e for e in config.refused(prompts=chat, tests=tests)
    )
    assert any(
        "which `openai:completion:` cannot take" in e
        for e in config.refused(prompts=chat, providers=[completion])
    )


def test_an_unset_key_is_told_as_ever(config):
    assert any("`OPENAI_API_KEY` is not set" in error for error in config.refused(keys={}))
