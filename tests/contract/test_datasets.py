import pytest

from bakeoff import plugins
from bakeoff.testing.contracts.datasets import check_dataset, check_missing_data

EXAMPLES = {
    "csv": ({"path": "data.csv"}, "input,answer\na,1\nb,2\n"),
    "jsonl": ({"path": "data.jsonl"}, '{"input": "a"}\n\n{"input": "b"}\n'),
    "synthetic": ({"prompt_tokens": {"mean": 20, "stddev": 5}}, None),
    "text": ({"path": "data.txt"}, "a\n\nb\n"),
}
FILES = [name for name, (_, content) in EXAMPLES.items() if content is not None]


def test_every_dataset_has_an_example():
    assert sorted(EXAMPLES) == plugins.names("datasets")


@pytest.mark.parametrize("name", EXAMPLES)
def test_it_keeps_the_contract_of_datasets(name, tmp_path):
    options, content = EXAMPLES[name]
    if content is not None:
        (tmp_path / options["path"]).write_text(content)
    check_dataset(plugins.create("datasets", name, options), tmp_path)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_and_an_empty_file_are_the_users_mistake(name, tmp_path):
    options, _ = EXAMPLES[name]
    dataset = plugins.create("datasets", name, options)
    check_missing_data(dataset, tmp_path)
    (tmp_path / options["path"]).write_text("")
    check_missing_data(dataset, tmp_path)
