"""What every provider must do.

A third party writes `def test_mine(): check_provider(Mine(), answer)` with a whole answer of a real server
whose text is known, streamed or not.
"""

import itertools
from random import Random

import msgspec

from bakeoff.extend import Ask, LikelihoodProvider, Provider
from bakeoff.records import Call, Continuation, Exchange, Message, Request, Response, Sampling, Target

TARGET = Target(name="any", provider="contract", model="served-name")
REQUEST = Request(messages=(Message(role="user", content="Say hello."),), prompt="Say hello.")
HOSTILE = (
    b"",
    b"\x00",
    b"\xff\xfe",
    b"null",
    b"[]",
    b"{}",
    b"1",
    b'"text"',
    b"<html>busy</html>",
    b"data: [DONE]\n\n",
    b"data: {}\n\n",
    b"data: null\n\ndata: [[]]\n\n",
    b"event: error\ndata: {}\n\n",
    b'{"choices": 1}',
    b"[" * 100_000,
    b"data: " + b'{"a":' * 50_000,
)
_SAMPLINGS = (
    Sampling(temperature=0.25),
    Sampling(top_p=0.25),
    Sampling(max_tokens=25),
    Sampling(seed=25),
    Sampling(stop=("25",)),
    Sampling(extra={"of_my_own": 25}),
)


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A whole answer of a server, as the wire brought it, and the text that it holds."""

    exchange: Exchange
    text: str


def check_provider(provider: Provider, answer: Answer) -> None:
    """Assert the contract of the providers family on one provider."""
    assert provider.form in {"chat", "completion"}, "a provider sends `messages` or `prompt`"
    _check_encoding(provider)
    _check_answer(provider, answer)
    _check_cut_answer(provider, answer)
    for body in HOSTILE:
        for kind in ("text/event-stream", "application/json", ""):
            found = provider.decode(_with_body(answer.exchange, [body], {"content-type": kind}))
            assert found.error or not found.complete, f"{body[:40]!r} as {kind!r} is no answer"


async def check_likelihood_provider(provider: LikelihoodProvider, ask: Ask, exchange: Exchange) -> None:
    """Assert the contract of a provider that tells likelihoods.

    Args:
        provider: under test.
        ask: sends its calls to a server that it speaks with.
        exchange: any whole one, whose body is replaced by what no server should send.
    """
    assert provider.form == "likelihood", "it sends the continuations of a request"
    texts = (" one", " two three", ", four\n", ' "five" \u00e9\U0001f600')
    pairs = tuple(Continuation(context="Count: zero", text=text) for text in texts)
    found = await provider.likelihood(Request(continuations=pairs), TARGET, ask)
    assert found.error is None, found.error
    assert len(found.likelihoods) == len(pairs), "one for each text"
    assert all(each.logprob <= 0 and each.tokens > 0 for each in found.likelihoods), "of the text alone"
    back = await provider.likelihood(Request(continuations=pairs[::-1]), TARGET, ask)
    assert back.likelihoods == found.likelihoods[::-1], "in order, and of nothing else"
    bodies: list[bytes] = []

    async def listened(call: Call) -> Exchange:
        bodies.append(call.body)
        return await ask(call)

    sampling = Sampling(extra={"of_my_own": 25})
    await provider.likelihood(Request(continuations=pairs[:1], sampling=sampling), TARGET, listened)
    assert any(b"of_my_own" in body for body in bodies), "a field of the target's own is sent"
    assert any(TARGET.model.encode() in body for body in bodies), "the call names the model"
    for body in HOSTILE:

        async def hostile(call: Call, body: bytes = body) -> Exchange:
            del call
            return _with_body(exchange, [body])

        wrong = await provider.likelihood(Request(continuations=pairs[:1]), TARGET, hostile)
        assert (bool(wrong.error), wrong.likelihoods) == (True, []), f"{body[:40]!r} tells no likelihood"


def _check_encoding(provider: Provider) -> None:
    call = provider.encode(REQUEST, TARGET)
    assert call == provider.encode(REQUEST, TARGET), "the same request gives the same bytes"
    assert call.path.startswith("/"), "the path goes behind the endpoint"
    assert b"Say hello." in call.body, "the question is sent"
    renamed = msgspec.structs.replace(TARGET, model="another-name")
    assert provider.encode(REQUEST, renamed) != call, "the call names the model"
    bare = msgspec.structs.replace(REQUEST, sampling=Sampling(temperature=None, max_tokens=None))
    unset = provider.encode(bare, TARGET)
    for sampling in _SAMPLINGS:
        asked = msgspec.structs.replace(REQUEST, sampling=sampling)
        assert provider.encode(asked, TARGET) != unset, f"a parameter is sent or refused: {sampling}"
    whole = msgspec.structs.replace(REQUEST, stream=False)
    assert provider.encode(whole, TARGET) != call, "the call says whether the answer is streamed"


def _check_answer(provider: Provider, answer: Answer) -> None:
    exchange = answer.exchange
    found = provider.decode(exchange)
    assert found == provider.decode(exchange), "the same bytes give the same answer"
    assert (found.error, found.complete) == (None, True), "a whole answer is complete"
    assert found.text == answer.text, "the text is what the server said"
    times = found.chunk_times
    assert times == sorted(times), "times go up"
    assert set(times) <= set(exchange.stamps), "content came when its bytes came"
    if times:
        assert (found.first_token_at, found.last_token_at) == (times[0], times[-1])
        assert found.first_answer_at in times, "the answer proper starts with one of its events"
    else:
        assert found.first_token_at is None, "without events there is no first token"
    rng = Random(1)
    for _ in range(50):
        other = provider.decode(_recut(exchange, rng))
        assert _timeless(other) == _timeless(found), "the network may cut the bytes anywhere"
        assert len(other.chunk_times) == len(times), "how many events there were does not depend on the cuts"


def _check_cut_answer(provider: Provider, answer: Answer) -> None:
    """Assert that an answer of which the end is missing is a beginning of it, and says so where it can."""
    body = answer.exchange.body
    for end in range(len(body)):
        found = provider.decode(_with_body(answer.exchange, [body[:end]]))
        assert answer.text.startswith(found.text), "a broken answer holds what came"
        if found.complete and not found.error:
            assert found.text == answer.text, "an answer is complete only with all its text"


def _timeless(found: Response) -> Response:
    return msgspec.structs.replace(
        found, first_token_at=None, first_answer_at=None, last_token_at=None, chunk_times=[]
    )


def _recut(exchange: Exchange, rng: Random) -> Exchange:
    body = exchange.body
    at = sorted({0, len(body), *(rng.randrange(len(body)) for _ in range(rng.randrange(20)))})
    return _with_body(exchange, [body[low:high] for low, high in itertools.pairwise(at)])


def _with_body(exchange: Exchange, pieces: list[bytes], headers: dict[str, str] | None = None) -> Exchange:
    return msgspec.structs.replace(
        exchange,
        pieces=pieces,
        stamps=[exchange.done_at] * len(pieces),
        headers=exchange.headers if headers is None else headers,
    )
