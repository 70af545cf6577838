"""Ask every existing endpoint one short question before anything is spent."""

import msgspec

from bakeoff.engine.send import Lane
from bakeoff.errors import EndpointError, WireError
from bakeoff.plugins import suggest
from bakeoff.records import Call, Exchange, Message, Request

_TOKENS = 16
_TRIES = 3


class _Model(msgspec.Struct, frozen=True):
    id: str = ""


class _Models(msgspec.Struct, frozen=True):
    data: list[_Model] = []


async def preflight(lane: Lane) -> str | None:
    """Check that an endpoint takes the key, knows the model and answers as its provider expects.

    Returns:
        a warning for an endpoint that is busy or failing at this moment, else None.

    Raises:
        EndpointError: it cannot be used as configured.
    """
    target = lane.target
    where = f"model `{target.name}` ({lane.route.label}{lane.route.base_path})"
    request = Request(
        messages=(Message(role="user", content="Say hello."),),
        prompt="Hello",
        sampling=msgspec.structs.replace(target.sampling, max_tokens=_TOKENS),
        stream=target.stream,
    )
    for left in reversed(range(_TRIES)):
        try:
            return await _ask(lane, lane.provider.encode(request, target), where)
        except _OnceError as failed:
            if not left:
                raise failed.error from failed
    return None


class _OnceError(Exception):
    """A first question went wrong in a way that may pass: a faulty endpoint is to be measured."""

    def __init__(self, error: EndpointError) -> None:
        super().__init__(str(error))
        self.error = error


async def _ask(lane: Lane, call: Call, where: str) -> str | None:
    try:
        exchange = await lane.client.exchange(lane.route, call)
    except WireError as error:
        hint = error.hint or "is the server running, and is the endpoint right?"
        found = EndpointError(error.message, where=where, hint=hint)
        if error.kind == "reset":
            raise _OnceError(found) from error
        raise found from error
    if exchange.status == 200:
        response = lane.provider.decode(exchange)
        if not response.error and response.complete:
            return None
        reason = response.error or "the answer is not whole"
        if response.text or response.thinking:
            return f"{where} answered a first question in part only: {reason}; going on"
        raise _OnceError(
            EndpointError(
                f"it answers, but not as `{lane.target.provider}`: {reason}",
                where=where,
                hint="does the endpoint end in /v1? choose another `provider` if it speaks another protocol",
            )
        )
    if exchange.status in {408, 429} or exchange.status >= 500:
        return f"{where} answered HTTP {exchange.status} to a first question; going on"
    raise await _refused(lane, exchange, where)


async def _refused(lane: Lane, exchange: Exchange, where: str) -> EndpointError:
    said = exchange.body[:300].decode("utf-8", "replace").strip()
    if exchange.status in {401, 403}:
        return EndpointError(
            f"it refuses the key (HTTP {exchange.status}): {said}", where=where, hint="check `api_key`"
        )
    known = await _known_models(lane)
    if known and lane.target.model not in known:
        return EndpointError(
            f"it has no model `{lane.target.model}` (HTTP {exchange.status})."
            + suggest(lane.target.model, known),
            where=where,
            hint=f"it serves: {', '.join(known[:10])}",
        )
    return EndpointError(
        f"it refuses the question (HTTP {exchange.status}): {said}",
        where=where,
        hint="check `endpoint` (does it end in /v1?), `model` and `params`",
    )


async def _known_models(lane: Lane) -> list[str]:
    try:
        exchange = await lane.client.exchange(lane.route, Call(method="GET", path="/models"))
        models = msgspec.json.decode(exchange.body, type=_Models)
    except (WireError, msgspec.DecodeError, UnicodeDecodeError):
        return []
    return [model.id for model in models.data if model.id]
