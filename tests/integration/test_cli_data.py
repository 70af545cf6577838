"""`data card`, `import` of configurations, and runs of other tools' configurations as they stand."""

import json
from pathlib import Path
from typing import Any

import yaml
from tests.integration.commands import call

from bakeoff.testing.truth import TruthProcess

SUMS = [{"a": str(n), "b": str(n % 7), "sum": str(n + n % 7)} for n in range(24)]


def promptfoo(folder: Path, url: str, **changes: Any) -> None:
    tests = [
        {"vars": {"a": row["a"], "b": row["b"]}, "assert": [{"type": "contains", "value": row["sum"]}]}
        for row in SUMS
    ]
    config = {
        "description": "sums",
        "prompts": ["What is {{a}} + {{b}}?"],
        "providers": [
            {"id": f"openai:chat:{name}", "config": {"apiBaseUrl": url, "apiKey": "k"}}
            for name in ("good", "poor")
        ],
        "defaultTest": {"assert": [{"type": "not-contains", "value": "nonsense"}]},
        "tests": tests,
    }
    (folder / "promptfooconfig.yaml").write_text(yaml.safe_dump(config | changes, sort_keys=False))


def accuracy(document: Any, metric: str) -> dict[str, float]:
    return {target["name"]: target["metrics"][metric]["value"] for target in document["targets"]}


def test_a_promptfoo_configuration_runs_as_it_stands(sums_server: TruthProcess, tmp_path: Path) -> None:
    promptfoo(tmp_path, sums_server.url)
    done = call("run", "promptfooconfig.yaml", "--json", "--quiet", cwd=tmp_path)
    assert done.code == 0, done.err
    found = accuracy(done.document(), "tests.accuracy")
    assert found["good"] == 1.0
    assert found["poor"] < 0.9
    report = next((tmp_path / "runs").iterdir()) / "report"
    (card,) = json.loads((report / "data.json").read_bytes())["data"]
    assert (card["name"], card["rows"]) == ("tests", 24)
    assert "## tests" in (report / "data.md").read_text()


def test_what_is_imported_measures_the_same(sums_server: TruthProcess, tmp_path: Path) -> None:
    promptfoo(tmp_path, sums_server.url)
    done = call("import", "promptfooconfig.yaml", "--into", "ours", cwd=tmp_path)
    assert done.code == 0, done.err
    assert done.out.splitlines() == [
        "wrote ours/bakeoff.yaml",
        "wrote ours/data/tests.jsonl",
        "next: bakeoff run ours/bakeoff.yaml",
    ]
    env = {"GOOD_API_KEY": "k", "POOR_API_KEY": "k"}
    again = call("run", "ours/bakeoff.yaml", "--json", "--quiet", cwd=tmp_path, env=env)
    assert again.code == 0, again.err
    assert accuracy(again.document(), "tests.accuracy")["good"] == 1.0


def test_an_openai_eval_is_imported_with_one_command(sums_server: TruthProcess, tmp_path: Path) -> None:
    criterion = {
        "type": "string_check",
        "name": "right",
        "input": "{{sample.output_text}}",
        "operation": "ilike",
        "reference": "{{item.sum}}",
    }
    evaluation = {"object": "eval", "name": "sums", "data_source_config": {}, "testing_criteria": [criterion]}
    template = [{"role": "user", "content": "What is {{item.a}} + {{item.b}}?"}]
    source = {"model": "good", "input_messages": {"type": "template", "template": template}}
    (tmp_path / "eval.json").write_text(json.dumps(evaluation))
    (tmp_path / "run.json").write_text(json.dumps({"object": "eval.run", "data_source": source}))
    (tmp_path / "data.jsonl").write_text("".join(json.dumps({"item": row}) + "\n" for row in SUMS))
    done = call("import", "eval.json", "run.json", "data.jsonl", "--json", cwd=tmp_path)
    assert done.code == 0, done.err
    assert done.document()["tool"] == "OpenAI Evals"
    spec = tmp_path / "sums" / "bakeoff.yaml"
    spec.write_text(spec.read_text().replace("https://api.openai.com/v1", sums_server.url))
    run = call("run", spec, "--json", "--quiet", cwd=tmp_path, env={"OPENAI_API_KEY": "k"})
    assert run.code == 0, run.err
    assert accuracy(run.document(), "items.right") == {"good": 1.0}


def test_cards_of_a_file_and_of_a_spec(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("input,reference\na,1\nA!,2\n")
    done = call("data", "card", "own.csv", cwd=tmp_path)
    assert done.code == 0, done.err
    assert "2 rows, sha256 `" in done.out
    assert "1 of 2 rows ask what an earlier row asks" in done.out
    promptfoo(tmp_path, "http://127.0.0.1:9/v1")
    document = call(
        "data", "card", "promptfooconfig.yaml", "--benchmark", "tests", "--json", cwd=tmp_path
    ).document()
    assert [card["rows"] for card in document["data"]] == [24]
    typed = call("data", "card", "own.csv", "--type", "text", "--json", cwd=tmp_path).document()
    assert typed["data"][0]["rows"] == 3


def test_a_bad_row_of_a_test_names_file_line_and_fix(tmp_path: Path) -> None:
    promptfoo(tmp_path, "http://127.0.0.1:9/v1", tests="file://t.csv")
    (tmp_path / "t.csv").write_text("a,b,__config:__expected:weight\n1,2,3\n")
    done = call("run", "promptfooconfig.yaml", cwd=tmp_path)
    assert done.code == 2
    assert "t.csv:2: " in done.err
    assert "hint: write `__config:__expected:threshold`" in done.err


def test_a_judged_assertion_is_refused_with_its_line(tmp_path: Path) -> None:
    tests = [{"vars": {"a": "1", "b": "2"}, "assert": [{"type": "llm-rubric", "value": "kind"}]}]
    promptfoo(tmp_path, "http://127.0.0.1:9/v1", tests=tests)
    done = call("config", "validate", "promptfooconfig.yaml", cwd=tmp_path)
    assert done.code == 2
    assert "llm-rubric" in done.err
    assert "promptfooconfig.yaml:" in done.err


def test_notes_of_an_import_go_to_stderr(tmp_path: Path) -> None:
    (tmp_path / "eval.json").write_text(
        json.dumps({"name": "e", "data_source_config": {}, "testing_criteria": []})
    )
    (tmp_path / "rows.jsonl").write_text('{"item": {"query": "x"}}\n')
    done = call("import", "eval.json", "rows.jsonl", cwd=tmp_path)
    assert done.code == 0, done.err
    assert done.err.count("note: ") == 2
