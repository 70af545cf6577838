"""The kit's prompts, Llama Stack's rows, databases, and JSON files with the lines of their entries."""

import json
import sqlite3
import sys
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bakeoff import plugins
from bakeoff.datasets._json import read_items
from bakeoff.datasets.kit import KitPrompts
from bakeoff.datasets.llama_stack import LlamaStack
from bakeoff.datasets.sql import SqlRows, _plain
from bakeoff.errors import DataError, PluginError
from bakeoff.records import Case

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def kit(folder: Path, text: str) -> list[Case]:
    (folder / "p.jsonl").write_text(text)
    return list(KitPrompts(path="p.jsonl").cases(folder, Random(1)))


def test_a_prompt_of_the_kit_may_come_with_a_picture(tmp_path):
    (tmp_path / "a.png").write_bytes(b"x")
    plain, seen = kit(tmp_path, '{"prompt": "a", "more": 1}\n{"prompt": "b", "image_path": "a.png"}\n')
    assert plain.fields == {"prompt": "a", "more": 1}
    assert plain.messages == ()
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,eA=="}}
    assert seen.messages[0].content == [{"type": "text", "text": "b"}, picture]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"text": "a"}', "has no text under `prompt`"),
        ('{"prompt": 3}', "has no text under `prompt`"),
        ('{"prompt": "a", "image_path": "gone.png"}', "the picture `gone.png` cannot be read"),
        ("", "holds no rows"),
    ],
)
def test_a_wrong_row_of_the_kit_is_named(tmp_path, text, said):
    with pytest.raises(DataError, match=said):
        kit(tmp_path, text)


ROWS = [
    {"input_query": "2+2?", "expected_answer": "4"},
    {"chat_completion_input": '[{"role": "user", "content": "hi"}]', "expected_answer": "hello"},
    {"completion_input": '"once"', "expected_answer": "upon"},
    {"completion_input": '{"content": "x"}', "input": "own"},
]
STACKED: dict[str, Any] = {
    "rows": "\n".join(json.dumps(row) for row in ROWS),
    "list": json.dumps(ROWS, indent=1),
    "registered": json.dumps({"purpose": "eval/question-answer", "source": {"type": "rows", "rows": ROWS}}),
    "listed": json.dumps({"data": ROWS, "has_more": False}),
}


def stack(folder: Path, text: str, name: str = "d.json") -> list[Case]:
    (folder / name).write_text(text)
    return list(LlamaStack(path=name).cases(folder, Random(1)))


@pytest.mark.parametrize("form", STACKED)
def test_rows_of_llama_stack_in_every_form(tmp_path, form):
    first, second, third, fourth = stack(tmp_path, STACKED[form])
    assert first.fields["input"] == "2+2?"
    assert [case.reference for case in (first, second, third, fourth)] == ["4", "hello", "upon", None]
    assert [(turn.role, turn.content) for turn in second.messages] == [("user", "hi")]
    assert third.fields["input"] == '"once"'
    assert fourth.fields["input"] == "own"


def test_a_text_of_llama_stack_is_completed_as_it_stands_and_graded_where_it_ends(tmp_path):
    rows = [{"completion_input": {"content": " Once "}}, {"completion_input": "upon"}, {"input_query": "a"}]
    (tmp_path / "d.json").write_text(json.dumps(rows))
    cases = list(LlamaStack(path="d.json", output_tokens=7).cases(tmp_path, Random(1)))
    assert [case.prompt for case in cases] == [" Once ", "upon", None]
    assert [case.output_tokens for case in cases] == [7, 7, 7]
    assert [case.output_tokens for case in stack(tmp_path, json.dumps(rows))] == [None, None, None]


def test_rows_at_a_uri(tmp_path):
    (tmp_path / "rows.csv").write_text("input_query,expected_answer\na,1\n")
    (tmp_path / "rows.jsonl").write_text('{"completion_input": "{\\"k\\": 1}"}\n')
    uris = {
        "rows.csv": "a",
        "file://rows.jsonl": '{"k":1}',
        "data:text/csv;base64,aW5wdXRfcXVlcnkKYgo=": "b",
        'data:application/json,[{"input_query": "c"}]': "c",
        'data:application/json,{"input_query": "d"}': "d",
        'data:application/jsonl,{"input_query":"e"}%0A{"input_query":"f"}': "e",
    }
    for uri, asked in uris.items():
        assert (
            stack(tmp_path, json.dumps({"source": {"type": "uri", "uri": uri}}))[0].fields["input"] == asked
        )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"source": {"uri": "https://example.com/x"}}', "lies outside this machine"),
        ('{"source": {}}', "neither `rows` nor `uri`"),
        ('{"source": {"uri": "data:text/csv;base64,!"}}', "cannot be read"),
        ('{"source": {"uri": "data:application/json,{x"}}', "is no JSON"),
        ('{"chat_completion_input": "[3]"}', "`chat_completion_input` cannot be read"),
        ("[]", "holds no rows"),
        ("[3]", "is a JSON int"),
    ],
)
def test_wrong_rows_of_llama_stack(tmp_path, text, said):
    with pytest.raises(DataError, match=said):
        stack(tmp_path, text)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "my data.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "CREATE TABLE prompts (id TEXT, prompt TEXT, ground_truth TEXT, metadata TEXT, raw BLOB)"
        )
        rows = [("1", "a", "x", '{"k": [1]}', b"ab"), ("2", "b", None, "{broken", None)]
        connection.executemany("INSERT INTO prompts VALUES (?, ?, ?, ?, ?)", rows)
        connection.commit()
    return tmp_path


