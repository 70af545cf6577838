import gzip

import pytest

from bakeoff.errors import DataError
from bakeoff.traces import TraceRow, read_trace


@pytest.fixture
def read(tmp_path):
    def reading(text, name="t.jsonl"):
        path = tmp_path / name
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
        return list(read_trace(path))

    return reading


def row(at_ns, line, prompt=None, output=None, blocks=()):
    return TraceRow(at_ns=at_ns, prompt_tokens=prompt, output_tokens=output, blocks=blocks, line=line)


def test_the_mooncake_form_is_in_milliseconds(read):
    text = '{"timestamp": 1000, "input_length": 6758, "output_length": 500, "hash_ids": [0, 1]}\n'
    text += '{"timestamp": 1003, "input_length": 7, "output_length": 0, "hash_ids": []}\n'
    assert read(text) == [row(0, 1, 6758, 500, (0, 1)), row(3_000_000, 2, 7, 0)]


@pytest.mark.parametrize("name", ["timestamp", "at"])
def test_the_plain_form_is_in_seconds_and_may_lack_lengths(read, name):
    text = f'{{"{name}": 1700000000.25, "prompt_tokens": 3}}\n\n{{"{name}": 1700000001, "output_tokens": 4}}'
    assert read(text) == [row(0, 1, prompt=3), row(750_000_000, 3, output=4)]


def test_other_fields_and_compression_are_no_obstacle(read):
    assert read('{"at": 0, "model": {"a": 1}}', "t.jsonl.gz") == [row(0, 1)]


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ('{"at": 1}\n{"at": 0.5}', 2, "came before"),
        ('{"at": 1}\n{"prompt_tokens": 5}', 2, "neither `timestamp` nor `at`"),
        ('{"at": 1, "timestamp": 1}', 1, "both"),
        ('{"at": 1}\n{"timestamp": 2, "input_length": 5}', 2, "other form"),
        ('{"at": 1}\n\n{"at": "2026-01-01"}', 3, "no line of a trace"),
        ('{"at": 1, "prompt_tokens": -5}', 1, "no line of a trace"),
        ("[1, 2]", 1, "no line of a trace"),
        ('{"at": 1', 1, "no line of a trace"),
    ],
)
def test_a_line_that_is_wrong_is_named(read, text, line, says):
    with pytest.raises(DataError, match=says) as caught:
        read(text)
    assert caught.value.where.endswith(f"t.jsonl:{line}")
    assert caught.value.hint
