import json
from random import Random

import pytest

from bakeoff.datasets.trace import Trace
from bakeoff.errors import DataError


@pytest.fixture
def cases(tmp_path):
    def reading(rows, seed=0, **options):
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (tmp_path / "t.jsonl").write_text(text)
        return list(Trace(path="t.jsonl", **options).cases(tmp_path, Random(seed)))

    return reading


def mooncake(length, blocks, output=20):
    return {"timestamp": 0, "input_length": length, "output_length": output, "hash_ids": blocks}


def words(case):
    return case.fields["prompt"].split(" ")


def common(a, b):
    return next((i for i, (x, y) in enumerate(zip(words(a), words(b), strict=False)) if x != y), None)


def test_prompts_have_the_lengths_of_the_trace(cases):
    found = cases([mooncake(1, [1]), mooncake(512, [1]), mooncake(513, [1, 2]), mooncake(1500, [7, 8, 9])])
    assert [len(words(case)) for case in found] == [1, 512, 513, 1500]
    assert [case.prompt_tokens for case in found] == [1, 512, 513, 1500]
    assert [case.id for case in found] == [f"trace-{n:06d}" for n in (1, 2, 3, 4)]


def test_equal_blocks_at_the_beginning_are_equal_text_and_the_rest_differs(cases):
    a, b, c = cases([mooncake(1300, [1, 2, 3]), mooncake(1400, [1, 2, 4]), mooncake(1400, [5, 2, 4])])
    assert 1024 <= common(a, b) < 1034
    assert common(a, c) < 10
    assert words(b)[512:] == words(c)[512:]


def test_the_size_of_a_block_is_an_option(cases):
    a, b = cases([mooncake(40, [1, 2]), mooncake(40, [1, 3])], block=20)
    assert 20 <= common(a, b) < 30


def test_tokens_without_a_block_and_requests_without_any_are_unique(cases):
    a, b, c, d = cases([mooncake(600, [1]), mooncake(600, [1]), mooncake(30, []), mooncake(30, [])])
    assert 512 <= common(a, b) < 515
    assert words(c)[:3] != words(d)[:3]


def test_answers_of_no_tokens_are_asked_for_as_one_and_unknown_ones_by_the_option(cases):
    rows = [{"at": 0, "prompt_tokens": 3, "output_tokens": 0}, {"at": 1, "prompt_tokens": 3}]
    assert [case.output_tokens for case in cases(rows)] == [1, None]
    assert [case.output_tokens for case in cases(rows, output_tokens=64)] == [1, 64]


def test_the_seed_changes_the_words_and_not_the_sharing(cases):
    rows = [mooncake(700, [1, 2]), mooncake(700, [1, 3])]
    one, two = cases(rows, seed=1), cases(rows, seed=2)
    assert one == cases(rows, seed=1)
    assert words(one[0]) != words(two[0])
    assert 512 <= common(*two) < 522


@pytest.mark.parametrize("row", [{"at": 2, "output_tokens": 5}, {"at": 2, "prompt_tokens": 0}])
def test_a_request_without_an_input_length_is_refused_by_its_line(cases, row):
    with pytest.raises(DataError, match="how long its input was") as caught:
        cases([{"at": 1, "prompt_tokens": 5}, row])
    assert caught.value.where.endswith("t.jsonl:2")
