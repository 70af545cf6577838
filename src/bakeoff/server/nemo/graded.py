"""Evaluations of given answers: they have ended before they are stored, so they are things and no jobs."""

import hashlib
import secrets
from typing import Any

import msgspec

from bakeoff.server.access import Principal
from bakeoff.server.faults import ConflictError
from bakeoff.server.service import Service
from bakeoff.server.store.objects import Thing

Body = dict[str, Any]
THING = "nemo.job"


class Once(msgspec.Struct, frozen=True, kw_only=True):
    """What makes one job of a call that is sent again.

    Attributes:
        key: the client's idempotency key, None for none.
        sent: digest of what the client sent.
    """

    key: str | None = None
    sent: str = ""


ANEW = Once()
"""Of a call without a key: each makes a job of its own."""


def before(service: Service, once: Once, caller: Principal) -> Thing | None:
    """Return the evaluation that a call with the same key has made before; None where there is none.

    Raises:
        ConflictError: the key was used for another request.
    """
    if once.key is None:
        return None
    found = service.objects.find(THING, _name(once, caller), project=caller.project)
    if found is not None and found.body.get("sent") != once.sent:
        raise ConflictError(
            f"the idempotency key `{once.key}` was used for another request", hint="take a new key"
        )
    return found


def stored(service: Service, body: Body, caller: Principal, once: Once = ANEW) -> Thing:
    """Store an evaluation and return it; of a call that was sent before, the one of then.

    Raises:
        ConflictError: the key was used for another request.
    """
    whole = body | {"sent": once.sent}
    name = _name(once, caller)
    try:
        return service.objects.put(THING, name, whole, project=caller.project, owner=caller.name, new=True)
    except ConflictError:
        # Two calls with one key at the same moment: the other one was first.
        if (known := before(service, once, caller)) is None:
            raise
        return known


def _name(once: Once, caller: Principal) -> str:
    if once.key is None:
        return "eval-" + secrets.token_hex(10)
    return "eval-" + hashlib.sha256(f"{caller.project}\0{once.key}".encode()).hexdigest()[:20]
