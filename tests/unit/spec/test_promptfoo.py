"""A promptfoo configuration is a spec as it stands."""

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from tests.unit.spec.promptfoo_config import KEYS, Config

from bakeoff.records import Spec
from bakeoff.spec import dump, load_spec


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(tmp_path)


@pytest.fixture
def spec(config: Config) -> Callable[..., Spec]:
    """Return a function from changes of the configuration to the spec."""
    return lambda *args, **changes: config.loaded(*args, **changes).spec


def test_prompts_tests_and_providers_become_a_bake_off(spec):
    found = spec()
    assert found.name == "My-first-eval"
    (model,) = found.models
    assert (model.name, model.endpoint, model.model, model.api_key) == (
        "gpt-4o",
        "https://api.openai.com/v1",
        "gpt-4o",
        "sk-1",
    )
    assert model.params == {"max_tokens": 1024, "temperature": 0.0}
    (benchmark,) = found.benchmarks
    assert benchmark.name == "tests"
    assert benchmark.dataset.options == {"path": "promptfooconfig.yaml", "key": "", "prompt": None}
    assert benchmark.prompt.template == "Say {{greeting}} to {{name}}"
    assert benchmark.prompt.form == "chat"
    assert [scorer.type for scorer in benchmark.scorers] == ["assertions"]
    assert (benchmark.load.kind, benchmark.load.options) == ("concurrent", {"concurrency": 4})


def test_what_is_stored_loads_again_without_a_secret(config, tmp_path):
    first = config.loaded(prompts=["${x} {{greeting}} {{name}}"])
    assert "sk-1" not in dump(first)
    path = tmp_path / "stored.yaml"
    path.write_text(dump(first))
    assert load_spec(path, KEYS).spec == first.spec


def test_tests_without_assertions_have_no_scorer(spec):
    assert spec(tests=[{"vars": {"greeting": "a", "name": "b"}}]).benchmarks[0].scorers == []


def test_each_prompt_is_a_benchmark(spec):
    files = {
        "two.txt": "One {{name}}\n\n---\nTwo {{greeting}}\n",
        "chat.json": json.dumps(
            [{"role": "system", "content": "s"}, {"role": "user", "content": "{{name}}"}]
        ),
        "chat.yaml": "- role: user\n  content: '{{greeting}}'\n",
        "many.jsonl": '[{"role": "user", "content": "l1"}]\n\nplain\n',
        "page.md": "# {{name}}\n",
        "no chat.json": '{"a": "{{name}}"}',
    }
    prompts = [
        "file://two.txt",
        {"id": "chat.json", "label": "chat"},
        "file://chat.yaml",
        "many.jsonl",
        {"raw": "Own {{name}}", "label": "chat"},
        "*.md",
        "file://no chat.json",
    ]
    found = spec(files, prompts=prompts).benchmarks
    assert [b.name for b in found] == [
        "two.txt-One-name",
        "two.txt-Two-greeting",
        "chat",
        "chat.yaml",
        "many.jsonl-1",
        "many.jsonl-2",
        "chat-7",
        "page.md",
        "no-chat.json",
    ]
    assert [b.prompt.template for b in found] == [
        "One {{name}}",
        "Two {{greeting}}",
        None,
        None,
        None,
        "plain",
        "Own {{name}}",
        "# {{name}}\n",
        '{"a": "{{name}}"}',
    ]
    assert found[2].prompt.messages == [
        {"role": "system", "content": "s"},
        {"role": "user", "content": "{{name}}"},
    ]
    assert found[3].prompt.messages == [{"role": "user", "content": "{{greeting}}"}]
    assert found[2].dataset.options["prompt"] == "chat"


def test_prompts_may_be_a_mapping_of_files_to_labels(spec):
    (found,) = spec({"p.txt": "Hi {{name}}"}, prompts={"p.txt": "mine"}).benchmarks
    assert found.name == "mine-p.txt-Hi-name"


def test_yaml_between_the_lines_is_a_conversation(spec):
    (found,) = spec(
        prompts=[
            (
                "- role: user\n  content: 'a {{name}}'\n- role: assistant\n  content: '1'\n"
                "- role: user\n  content: c"
            )
        ]
    ).benchmarks
    assert [turn["content"] for turn in found.prompt.messages] == ["a {{name}}", "1", "c"]


def test_options_of_the_evaluation(spec):
    found = spec(
        evaluateOptions={"maxConcurrency": 2, "repeat": 3, "timeoutMs": 5000, "cache": False, "delay": 0}
    )
    assert found.benchmarks[0].repeats == 3
    assert found.benchmarks[0].load.options == {"concurrency": 2}
    assert found.timeout.total == 5.0


def test_prefixes_stand_around_the_prompt(spec):
    tests = [{"vars": {"greeting": "a", "name": "b"}, "options": {"prefix": "P ", "suffix": " S"}}]
    assert (
        spec(tests=tests).benchmarks[0].prompt.template
        == "{{__prefix}}Say {{greeting}} to {{name}}{{__suffix}}"
    )


def test_targets_are_providers_too(spec):
    assert spec(providers=None, targets=["openai:chat:a"]).models[0].name == "a"


def test_plain_values_of_turns_stay_texts(spec):
    (benchmark,) = spec(
        prompts=['[{"role": "user", "content": [{"type": "text", "text": "12", "n": 3}]}]']
    ).benchmarks
    assert msgspec.to_builtins(benchmark.prompt.messages) == [
        {"role": "user", "content": [{"type": "text", "text": "12", "n": 3}]}
    ]