def rows(base: Path, **options: Any) -> list[dict[str, Any]]:
    return [case.fields for case in SqlRows(**options).cases(base, Random(1))]


FIRST = {"id": "1", "prompt": "a", "ground_truth": "x", "metadata": {"k": [1]}, "raw": "ab"}


@pytest.mark.parametrize(
    "url", ["sqlite:///my%20data.db?table=prompts", "sqlite+pysqlite:///{base}/my data.db?table=prompts"]
)
def test_a_table_by_both_ways(database, url):
    first, second = rows(database, url=url.replace("{base}", str(database)))
    assert first == FIRST
    assert second["metadata"] == "{broken"


def test_a_query_and_a_named_table(database):
    url = "sqlite:///my data.db"
    assert rows(database, url=url, query="SELECT prompt FROM prompts ORDER BY id DESC") == [
        {"prompt": "b"},
        {"prompt": "a"},
    ]
    assert rows(database, url=url, table="prompts")[0] == FIRST


def test_the_file_cannot_be_changed(database):
    with pytest.raises(DataError, match="readonly"):
        rows(database, url="sqlite:///my data.db", query="DELETE FROM prompts")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"url": "sqlite:///gone.db?table=x"}, "there is no such file"),
        ({"url": "sqlite:///my data.db"}, "neither `table` nor `query`"),
        ({"url": "sqlite:///my data.db?table=a;b"}, "is no name of a table"),
        ({"url": "sqlite:///my data.db", "table": "nowhere"}, "the query failed: no such table"),
        ({"url": "sqlite:///my data.db", "query": "SELECT 1 WHERE 0"}, "gives no row"),
        ({"url": "sqlite+pysqlite:///gone/x.db", "table": "a"}, "the database cannot be read"),
        ({"url": "nosuch://u:secret@h/x", "table": "a"}, "the database cannot be read"),
    ],
)
def test_a_wrong_query_is_the_users_mistake(database, options, said):
    with pytest.raises(DataError, match=said) as caught:
        rows(database, **options)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("options", [{"table": "a", "query": "b"}, {"table": "a b"}])
def test_wrong_options_are_refused_when_made(options):
    with pytest.raises(PluginError):
        plugins.create("datasets", "sql", {"url": "sqlite:///x.db", **options})


def test_another_database_names_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    with pytest.raises(PluginError, match="sqlalchemy") as caught:
        rows(tmp_path, url="postgresql://h/x", table="a")
    assert caught.value.hint == "from the clone: `.venv/bin/pip install -c constraints.txt '.[sql]'`"


def test_values_of_databases_become_json():
    assert _plain("a", Decimal("3.00")) == 3
    assert _plain("a", Decimal("2.5")) == 2.5
    assert _plain("a", object).startswith("<class")


@given(st.lists(JSON, max_size=4), st.sampled_from([None, 1, 3]), st.booleans())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_entries_come_back_with_their_lines(tmp_path, values, indent, lines):
    path = tmp_path / "x.json"
    if lines:
        values = [{"row": value} for value in values]
        path.write_text("\n".join(json.dumps(value) for value in values))
    else:
        path.write_text(json.dumps(values, indent=indent))
    found = list(read_items(path))
    assert [item.value for item in found] == values
    text = path.read_text().split("\n")
    assert all(text[item.line - 1].strip() for item in found)
    if lines:
        assert [item.line for item in found] == list(range(1, len(values) + 1))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('[{"a": 1},\n{"a": }]', 2),
        ("[1,\n2", 2),
        ("[1]\n2", 1),
        ('{"a": NaN}', 1),
        ("x", 1),
        ('{"a":\n\n"b}', 3),
    ],
)
def test_broken_json_names_its_line(tmp_path, text, line):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(DataError, match="is no JSON") as caught:
        list(read_items(tmp_path / "x.json"))
    assert caught.value.where.endswith(f"x.json:{line}")
