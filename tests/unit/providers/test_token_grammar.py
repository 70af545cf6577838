"""Likelihoods by grammars of token literals, from a stand-in with a llama.cpp server's quirks."""

import asyncio
import re

import msgspec
import pytest
from tests.unit.providers.exchanges import whole

from bakeoff.providers.token_grammar import TokenGrammar
from bakeoff.records import Call, Continuation, Exchange, Likelihood, Request, Response, Sampling, Target

TARGET = Target(name="t", provider="token_grammar", model="m")
WORDS = ["The", " sky", " is", " blue", " bl", "ue", "a", b" \xc3", b"\xb1", "and", " is"]
COSTS = {3: -1.5, 4: -2.5, 5: -0.5, 7: -6.0, 8: -0.25, 9: -3.0, 6: -9.0, 2: -0.75}


class Llama:
    """Answers `/tokenize` from a table and obeys grammars."""

    def __init__(self, **texts: list[int]) -> None:
        self.texts = texts
        self.calls: list[Call] = []
        self.broken: object = None

    async def ask(self, call: Call) -> Exchange:
        self.calls.append(call)
        body = msgspec.json.decode(call.body)
        if call.path == "/tokenize":
            assert call.at_root
            return whole({"tokens": [_piece(token) for token in self.texts[body["content"]]]})
        if self.broken is not None:
            return whole(self.broken)
        ids = [int(number) for number in re.findall(r"<\[(\d+)\]>", body["grammar"])]
        assert body["max_tokens"] == len(ids)
        said = [_said(token, body["logprobs"]) for token in ids]
        usage = {"prompt_tokens": len(body["prompt"]), "completion_tokens": len(ids)}
        return whole({"choices": [{"logprobs": {"content": said}}], "usage": usage, "model": "served"})

    def judge(self, *texts: str, context: str = "The sky is") -> Response:
        pairs = tuple(Continuation(context=context, text=text) for text in texts)
        request = Request(continuations=pairs, sampling=Sampling(extra={"cache_prompt": False}))
        return asyncio.run(TokenGrammar().likelihood(request, TARGET, self.ask))


def _piece(token: int) -> dict[str, object]:
    word = WORDS[token]
    return {"id": token, "piece": word if isinstance(word, str) else list(word)}


def _said(token: int, count: int) -> dict[str, object]:
    ranked = sorted(COSTS, key=COSTS.__getitem__, reverse=True)[: count if count < 1000 else 4]
    listed = ranked if count < 1_000_000 else sorted(COSTS)
    tops = [
        {"id": each, "logprob": COSTS[each]} for each in sorted(listed, key=COSTS.__getitem__, reverse=True)
    ]
    return {"id": token, "logprob": COSTS[token], "top_logprobs": tops}


CONTEXT = {"The sky is": [0, 1, 2], "a": [6]}


def test_a_text_is_forced_in_one_call_and_costs_the_sum():
    llama = Llama(**CONTEXT, **{"The sky is blue": [0, 1, 2, 4, 5]})
    found = llama.judge(" blue")
    assert found.likelihoods == [Likelihood(logprob=-3.0, tokens=2, greedy=False)]
    assert (found.usage.prompt, found.usage.completion, found.model) == (3, 2, "served")
    body = msgspec.json.decode(llama.calls[-1].body)
    assert (body["prompt"], body["grammar"]) == ([0, 1, 2], "root ::= <[4]> <[5]>")
    assert (body["cache_prompt"], body["temperature"], body["stream"]) == (False, 0, False)


def test_a_context_is_tokenised_once():
    llama = Llama(**CONTEXT, **{"The sky is blue": [0, 1, 2, 3], "The sky is is": [0, 1, 2, 2]})
    found = llama.judge(" blue", " is", " blue")
    assert [each.logprob for each in found.likelihoods] == [-1.5, -0.75, -1.5]
    assert [call.path for call in llama.calls].count("/tokenize") == 4
    assert found.usage.prompt == 9


def test_a_token_on_both_sides_of_the_boundary_counts_to_the_text():
    llama = Llama(**CONTEXT, **{"The sky is blue": [0, 1, 3]})
    assert llama.judge(" blue").likelihoods == [Likelihood(logprob=-1.5, tokens=1, greedy=False)]


def test_tokens_that_end_within_a_character_are_looked_up():
    llama = Llama(**CONTEXT, **{"The sky is \u00f1and": [0, 1, 2, 7, 8, 9]})
    found = llama.judge(" \u00f1and")
    assert found.likelihoods == [Likelihood(logprob=-9.25, tokens=3, greedy=False)]
    asked = [msgspec.json.decode(call.body) for call in llama.calls if call.path == "/completions"]
    # Another token is forced meanwhile; what is not among the first thousand is looked for among all.
    assert [(each["grammar"], each["logprobs"], each["prompt"]) for each in asked] == [
        ("root ::= <[6]>", 1000, [0, 1, 2]),
        ("root ::= <[6]>", 1_000_000, [0, 1, 2]),
        ("root ::= <[6]>", 1000, [0, 1, 2, 7]),
        ("root ::= <[9]>", 1, [0, 1, 2, 7, 8]),
    ]


def test_a_token_that_is_never_listed_is_an_error(monkeypatch):
    monkeypatch.delitem(COSTS, 7)
    llama = Llama(**CONTEXT, **{"The sky is \u00f1": [0, 1, 2, 7, 8]})
    assert "not among those that the server lists" in str(llama.judge(" \u00f1").error)


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ({"choices": [{"logprobs": {"content": [{"id": 5, "logprob": -1.0}]}}]}, "grammars of tokens are"),
        ({"choices": [{"logprobs": {"content": []}}]}, "grammars of tokens are ignored"),
        ({"choices": [{"logprobs": {"tokens": [" blue"]}}]}, "grammars of tokens are ignored"),
        ({"choices": []}, "grammars of tokens are ignored"),
        ({"error": {"message": "busy"}}, "busy"),
        ({"choices": [{"logprobs": {"content": [{"id": 3, "logprob": 1e999}]}}]}, "decoded"),
        (b"{", "cannot be decoded"),
    ],
)  # fmt: skip
def test_what_is_no_likelihood_is_an_error(answer, problem):
    llama = Llama(**CONTEXT, **{"The sky is blue": [0, 1, 2, 3]})
    llama.broken = answer if answer != {} else None
    found = llama.judge(" blue")
    assert found.likelihoods == []
    assert problem in str(found.error)


def test_greedy_is_unknown_without_alternatives():
    llama = Llama(**CONTEXT, **{"The sky is blue": [0, 1, 2, 3]})
    llama.broken = {"choices": [{"logprobs": {"content": [{"id": 3, "logprob": -1.0}]}}]}
    assert llama.judge(" blue").likelihoods == [Likelihood(logprob=-1.0, tokens=1, greedy=None)]


@pytest.mark.parametrize("tokens", [[0, 1, 2], [3, 4]])
def test_a_text_needs_a_context_and_a_token_of_its_own(tokens):
    llama = Llama(**CONTEXT, **{"The sky is blue": tokens})
    assert "needs a context and at least one token" in str(llama.judge(" blue").error)


def test_an_answer_that_stops_within_the_text_says_what_may_be_wrong():
    llama = Llama(**CONTEXT, **{"The sky is blue": [0, 1, 2, 4, 5]})
    llama.broken = {"choices": [{"logprobs": {"content": [{"id": 4, "logprob": -1.0}]}}]}
    assert "stopped after 1 of 2 tokens: does the text fit" in str(llama.judge(" blue").error)
