"""A price book is read with its own lines, becomes part of the spec, and prices no name twice."""

from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from bakeoff.errors import SpecErrorGroup
from bakeoff.records import PriceBook
from bakeoff.spec import dump, load_stored_spec, schema

SPEC = """\
models:
  - name: a
    endpoint: http://127.0.0.1:8000/v1
prices: prices.yaml
"""
TWICE = """\
entries:
- {model: m, since: 2026-01-01, until: 2026-02-01, price: {}}
- {model: m, since: 2026-02-01, price: {}}
"""
BOOK = """\
source: https://example.com/pricing
entries:
  - model: m
    aliases: [m-2026-01-01]
    since: 2026-01-01
    until: 2026-06-30
    price:
      input: 1.25
      output: 10
      tiers: [{above: 200000, input: 2.50}]
      batch: {discount: 0.5}
  - model: m
    since: 2026-07-01
    price: {input: 1, output: 8}
"""


def test_a_book_is_read_from_where_the_spec_is(load, tmp_path):
    (tmp_path / "prices.yaml").write_text(BOOK)
    loaded = load(SPEC)
    book = loaded.spec.prices
    assert (book.file, book.source) == ("prices.yaml", "https://example.com/pricing")
    first, second = book.entries
    assert (first.names, first.since, first.until) == (("m", "m-2026-01-01"), "2026-01-01", "2026-06-30")
    assert (first.price.input, first.price.tiers[0].above) == (Decimal("1.25"), 200_000)
    assert first.price.batch is not None
    assert first.price.batch.discount == Decimal("0.5")
    assert second.price.output == 8
    assert loaded.origins["prices.entries[1].price.output"] == "prices.yaml:14"


def test_a_book_may_be_json_or_stand_in_the_spec(load, tmp_path):
    (tmp_path / "p.json").write_text('{"entries": [{"model": "m", "price": {"input": 1, "output": 2}}]}')
    from_file = load(SPEC.replace("prices.yaml", "p.json")).spec.prices
    inline = load(SPEC.replace("prices.yaml", "{entries: [{model: m, price: {input: 1, output: 2}}]}"))
    assert from_file.entries == inline.spec.prices.entries
    assert inline.spec.prices.file == ""


def test_without_a_book_there_is_an_empty_one(load):
    assert load(SPEC.replace("prices: prices.yaml\n", "")).spec.prices == PriceBook()
    assert load(SPEC.replace("prices.yaml", "")).spec.prices == PriceBook()


def test_the_run_keeps_its_book_when_the_file_is_gone(load, catalog, tmp_path):
    (tmp_path / "prices.yaml").write_text(BOOK)
    loaded = load(SPEC)
    stored = tmp_path / "stored.yaml"
    stored.write_text(dump(loaded))
    (tmp_path / "prices.yaml").unlink()
    assert load_stored_spec(stored, {}, base=tmp_path, catalog=catalog).spec == loaded.spec
    assert yaml.safe_load(stored.read_text())["prices"]["entries"][0]["price"]["input"] == "1.25"


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        ("entries: [{model: m}]", "prices.yaml:1", "missing required key `price`", ""),
        ("entries:\n- {model: m, price: {inptu: 1}}", "prices.yaml:2", "unknown key", "known: input"),
        ("entries:\n- {model: m, price: {input: -1}}", "prices.yaml:2", "a price is not negative", ""),
        (
            "entries:\n- {model: m, price: {models: {x: {output: -1}}}}",
            "prices.yaml:2",
            "prices.entries[0].price.models.x.output: a price is not negative",
            "",
        ),
        ("entries:\n- {model: m, since: soon, price: {}}", "prices.yaml:2", "`since: soon` is no day", ""),
        ("- 1", "prices.yaml:1", "the file must be a mapping of keys", "start with `entries:`"),
        ("", "prices.yaml:1", "the file is empty", "start with `entries:`"),
        ("entries: [", "prices.yaml:1", "", ""),
        (
            "entries:\n- {model: a, aliases: [m], price: {}}\n- {model: b, aliases: [n, m], price: {}}",
            "prices.yaml:3",
            "`m` has two prices at once: this entry and that of `a`",
            "part them by `since` and `until`",
        ),
        (
            TWICE,
            "prices.yaml:3",
            "that of `m` since 2026-01-01 until 2026-02-01",
            "",
        ),
    ],
)
def test_a_mistake_in_the_book_names_its_own_line(load, tmp_path, text, place, message, hint):
    (tmp_path / "prices.yaml").write_text(text)
    with pytest.raises(SpecErrorGroup) as caught:
        load(SPEC)
    (error,) = caught.value.errors
    assert error.where == place
    assert message in error.message
    assert hint in error.hint


@pytest.mark.parametrize(
    ("content", "problem"),
    [(None, "No such file"), (b"\xff\xfe\x00", "not UTF-8"), (b"#" * 10_000_001, "too large")],
)
def test_a_book_that_cannot_be_read_is_named_with_its_folder(load, tmp_path: Path, content, problem):
    if content is not None:
        (tmp_path / "prices.yaml").write_bytes(content)
    with pytest.raises(SpecErrorGroup) as caught:
        load(SPEC)
    (error,) = caught.value.errors
    assert error.where == "bakeoff.yaml:4"
    assert "the price book `prices.yaml` cannot be read" in error.message
    assert problem in error.message
    assert str(tmp_path) in error.hint


def test_one_name_may_stand_twice_in_one_entry(load, tmp_path):
    (tmp_path / "prices.yaml").write_text("entries: [{model: m, aliases: [m], price: {input: 1, output: 1}}]")
    assert load(SPEC).spec.prices.entries[0].names == ("m", "m")


def test_an_editor_is_told_of_both_forms():
    forms = schema()["properties"]["prices"] if "properties" in schema() else schema()["$defs"]["Spec"]
    forms = forms["properties"]["prices"] if "properties" in forms else forms
    assert {"type": "string"} in forms["anyOf"]
