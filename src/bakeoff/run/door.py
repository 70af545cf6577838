"""One endpoint under questions: sends a call a few times at most, and says why there is no answer."""

import asyncio

import msgspec

from bakeoff.errors import EndpointError, WireError
from bakeoff.records import Call, Exchange, Target
from bakeoff.wire import Client, Route

_TRIES = 3
_WAIT_S = 0.5
_BUSY = frozenset({429, 503, 529})


class NotSeen(Exception):  # noqa: N818  a finding, not an error
    """The endpoint did not show what was asked for.

    Attributes:
        sure: it answered, and otherwise; False where it did not answer at all, so that nothing is known.
    """

    def __init__(self, text: str, *, sure: bool = True) -> None:
        super().__init__(text)
        self.sure = sure


class Door:
    """Asks one endpoint and counts.

    Args:
        client: sends the calls.
        route: where to.
        target: the model that is asked.
    """

    def __init__(self, client: Client, route: Route, target: Target) -> None:
        self.target = target
        self.requests = 0
        self._client = client
        self._route = route

    async def exchange(self, call: Call) -> Exchange:
        """Return what came back, whatever its status; a busy endpoint is asked again a little later.

        Raises:
            EndpointError: it refuses the key.
            NotSeen: nothing whole came back.
        """
        tries = 0
        while True:
            tries += 1
            self.requests += 1
            try:
                exchange = await self._client.exchange(self._route, call)
            except WireError as error:
                if tries < _TRIES and error.kind == "reset":
                    continue
                raise NotSeen(error.message, sure=False) from error
            if tries == _TRIES or exchange.status not in _BUSY:
                break
            await asyncio.sleep(_WAIT_S)
        if exchange.status in {401, 403}:
            where = f"model `{self.target.name}` ({self._route.label})"
            refused = f"it refuses the key (HTTP {exchange.status})"
            raise EndpointError(refused, where=where, hint="check `api_key`")
        if exchange.broken:
            raise NotSeen("the answer broke off", sure=False)
        return exchange

    async def ask(self, call: Call) -> Exchange:
        """Return an answer of status 200.

        Raises:
            NotSeen: the status is another one.
        """
        exchange = await self.exchange(call)
        if exchange.status != 200:
            said = exchange.body[:160].decode("utf-8", "replace").strip()
            raise NotSeen(f"HTTP {exchange.status}: {said}", sure=exchange.status not in _BUSY)
        return exchange

    async def get(self, path: str, *, at_root: bool = False) -> dict[str, object]:
        """Return a JSON object that the endpoint serves, empty where it serves none."""
        try:
            exchange = await self.ask(Call(method="GET", path=path, at_root=at_root))
            return msgspec.json.decode(exchange.body, type=dict[str, object])
        except (NotSeen, msgspec.DecodeError, UnicodeDecodeError):
            return {}
