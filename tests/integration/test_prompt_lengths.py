"""Asked input lengths are reached by what the server counted before."""

from collections.abc import Iterator

import pytest
from tests.integration.prompt_counts import asked_and_counted, cases, counter, misses

from bakeoff.testing.truth import TruthProcess

TEMPLATE = "you are a very helpful assistant indeed"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with TruthProcess(max_seconds=120) as server:
        yield server.port


@pytest.mark.parametrize(
    "options",
    [
        {"prompt_tokens": 40},
        {"prompt_tokens": {"mean": 300, "stddev": 90, "min": 20}},
        {"prompt_tokens": 200, "prefix": {"tokens": 150, "share": 0.5}},
    ],
)
def test_all_prompts_after_the_first_have_the_asked_length(port, options):
    found = asked_and_counted(cases(12, **options), counter(port, "/v1/chat/completions", system=TEMPLATE))
    assert found[0][1] - found[0][0] == len(TEMPLATE.split())
    assert all(tokens == asked for asked, tokens in found[1:])


def test_without_overhead_the_first_prompt_is_right_too(port):
    found = asked_and_counted(cases(3, prompt_tokens=64), counter(port, "/v1/completions"))
    assert misses(found) == []
