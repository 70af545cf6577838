"""A case that asks for likelihoods is one sample, whatever calls it takes."""

import asyncio

import msgspec
import pytest
from tests.unit.engine.parts import ScriptClient, answer, lane, outgoing, refusal, sending

from bakeoff.engine.likelihood import Asking
from bakeoff.engine.send import Outgoing, send
from bakeoff.engine.turns import Writer
from bakeoff.errors import WireError
from bakeoff.extend import Ask
from bakeoff.outcomes import answer_outcome
from bakeoff.providers.openai_chat import OpenAIChat
from bakeoff.records import (
    Call,
    Case,
    Continuation,
    Exchange,
    Intent,
    Likelihood,
    Request,
    Response,
    Sample,
    Target,
    Usage,
)  # fmt: skip

PAIRS = tuple(Continuation(context="c", text=text) for text in (" x", " y"))


class TwoCalls(msgspec.Struct, frozen=True, kw_only=True):
    """Asks once for each text; `lost` of them come without a likelihood."""

    lost: int = 0
    raises: bool = False

    @property
    def form(self) -> str:
        return "likelihood"

    async def likelihood(self, request: Request, target: Target, ask: Ask) -> Response:
        if self.raises:
            raise LookupError("an index")
        found = [
            await ask(Call(path=f"/{pair.text}", body=target.name.encode())) for pair in request.continuations
        ]
        each = [Likelihood(logprob=-float(place), tokens=1) for place, _ in enumerate(found)]
        return Response(
            likelihoods=each[self.lost :], usage=Usage(prompt=7, counted_by="server"), model="served"
        )


def sample_of(client: ScriptClient, judge: TwoCalls | None = None, **how: object) -> Sample:
    one = lane(client, judge=judge or TwoCalls())
    intent = Intent(benchmark="b", case="c", target="t")
    out = Outgoing(intent=intent, request=Request(continuations=PAIRS), call=None)
    return asyncio.run(send(one, out, sending(**how), scheduled_at=90))


def test_all_calls_together_are_one_sample():
    client = ScriptClient(answer(at=100, connect_ns=7), answer(at=200))
    found = sample_of(client)
    assert [call.path for call in client.calls] == ["/ x", "/ y"]
    assert (found.outcome, found.text, found.status, found.error) == ("ok", "", 200, "")
    assert [each.logprob for each in found.likelihoods] == [0.0, -1.0]
    assert (found.sent_at, found.first_byte_at, found.done_at) == (100, 101, 203)
    assert (found.connect_ns, found.usage.prompt, found.model) == (7, 7, "served")
    assert (found.first_token_at, found.chunks, found.chunk_us) == (None, 0, None)


@pytest.mark.parametrize(
    ("reply", "error", "status"),
    [
        (refusal(404, b"no such model"), "http_404: HTTP 404: no such model", 404),
        (answer(broken="cut"), "cut: the connection was cut in the answer", 200),
        (WireError("dns", "no such host"), "dns: no such host", 200),
    ],
)
def test_one_failed_call_fails_the_sample(reply, error, status):
    found = sample_of(ScriptClient(answer(), reply))
    assert (found.outcome, found.error, found.status, found.likelihoods) == ("error", error, status, [])


def test_the_whole_sample_is_tried_again():
    client = ScriptClient(answer(), refusal(503, b"busy", retry_after_ms="1"), answer())
    found = sample_of(client, attempts=2)
    assert [call.path for call in client.calls] == ["/ x", "/ y", "/ x", "/ y"]
    assert (found.outcome, [each.kind for each in found.attempts]) == ("ok", ["http_503"])


def test_a_text_without_likelihood_is_no_answer():
    found = sample_of(ScriptClient(answer()), TwoCalls(lost=1))
    assert (found.outcome, found.error) == ("error", "bad_answer: 1 likelihoods came for 2 texts")


@pytest.mark.parametrize("lost", [0, 1])
def test_an_answer_that_cannot_be_used_is_asked_for_again_as_that_of_a_single_call(lost: int):
    class Once(OpenAIChat, frozen=True, kw_only=True):
        def decode(self, exchange: Exchange) -> Response:
            return Response(error="no JSON") if exchange.sent_at < 200 else super().decode(exchange)

    class First(TwoCalls, frozen=True, kw_only=True):
        async def likelihood(self, request: Request, target: Target, ask: Ask) -> Response:
            found = await super().likelihood(request, target, ask)
            first = len(client.calls) == 2
            if first and not lost:
                raise LookupError("no JSON")
            return msgspec.structs.replace(found, likelihoods=found.likelihoods[lost if first else 0 :])

    one = lane(ScriptClient(answer(at=100), answer("4", at=200)), provider=Once())
    single = asyncio.run(send(one, outgoing(one), sending(attempts=8), scheduled_at=90))
    client = ScriptClient(answer())
    found = sample_of(client, First(), attempts=8)
    assert len(client.calls) == 4
    assert (single.outcome, found.outcome) == ("ok", "ok")
    assert [each.kind for each in single.attempts] == [each.kind for each in found.attempts] == ["bad_answer"]


def test_a_provider_that_raises_spoils_one_sample_only():
    found = sample_of(ScriptClient(answer()), TwoCalls(raises=True), attempts=8)
    assert (found.outcome, found.status, found.sent_at) == ("error", None, None)
    assert found.attempts == [], "nothing was sent, so there is nothing to try again"
    assert found.error == "bad_answer: the answer cannot be decoded: LookupError: an index"


def test_a_call_that_never_came_back_leaves_what_came_before():
    async def work() -> None:
        asking = Asking(ScriptClient(answer(at=5, reconnects=1), answer(at=50)), lane(ScriptClient()).route)  # type: ignore[arg-type]
        assert asking.exchange is None
        await asking.ask(Call(path="/a"))
        await asking.ask(Call(path="/b"))
        assert asking.exchange is not None
        assert (asking.exchange.sent_at, asking.exchange.done_at, asking.exchange.reconnects) == (5, 53, 1)

    asyncio.run(work())


def test_likelihoods_are_a_whole_answer_without_text():
    assert answer_outcome(Response(), Request(continuations=PAIRS)) == "ok"
    assert answer_outcome(Response(), Request()) == "empty"


def test_a_case_with_continuations_has_no_call_of_its_own():
    one = lane(ScriptClient(), judge=TwoCalls())
    case = Case(id="c", continuations=PAIRS)
    out = Writer({"c": case}, one).opened([Intent(benchmark="b", case="c", target="t")])
    assert (out.call, out.request.continuations, out.request.stream) == (None, PAIRS, False)
