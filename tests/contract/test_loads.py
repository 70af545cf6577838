import pytest

from bakeoff import plugins
from bakeoff.testing.contracts.loads import check_load, check_missing_data

EXAMPLES = {
    "concurrent": {"concurrency": 3},
    "constant": {"rate": 3},
    "gamma": {"rate": 20, "shape": 0.2},
    "poisson": {"rate": 700.5},
    "ramp": {"from": 1, "to": 30, "over": 10},
    "search": {"start": 4},
    "sequential": {},
    "steps": {"steps": [{"rate": 2, "seconds": 3}, {"rate": 50, "requests": 20}]},
    "sweep": {"steps": 3},
    "throughput": {},
    "trace": {"path": "trace.jsonl", "speed": 3},
}
FURTHER = [
    ("gamma", {"rate": 20, "shape": 50}),
    ("ramp", {"from": 30, "to": 0.5, "over": 10, "arrivals": "poisson"}),
    ("steps", {"steps": [{"rate": 9, "seconds": 0.1}], "arrivals": "poisson"}),
]
FILES = ["trace"]
TRACE = """{"timestamp": 500, "input_length": 600, "output_length": 9, "hash_ids": [1, 2]}

{"timestamp": 500, "input_length": 100, "output_length": 9, "hash_ids": [3]}
{"timestamp": 733, "input_length": 600, "output_length": 9, "hash_ids": [1, 4]}
"""


def test_every_load_has_an_example():
    assert sorted(EXAMPLES) == plugins.names("loads")


@pytest.mark.parametrize(("name", "options"), [*EXAMPLES.items(), *FURTHER])
def test_it_keeps_the_contract_of_loads(name, options, tmp_path):
    (tmp_path / "trace.jsonl").write_text(TRACE)
    check_load(plugins.create("loads", name, placed(options, tmp_path)))


@pytest.mark.parametrize("name", FILES)
def test_a_missing_and_an_empty_file_are_the_users_mistake(name, tmp_path):
    load = plugins.create("loads", name, placed(EXAMPLES[name], tmp_path))
    check_missing_data(load)
    (tmp_path / "trace.jsonl").write_text("\n")
    check_missing_data(load)


def placed(options, base):
    """Return the options as the spec gives them to a load: with the path made absolute."""
    return {key: str(base / value) if key == "path" else value for key, value in options.items()}
