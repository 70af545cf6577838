"""Callers with wrong keys: slowed down by the address that they call from, and nobody else with them.

Who calls through one proxy has one address with all others there, so keys that were right before go on.
"""

import hashlib
import ipaddress
from collections import OrderedDict

from starlette.requests import Request

from bakeoff import clock
from bakeoff.server.faults import TooManyError

GUESSES = 60
"""Wrong keys a minute from one address."""
_MOST = 10_000
_NETWORK = 64
"""Bits of an IPv6 address that one owner has at least."""


class Strangers:
    """How many wrong keys came from where, and which keys were right."""

    def __init__(self) -> None:
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._known: OrderedDict[bytes, None] = OrderedDict()

    def check(self, request: Request, secret: str) -> None:
        """Refuse to look at a key that nobody has shown before, from where too many wrong ones come.

        Raises:
            TooManyError: with the time until another one is looked at.
        """
        left = self._now(address_of(request))
        if left < 1 and _digest(secret) not in self._known:
            raise TooManyError(
                f"more than {GUESSES} wrong API keys a minute from this address",
                after=(1 - left) * 60 / GUESSES,
            )

    def was_wrong(self, request: Request) -> None:
        """Count a wrong key."""
        address = address_of(request)
        left = self._now(address)
        self._left.pop(address, None)
        self._left[address] = (max(0.0, left - 1), clock.now_ns() / 1e9)
        while len(self._left) > _MOST:
            self._left.popitem(last=False)

    def was_right(self, secret: str) -> None:
        """Remember a key, as a hash, so that it is looked at whatever others send."""
        digest = _digest(secret)
        self._known[digest] = None
        self._known.move_to_end(digest)
        while len(self._known) > _MOST:
            self._known.popitem(last=False)

    def _now(self, address: str) -> float:
        left, since = self._left.get(address, (float(GUESSES), 0.0))
        return min(float(GUESSES), left + (clock.now_ns() / 1e9 - since) * GUESSES / 60)


def address_of(request: Request) -> str:
    """Return where a call comes from; of IPv6 the part that its owner cannot change at will."""
    host = "" if request.client is None else request.client.host
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.version == 4:
        return host
    return str(ipaddress.ip_network(f"{address}/{_NETWORK}", strict=False))


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()
