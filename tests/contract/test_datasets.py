import sqlite3
from contextlib import closing

import pytest

from bakeoff import plugins
from bakeoff.testing.contracts.datasets import check_dataset, check_missing_data

CALL = (
    '{"messages": [{"role": "user", "content": "%s"}], '
    '"response": {"choices": [{"message": {"content": "x"}}]}}\n'
)
SPAN = (
    '{"name": "chat m", "attributes": {"gen_ai.operation.name": "chat", "gen_ai.input.messages": '
    '[{"role": "user", "parts": [{"type": "text", "content": "%s"}]}]}}\n'
)
EXAMPLES = {
    "csv": ({"path": "data.csv"}, "input,answer\na,1\nb,2\n"),
    "gateway": ({"path": "data.jsonl"}, CALL % "a" + CALL % "b"),
    "kit": ({"path": "data.jsonl"}, '{"prompt": "a"}\n\n{"prompt": "b", "more": 1}\n'),
    "llama_stack": (
        {"path": "data.json"},
        '{"data": [{"input_query": "a", "expected_answer": "1"}, {"input_query": "b"}], "has_more": false}',
    ),
    "otel": ({"path": "data.jsonl"}, SPAN % "a" + SPAN % "b"),
    "promptfoo": (
        {"path": "data.yaml"},
        "prompts: ['{{q}}']\nproviders: [echo]\ntests:\n  - vars: {q: [a, b]}\n  - vars: {q: c}\n",
    ),
    "sql": ({"url": "sqlite:///data.db?table=cases"}, None),
    "jsonl": ({"path": "data.jsonl"}, '{"input": "a"}\n\n{"input": "b"}\n'),
    "sharegpt": (
        {"path": "data.jsonl"},
        (
            '{"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]}\n\n'
            '{"conversations": [{"from": "user", "value": "c"}]}\n'
        ),
    ),
    "synthetic": ({"prompt_tokens": {"mean": 20, "stddev": 5}}, None),
    "text": ({"path": "data.txt"}, "a\n\nb\n"),
    "trace": (
        {"path": "data.jsonl"},
        (
            '{"timestamp": 0, "input_length": 700, "output_length": 5, "hash_ids": [1, 2]}\n\n'
            '{"timestamp": 9, "input_length": 700, "output_length": 0, "hash_ids": [1, 3]}\n'
        ),
    ),
}
FURTHER = [
    ("sharegpt", {"path": "data.jsonl", "turns": "history"}),
    ("sharegpt", {"path": "data.jsonl", "turns": "live", "think": {"mean": 3, "stddev": 2}}),
    ("synthetic", {"prompt_tokens": 2, "prefix": {"tokens": 9, "share": 0.5, "groups": 2}}),
    ("synthetic", {"prompt_tokens": 9, "images": {"width": 3, "height": 5}, "distinct": 4}),
    ("synthetic", {"turns": {"kind": "uniform", "min": 2, "max": 4}, "think": 1.5}),
]
FILES = [name for name, (_, content) in EXAMPLES.items() if content is not None]


def test_every_dataset_has_an_example():
    # A task of lm-eval is several files; it is checked beside its own tests.
    assert sorted({*EXAMPLES, "lm_eval"}) == plugins.names("datasets")


@pytest.mark.parametrize(
    ("name", "options"), [*((name, options) for name, (options, _) in EXAMPLES.items()), *FURTHER]
)
def test_it_keeps_the_contract_of_datasets(name, options, tmp_path):
    content = EXAMPLES[name][1]
    if content is not None:
        (tmp_path / options["path"]).write_text(content)
    if name == "sql":
        with closing(sqlite3.connect(tmp_path / "data.db")) as database:
            database.execute("CREATE TABLE cases (id TEXT, prompt TEXT)")
            database.execute("INSERT INTO cases VALUES ('1', 'a'), ('2', 'b')")
            database.commit()
    check_dataset(plugins.create("datasets", name, options), tmp_path)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_and_an_empty_file_are_the_users_mistake(name, tmp_path):
    options, _ = EXAMPLES[name]
    dataset = plugins.create("datasets", name, options)
    check_missing_data(dataset, tmp_path)
    (tmp_path / options["path"]).write_text("")
    check_missing_data(dataset, tmp_path)
