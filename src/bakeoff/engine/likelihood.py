"""The calls of one intent that asks for likelihoods, as one exchange; `send` knows what becomes of it."""

import msgspec

from bakeoff.errors import WireError
from bakeoff.outcomes import Failure, answer_failure, status_failure, wire_failure
from bakeoff.records import Call, Exchange, Request, Response
from bakeoff.wire import Client, Route


class CallFailed(Exception):  # noqa: N818  carries a failure through the provider to the end of the try
    """One of the calls failed, so the whole try has failed."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Asking:
    """Sends a provider's calls one after another and keeps what is known of them together.

    Attributes:
        exchange: all calls as one, from the first one's beginning to the last one's end; None before any.
    """

    def __init__(self, client: Client, route: Route) -> None:
        self.exchange: Exchange | None = None
        self._client = client
        self._route = route

    async def ask(self, call: Call) -> Exchange:
        """Return the whole answer of a call.

        Raises:
            CallFailed: there is none.
        """
        try:
            exchange = await self._client.exchange(self._route, call)
        except WireError as error:
            raise CallFailed(wire_failure(error)) from error
        self.exchange = exchange if self.exchange is None else _joined(self.exchange, exchange)
        if exchange.status != 200:
            raise CallFailed(status_failure(exchange))
        broken = answer_failure(exchange, Response())
        if broken is not None:
            raise CallFailed(broken)
        return exchange


def judged(exchange: Exchange | None, response: Response, request: Request) -> Failure | None:
    """Classify what a provider returned; None for a likelihood of every text.

    An answer that leaves a text out is none: the other texts would win. It is asked for again, as any answer
    that cannot be used; where nothing was sent, the next try would only fail as this one did.
    """
    have, asked = len(response.likelihoods), len(request.continuations)
    error = response.error
    if error is None and have != asked:
        error = f"{have} likelihoods came for {asked} texts"
    if error is None:
        return None
    status = None if exchange is None else exchange.status
    sent = exchange is not None
    return Failure(outcome="error", kind="bad_answer", message=error, status=status, retry=sent)


def _joined(first: Exchange, last: Exchange) -> Exchange:
    return msgspec.structs.replace(
        last,
        sent_at=first.sent_at,
        first_byte_at=first.first_byte_at,
        connect_ns=first.connect_ns,
        reconnects=max(first.reconnects, last.reconnects),
    )
