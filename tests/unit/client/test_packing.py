"""A spec file made ready for another machine: complete, with its data, without its secrets."""

from pathlib import Path

import pytest

from bakeoff.client import packing
from bakeoff.client.narrowing import narrowed
from bakeoff.client.packing import Packed, pack, pack_file
from bakeoff.errors import SpecErrorGroup, UsageError
from bakeoff.run.select import selected
from bakeoff.spec import load_named, load_spec

MODEL = "models: [{name: m, endpoint: 'http://127.0.0.1:1/v1', model: m%s}]\n"


def packed(tmp_path: Path, benchmarks: str, model: str = "", more: str = "") -> Packed:
    path = tmp_path / "bakeoff.yaml"
    path.write_text(MODEL % model + f"benchmarks: [{benchmarks}]\n" + more, encoding="utf-8")
    return pack(load_spec(path, {"VISIBLE": "v"}, for_requests=False))


def rows(path: Path, text: str = '{"input": "a"}\n') -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_data_lie_with_the_job_under_names_of_their_own(tmp_path: Path):
    rows(tmp_path / "one" / "Fragen ä.jsonl", "1")
    rows(tmp_path / "two" / "Fragen ä.jsonl", "2")
    found = packed(
        tmp_path,
        "{name: a, dataset: 'one/Fragen ä.jsonl'}, {name: b, dataset: 'two/Fragen ä.jsonl'}, "
        "{name: c, dataset: 'one/Fragen ä.jsonl'}",
    )
    assert [each["dataset"]["path"] for each in found.document["benchmarks"]] == [
        "datasets/Fragen--.jsonl",
        "datasets/2-Fragen--.jsonl",
        "datasets/Fragen--.jsonl",
    ]
    assert found.files == {"datasets/Fragen--.jsonl": b"1", "datasets/2-Fragen--.jsonl": b"2"}


def test_what_makes_its_own_data_needs_no_file(tmp_path: Path):
    found = packed(tmp_path, "{name: a, limit: 3, synthetic: {prompt_tokens: 8, output_tokens: 8}}")
    assert found.files == {}
    assert found.document["benchmarks"][0]["dataset"]["type"] == "synthetic"


def test_secrets_stay_names_and_other_variables_are_filled_in(tmp_path: Path):
    rows(tmp_path / "rows.jsonl")
    found = packed(tmp_path, "{name: a, dataset: rows.jsonl}", ", api_key: '${KEY}', engine: '${VISIBLE}'")
    model = found.document["models"][0]
    assert (model["api_key"], model["engine"]) == ("${KEY}", "v")


def test_a_written_secret_is_not_sent(tmp_path: Path):
    rows(tmp_path / "rows.jsonl")
    with pytest.raises(UsageError, match=r"models\[0\].api_key: a secret is written out"):
        packed(tmp_path, "{name: a, dataset: rows.jsonl}", ", api_key: sk-planted")
    with pytest.raises(UsageError, match="headers") as caught:
        packed(tmp_path, "{name: a, dataset: rows.jsonl}", ", headers: {Authorization: planted}")
    assert "planted" not in str(caught.value)


def test_the_price_book_is_sent_without_its_file(tmp_path: Path):
    rows(tmp_path / "rows.jsonl")
    (tmp_path / "prices.yaml").write_text(
        "entries: [{model: m, price: {input: 1, output: 2}}]\n", encoding="utf-8"
    )
    found = packed(tmp_path, "{name: a, dataset: rows.jsonl}", more="prices: prices.yaml\n")
    assert found.document["prices"]["file"] == ""
    assert found.document["prices"]["entries"]


def test_data_that_are_too_large_are_to_be_uploaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(packing, "_MOST_BYTES", 10)
    rows(tmp_path / "rows.jsonl")
    with pytest.raises(UsageError, match="15 bytes; at most 10") as caught:
        packed(tmp_path, "{name: a, dataset: rows.jsonl}")
    assert "type: stored" in caught.value.hint


def test_data_that_are_gone_are_named(tmp_path: Path):
    path = rows(tmp_path / "rows.jsonl")
    (tmp_path / "bakeoff.yaml").write_text(MODEL % "" + "benchmarks: [{name: a, dataset: rows.jsonl}]\n")
    loaded = load_spec(tmp_path / "bakeoff.yaml", {}, for_requests=False)
    path.unlink()
    with pytest.raises(UsageError, match="cannot be read") as caught:
        pack(loaded)
    assert caught.value.where == str(path)


def sent(tmp_path: Path, text: str, **asked: str) -> Packed:
    path = tmp_path / "bakeoff.yaml"
    path.write_text(text, encoding="utf-8")
    named = load_named(path, {"VISIBLE": "v"})
    assert named is not None
    return pack(narrowed(named, **asked))


