"""`config show`, `schema` and `validate`."""

from pathlib import Path

import msgspec
import pytest
from tests.integration.commands import call, start, write_sums

URL = "http://127.0.0.1:9/v1"


def test_show_tells_where_each_value_comes_from(tmp_path: Path) -> None:
    models = [{"name": "m", "endpoint": "${SUMS_URL}", "api_key": "${SUMS_KEY}"}]
    write_sums(tmp_path, URL, models=models)
    (tmp_path / ".env").write_text("SUMS_KEY=not-to-be-seen\n")
    env = {"SUMS_URL": URL, "BAKEOFF_SEED": "7"}
    done = call("config", "show", "--json", cwd=tmp_path, env=env)
    found = {one["path"]: (one["value"], one["origin"]) for one in done.document()["settings"]}
    assert found["models[0].name"] == ("m", "bakeoff.yaml:4")
    assert found["models[0].endpoint"] == (URL, "env SUMS_URL")
    assert found["models[0].api_key"] == ("***", ".env (SUMS_KEY)")
    assert found["seed"] == (7, "env BAKEOFF_SEED")
    assert found["error_tolerance"] == (0.05, "default")
    plain = call("config", "show", cwd=tmp_path, env=env)
    assert "not-to-be-seen" not in done.out + done.err + plain.out + plain.err
    assert "env SUMS_URL" in plain.out


def test_schema_is_a_json_schema(tmp_path: Path) -> None:
    found = call("config", "schema", cwd=tmp_path).document()
    assert found["title"] == "bakeoff.yaml"
    assert {"models", "benchmarks", "decide"} <= set(found["$defs"]["Spec"]["properties"])


def test_validate_accepts_and_counts(tmp_path: Path) -> None:
    write_sums(tmp_path, URL, cases=5)
    done = call("config", "validate", cwd=tmp_path)
    assert done.code == 0
    assert "good, poor" in done.out
    assert "sums (5 cases)" in done.out


@pytest.mark.parametrize("form", ["auto", "completion"])
def test_validate_finds_a_template_that_asks_for_what_no_row_has(tmp_path: Path, form: str) -> None:
    prompt = {"template": "{{inptu}}", "form": form}
    sums = {"name": "sums", "dataset": "cases.jsonl", "prompt": prompt, "scorers": ["numeric"]}
    write_sums(tmp_path, URL, benchmarks=[sums])
    done = call("config", "validate", cwd=tmp_path)
    assert (done.code, done.out) == (2, "")
    assert "asks for `inptu`" in done.err
    assert "Did you mean `input`?" in done.err


def test_validate_lists_all_mistakes(tmp_path: Path) -> None:
    write_sums(tmp_path, "nonsense", modles=[], seed="many")
    done = call("config", "validate", cwd=tmp_path)
    assert done.code == 2
    assert done.out == ""
    assert done.err.count("error: bakeoff.yaml:") == 4
    assert "Did you mean `models`?" in done.err


def test_validate_tells_mistakes_as_json(tmp_path: Path) -> None:
    write_sums(tmp_path, "nonsense", seed="many")
    done = call("config", "validate", "--json", cwd=tmp_path)
    assert (done.code, done.out) == (2, "")
    told = msgspec.json.decode(done.err)
    assert told["exit_code"] == 2
    assert len(told["errors"]) == 3
    assert {"error", "where", "hint"} <= set(told["errors"][0])


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    process = start("config", "schema", cwd=tmp_path)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert (process.wait(timeout=30), process.stderr.read()) == (0, "")
    process.stderr.close()
