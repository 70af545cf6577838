"""Token counts in the spellings of servers and gateways."""

import pytest
from tests.unit.providers.exchanges import stream

from bakeoff.providers.openai_chat import OpenAIChat
from bakeoff.records import Usage

CHAT = OpenAIChat()
ANSWER = {"choices": [{"index": 0, "delta": {"content": "x"}}]}
STOP = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}


@pytest.mark.parametrize(
    "told",
    [
        {"prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 3}},
        {"cache_read_input_tokens": 4, "cache_creation_input_tokens": 3},
        {
            "prompt_tokens_details": {"cached_tokens": 4},
            "cache_read_input_tokens": 9,
            "cache_creation_input_tokens": 3,
        },
    ],
)
def test_tokens_written_to_a_cache_are_kept_in_either_spelling(told):
    usage = {"prompt_tokens": 10, "completion_tokens": 7} | told
    found = CHAT.decode(stream(ANSWER | {"usage": usage}, STOP))
    assert found.usage == Usage(prompt=10, completion=7, cached=4, cache_write=3, counted_by="server")
    assert "usage" not in found.extra
