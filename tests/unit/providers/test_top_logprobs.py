"""The alternatives of each token, in the forms in which servers send them."""

import pytest
from tests.unit.providers.exchanges import stream, whole

from bakeoff.providers.openai_chat import OpenAIChat
from bakeoff.providers.openai_completions import OpenAICompletions

CONTENT = {
    "content": [
        {
            "token": "B",
            "logprob": -0.5,
            "top_logprobs": [{"token": "B", "logprob": -0.5}, {"token": " A", "logprob": -1.25}],
        }
    ]
}
COLUMNS = {"tokens": ["B"], "token_logprobs": [-0.5], "top_logprobs": [{"B": -0.5, " A": -1.25}]}
FOUND = [{"B": -0.5, " A": -1.25}]


def chat(logprobs):
    return {"choices": [{"message": {"content": "B"}, "logprobs": logprobs, "finish_reason": "length"}]}


def text(logprobs):
    return {"choices": [{"text": "B", "logprobs": logprobs, "finish_reason": "length"}]}


def test_a_chat_answer_has_alternatives():
    assert OpenAIChat().decode(whole(chat(CONTENT))).top_logprobs == FOUND
    event = {"choices": [{"delta": {"content": "B"}, "logprobs": CONTENT}]}
    assert OpenAIChat().decode(stream(event, event)).top_logprobs == FOUND * 2


@pytest.mark.parametrize("logprobs", [CONTENT, COLUMNS], ids=["llama.cpp", "vllm"])
def test_a_completion_has_alternatives(logprobs):
    assert OpenAICompletions().decode(whole(text(logprobs))).top_logprobs == FOUND
    assert OpenAICompletions().decode(stream(text(logprobs))).top_logprobs == FOUND


@pytest.mark.parametrize(
    "logprobs",
    [
        None,
        1,
        [],
        {"content": None},
        {"content": [None, 3]},
        {"content": [{"token": "B", "logprob": -1.0, "top_logprobs": []}]},
        {"content": [{"token": "B", "top_logprobs": [{"token": "B", "logprob": None}]}]},
        {"top_logprobs": [None, {}]},
        {"top_logprobs": [{"B": "high"}]},
    ],
)
def test_answers_without_alternatives_have_none(logprobs):
    for provider, body in ((OpenAIChat(), chat(logprobs)), (OpenAICompletions(), text(logprobs))):
        found = provider.decode(whole(body))
        assert (found.text, found.top_logprobs, found.error) == ("B", [], None)


def test_of_tokens_that_are_written_alike_the_likeliest_counts():
    tops = [{"token": "\ufffd", "logprob": -1.0}, {"token": "\ufffd", "logprob": -2.0}]
    found = OpenAIChat().decode(whole(chat({"content": [{"token": "\ufffd", "top_logprobs": tops}]})))
    assert found.top_logprobs == [{"\ufffd": -1.0}]
