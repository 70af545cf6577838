"""Configurations of other tools are written as a spec with its data."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from bakeoff.errors import DataError, SpecErrorGroup, UsageError
from bakeoff.run.adopting import adopt_files, is_configuration
from bakeoff.run.cards import card_of_file, cards_of_spec, write_cards
from bakeoff.spec import load_spec

PROMPTFOO = {
    "description": "mine",
    "prompts": ["Q {{q}} ${x}", {"raw": "P {{q}}", "label": "two"}],
    "providers": [
        {
            "id": "openai:chat:m",
            "config": {
                "apiBaseUrl": "http://127.0.0.1:9/v1",
                "apiKey": "sk-literal",
                "headers": {"X-Token": "t", "X-Plain": "p"},
            },
        }
    ],
    "tests": [
        {"vars": {"q": ["a", "b"]}, "assert": [{"type": "equals", "value": "file://v.txt"}]},
        {"vars": {"q": "c", "id": "same"}, "metadata": {"category": "k"}},
        {"vars": {"q": "d", "id": "same"}},
    ],
}
EVAL = {
    "object": "eval",
    "name": "Exported",
    "data_source_config": {"type": "custom"},
    "testing_criteria": [
        {
            "type": "string_check",
            "name": "eq",
            "input": "{{sample.output_text}}",
            "operation": "eq",
            "reference": "{{item.truth}}",
        }
    ],
}
RUN = {
    "object": "eval.run",
    "model": "gpt-x",
    "data_source": {
        "type": "completions",
        "model": "gpt-x",
        "input_messages": {"type": "template", "template": [{"role": "user", "content": "{{item.q}}"}]},
    },
}
NEMO = {
    "type": "custom",
    "name": "n",
    "tasks": {
        "qa": {
            "type": "chat-completion",
            "params": {"template": {"prompt": "{{item.q}}"}},
            "dataset": {"files_url": "file://rows.json"},
            "metrics": {"em": {"type": "em", "params": {"ground_truth": "{{item.truth}}"}}},
        }
    },
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "promptfooconfig.yaml").write_text(yaml.safe_dump(PROMPTFOO, sort_keys=False))
    (tmp_path / "v.txt").write_text("x")
    (tmp_path / "eval.json").write_text(json.dumps(EVAL))
    (tmp_path / "evals.json").write_text(json.dumps({"object": "list", "data": [EVAL, EVAL]}))
    (tmp_path / "run.json").write_text(json.dumps({"object": "list", "data": [RUN]}))
    (tmp_path / "nemo.json").write_text(json.dumps(NEMO))
    rows = [{"item": {"q": "1+1?", "truth": "2"}}, {"item": {"q": "2+2?", "truth": "4"}}]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "rows.json").write_text(json.dumps([row["item"] for row in rows]))
    (tmp_path / "rows.csv").write_text("q,truth\n1+1?,2\n")
    return tmp_path


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_promptfoo_tests_become_rows_and_keys_variables(folder):
    written = adopt_files([folder / "promptfooconfig.yaml"], folder / "out")
    assert written.tool == "promptfoo"
    assert [path.relative_to(folder).as_posix() for path in written.files] == [
        "out/bakeoff.yaml",
        "out/data/prompt-1.jsonl",
        "out/data/two.jsonl",
    ]
    text = written.spec.read_text()
    assert "sk-literal" not in text
    assert "${M_API_KEY}" in text
    assert len(written.notes) == 2
    spec = load_spec(written.spec, {"M_API_KEY": "k", "M_X_TOKEN": "t"}).spec
    assert spec.models[0].headers == {"X-Token": "t", "X-Plain": "p"}
    assert spec.benchmarks[0].prompt.template == "Q {{q}} ${x}"
    assert spec.benchmarks[0].fields.slices == ("__category",)
    assert spec.benchmarks[0].scorers[0].options["base"] == str(folder)
    rows = read(written.files[1])
    assert [row["q"] for row in rows] == ["a", "b", "c", "d"]
    assert len({row["__id"] for row in rows}) == 4


def test_its_cards_are_the_same_before_and_after(folder):
    written = adopt_files([folder / "promptfooconfig.yaml"], folder / "out")
    env = {"M_API_KEY": "k", "M_X_TOKEN": "t"}
    before = load_spec(folder / "promptfooconfig.yaml", env)
    after = load_spec(written.spec, env)
    pairs = zip(cards_of_spec(before.spec, before.base), cards_of_spec(after.spec, after.base), strict=True)
    assert all(
        one.questions == other.questions and one.duplicates == other.duplicates for one, other in pairs
    )


def test_an_export_of_openai_evals(folder):
    paths = [folder / name for name in ("eval.json", "run.json", "rows.jsonl")]
    assert is_configuration(paths)
    written = adopt_files(paths, folder / "out")
    spec = load_spec(written.spec, {"OPENAI_API_KEY": "k"}).spec
    assert [model.model for model in spec.models] == ["gpt-x"]
    assert spec.benchmarks[0].prompt.messages == [{"role": "user", "content": "{{q}}"}]
    assert read(folder / "out/data/items.jsonl")[1] == {"q": "2+2?", "truth": "4"}


def test_rows_of_an_eval_may_be_csv(folder):
    written = adopt_files([folder / "eval.json", folder / "rows.csv"], folder / "out")
    assert read(folder / "out/data/items.jsonl") == [{"q": "1+1?", "truth": "2"}]
    assert len(written.notes) == 2


@pytest.mark.parametrize("data", [[], ["rows.csv"]])
def test_nemo_with_its_data_beside_it_or_named(folder, data):
    written = adopt_files([folder / "nemo.json", *(folder / name for name in data)], folder / "out")
    assert written.tool == "NeMo Evaluator"
    assert read(folder / "out/data/qa.jsonl")[0] == {"q": "1+1?", "truth": "2"}


def test_nemo_data_that_is_elsewhere_has_to_be_named(folder):
    config = json.loads(json.dumps(NEMO).replace("file://rows.json", "hf://datasets/x/rows.jsonl"))
    (folder / "nemo.json").write_text(json.dumps(config))
    with pytest.raises(DataError, match="the data of the task `qa`") as caught:
        adopt_files([folder / "nemo.json"], folder / "out")
    assert "rows.jsonl" in caught.value.hint
    assert adopt_files(
        [folder / "nemo.json", folder / "rows.jsonl", folder / "rows.csv"], folder / "out"
    ).files


def test_the_router_toolkits_data_is_found_from_the_new_folder(folder):
    router = {
        "evaluation": {"dataset": "own.jsonl"},
        "endpoints": {
            "baseline": {"endpoint_url": "http://127.0.0.1:9/v1", "deployment_name": "m", "api_key": "k"}
        },
    }
    (folder / "router.yaml").write_text(yaml.safe_dump(router))
    (folder / "own.jsonl").write_text('{"prompt": "x"}\n')
    written = adopt_files([folder / "router.yaml"], folder / "deep" / "out")
    spec = load_spec(written.spec, {"BASELINE_API_KEY": "k"}).spec
    assert spec.benchmarks[0].dataset.options["path"] == "../../own.jsonl"


def test_the_folder_is_named_by_the_configuration(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert adopt_files([Path("eval.json"), Path("rows.jsonl")], None).spec == Path("Exported/bakeoff.yaml")
    assert adopt_files([Path("promptfooconfig.yaml")], None).spec == Path("promptfooconfig/bakeoff.yaml")


def test_nothing_is_overwritten(folder):
    adopt_files([folder / "eval.json", folder / "rows.jsonl"], folder / "out")
    with pytest.raises(UsageError, match="is there already"):
        adopt_files([folder / "eval.json", folder / "rows.jsonl"], folder / "out")


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["evals.json", "rows.jsonl"], "holds 2 evals"),
        (["eval.json", "nemo.json"], "one configuration is imported at a time"),
        (["run.json"], "one configuration is imported at a time"),
    ],
)
def test_what_is_not_one_configuration(folder, names, said):
    with pytest.raises(UsageError, match=said):
        adopt_files([folder / name for name in names], folder / "out")


def test_mistakes_are_told_as_for_a_spec(folder):
    (folder / "promptfooconfig.yaml").write_text(
        "prompts: [x]\nproviders: [anthropic:x]\ntests: [{vars: {a: b}}]\n"
    )
    with pytest.raises(SpecErrorGroup, match="anthropic:x"):
        adopt_files([folder / "promptfooconfig.yaml"], folder / "out")


def test_what_is_no_configuration(folder):
    (folder / "bakeoff.yaml").write_text("version: 1\nmodels: []\n")
    (folder / "broken.yaml").write_text("a: [")
    (folder / "broken.json").write_text("{")
    names = ["rows.jsonl", "rows.csv", "rows.json", "bakeoff.yaml", "broken.yaml", "broken.json", "gone.yaml"]
    assert not is_configuration([folder / name for name in names])


def test_cards_of_files_by_their_names(folder):
    card = card_of_file(folder / "rows.csv")
    assert (card.name, card.rows, card.source) == ("rows.csv", 1, "rows.csv")
    assert card_of_file(folder / "rows.json", "llama_stack").rows == 2
    (folder / "x.dat").write_text("a\n")
    with pytest.raises(UsageError, match="does not tell"):
        card_of_file(folder / "x.dat")


def test_cards_of_one_benchmark(folder):
    loaded = load_spec(folder / "promptfooconfig.yaml", {})
    assert [card.name for card in cards_of_spec(loaded.spec, loaded.base, "two")] == ["two"]
    with pytest.raises(UsageError, match="there is no benchmark `too`"):
        cards_of_spec(loaded.spec, loaded.base, "too")


def test_a_run_without_stored_cases_has_no_card(folder):
    loaded = load_spec(folder / "promptfooconfig.yaml", {})
    assert write_cards(folder, loaded.spec, {}) == []
    assert not (folder / "data.json").exists()
