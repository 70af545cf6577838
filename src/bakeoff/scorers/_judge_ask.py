"""Ask a judge: one conversation, tried again where that helps, and what it took."""

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import msgspec

from bakeoff import plugins
from bakeoff.errors import WireError
from bakeoff.extend import Provider
from bakeoff.outcomes import Failure, answer_failure, answer_outcome, status_failure, wire_failure
from bakeoff.prices import usd
from bakeoff.records import (
    Call,
    Judgement,
    Message,
    Price,
    Request,
    Response,
    Sample,
    Sampling,
    Target,
    TimeoutSpec,
)
from bakeoff.wire import Client, Route, make_route

_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 30.0
_WHY = {
    "truncated": "it hit its token limit before it ended; raise `sampling.max_tokens`",
    "empty": "it said nothing",
    "refused": "it refused to judge",
    "filtered": "a content filter stopped it",
}


class Asking(msgspec.Struct, frozen=True, kw_only=True):
    """Whom to ask, and how."""

    endpoint: str
    model: str
    api_key: str | None
    sampling: Sampling
    timeout: float
    attempts: int
    price: Price | None


async def ask(how: Asking, messages: Sequence[Message]) -> Judgement:
    """Return what the judge said; `error` tells where it said nothing whole."""
    headers = {"Authorization": f"Bearer {how.api_key}"} if how.api_key else {}
    route = make_route(how.endpoint, headers=headers)
    provider = cast("Provider", plugins.create("providers", "openai_chat", {}))
    target = Target(name=how.model, provider="openai_chat", model=how.model)
    request = Request(messages=tuple(messages), sampling=how.sampling, stream=False)
    limits = TimeoutSpec(first_byte=how.timeout, stream=how.timeout, total=how.timeout)
    try:
        call = provider.encode(request, target)
    except (UnicodeEncodeError, TypeError, ValueError) as error:
        return Judgement(model=how.model, tries=0, error=f"the prompt cannot be sent: {error}")
    async with Client(timeouts=limits, kernel_stamps=False) as client:
        tries = 0
        while True:
            tries += 1
            failure, response = await _once(client, route, call, provider)
            if failure is None or not failure.retry or tries >= how.attempts:
                break
            await asyncio.sleep(_wait(failure, tries))
    return _judgement(how, request, response, failure, tries)


async def _once(
    client: Client, route: Route, call: Call, provider: Provider
) -> tuple[Failure | None, Response]:
    try:
        exchange = await client.exchange(route, call)
    except WireError as error:
        return wire_failure(error), Response()
    if exchange.status != 200:
        return status_failure(exchange), Response()
    response = provider.decode(exchange)
    return answer_failure(exchange, response), response


def _wait(failure: Failure, tries: int) -> float:
    if failure.wait_s is not None:
        return min(failure.wait_s, _LONGEST_WAIT_S)
    return min(_FIRST_WAIT_S * 2.0 ** (tries - 1), _LONGEST_WAIT_S)


def _judgement(
    how: Asking, request: Request, response: Response, failure: Failure | None, tries: int
) -> Judgement:
    outcome = "error" if failure is not None else answer_outcome(response, request)
    error = "" if failure is None else f"{failure.kind}: {_masked(failure.message, how.api_key)}"
    sample = Sample(
        benchmark="", case="", target="", outcome=outcome, usage=response.usage, model=response.model
    )
    return Judgement(
        model=how.model,
        answered_by=response.model,
        text=_masked(response.text, how.api_key),
        usage=response.usage,
        usd=usd(sample, how.price),
        tries=tries,
        error=error or _WHY.get(outcome, ""),
    )


def _masked(text: str, secret: str | None) -> str:
    return text.replace(secret, "***") if secret else text


def sampling_of(given: Any) -> Sampling:  # noqa: ANN401  a subclass that refuses unknown keys
    """Return the plain record of sampling parameters."""
    return Sampling(**{name: getattr(given, name) for name in Sampling.__struct_fields__})