NAMING = """\
models: [registered, {name: own, endpoint: 'http://127.0.0.1:1/v1', model: m, api_key: '${KEY}'}]
benchmarks:
  - basics
  - polite@2
  - {name: kept, dataset: {type: stored, name: cases}, scorers: [contains], models: [registered]}
  - {name: mine, dataset: rows.jsonl, prompt: 'q ${VISIBLE} $${NOT}: {{input}}', models: [own]}
decide: {incumbent: registered, quality: {metric: polite.accuracy}, race: {look: 20}}
"""


def test_names_of_things_at_the_service_pass(tmp_path: Path):
    rows(tmp_path / "rows.jsonl", "1")
    found = sent(tmp_path, NAMING)
    assert found.document["models"][0] == "registered"
    assert found.document["models"][1]["api_key"] == "${KEY}"
    assert found.document["benchmarks"][:2] == ["basics", "polite@2"]
    assert found.document["benchmarks"][2]["dataset"] == {"type": "stored", "name": "cases"}
    mine = found.document["benchmarks"][3]
    assert mine["dataset"] == {"type": "jsonl", "path": "datasets/rows.jsonl"}
    assert mine["prompt"] == {"template": "q v $${NOT}: {{input}}"}
    assert found.files == {"datasets/rows.jsonl": b"1"}


def test_a_file_that_names_nothing_is_read_in_full(tmp_path: Path):
    rows(tmp_path / "rows.jsonl")
    path = tmp_path / "bakeoff.yaml"
    path.write_text(MODEL % "" + "benchmarks: [{name: a, dataset: rows.jsonl}]\n", encoding="utf-8")
    assert load_named(path, {}) is None
    assert pack_file(path, {}).document["error_tolerance"] == 0.05


def test_a_part_of_a_spec_with_names_is_sent(tmp_path: Path):
    rows(tmp_path / "rows.jsonl", "1")
    only = sent(tmp_path, NAMING, benchmarks="basics", race="anytime").document
    assert only["benchmarks"] == ["basics"]
    assert only["decide"] == {
        "incumbent": "registered",
        "quality": {},
        "race": {"look": 20, "method": "anytime"},
    }
    own = sent(tmp_path, NAMING, models="own", race="off").document
    assert [each["name"] for each in own["models"]] == ["own"]
    assert [each if isinstance(each, str) else each["name"] for each in own["benchmarks"]] == [
        "basics",
        "polite@2",
        "mine",
    ]
    assert own["decide"] == {"quality": {"metric": "polite.accuracy"}, "race": False}
    with pytest.raises(UsageError, match="no benchmark `basic`") as caught:
        sent(tmp_path, NAMING, benchmarks="basic")
    assert caught.value.hint == "it has: basics, polite, kept, mine"


def test_a_written_secret_is_not_sent_beside_names_either(tmp_path: Path):
    text = NAMING.replace("'${KEY}'", "sk-planted")
    rows(tmp_path / "rows.jsonl")
    with pytest.raises(UsageError, match=r"models\[1\].api_key: a secret is written out") as caught:
        sent(tmp_path, text)
    assert "planted" not in str(caught.value)
    with pytest.raises(UsageError, match=r"models\[0\].api_key: a secret is written out"):
        sent(tmp_path, text, models="own")


def test_a_part_of_a_full_spec_is_looked_at_for_secrets_too(tmp_path: Path):
    rows(tmp_path / "rows.jsonl")
    path = tmp_path / "bakeoff.yaml"
    path.write_text(
        "models: [{name: m, endpoint: 'http://127.0.0.1:1/v1', model: m},"
        " {name: n, endpoint: 'http://127.0.0.1:1/v1', model: n, api_key: planted}]\n"
        "benchmarks: [{name: a, dataset: rows.jsonl}]\n",
        encoding="utf-8",
    )
    loaded = load_spec(path, {}, for_requests=False)
    assert pack(selected(loaded, models="m")).document["models"][0]["name"] == "m"
    with pytest.raises(UsageError, match=r"models\[0\].api_key"):
        pack(selected(loaded, models="n"))


def test_mistakes_beside_names_are_told_before_anything_is_sent(tmp_path: Path):
    with pytest.raises(SpecErrorGroup, match="does not tell the type"):
        sent(tmp_path, "models: [a]\nbenchmarks: [{name: b, dataset: rows.what}]\n")
    with pytest.raises(UsageError, match="cannot be read"):
        sent(tmp_path, "models: [a]\nbenchmarks: [{name: b, dataset: gone.jsonl}]\n")
