"""Probe the models of a spec, or one endpoint; those without an endpoint are started for it and stopped."""

import contextlib
from collections.abc import Callable, Collection, Sequence

import msgspec

from bakeoff.errors import EndpointError, UsageError
from bakeoff.plugins import suggest
from bakeoff.records import Call, Sampling, Target, TimeoutSpec
from bakeoff.records.capabilities import Capabilities
from bakeoff.run.benches import target_route
from bakeoff.run.capabilities import POINTS
from bakeoff.run.door import Door, NotSeen
from bakeoff.run.models import prepare
from bakeoff.run.remembering import Notebook, notebook, remembered_probe
from bakeoff.spec import LoadedSpec
from bakeoff.wire import Client, Route, make_route


class _Model(msgspec.Struct, frozen=True):
    id: str = ""


class _Models(msgspec.Struct, frozen=True):
    data: list[_Model] = []


_TIMEOUTS = TimeoutSpec(connect=10, first_byte=60, stream=60, total=60)


async def probe_models(
    loaded: LoadedSpec,
    names: Sequence[str],
    tell: Callable[[str], None],
    points: Collection[str] = POINTS,
    *,
    book: Notebook | None = None,
) -> list[Capabilities]:
    """Return what the models of a spec can do.

    Args:
        loaded: the spec.
        names: of the models to probe; all where none is named.
        tell: called with a line before each model.
        points: what to ask for.
        book: where earlier answers are; that of the user by default.

    Raises:
        UsageError: the spec has no model of a name.
        EndpointError: an endpoint refuses the key, or does not answer at all.
    """
    known = [model.name for model in loaded.spec.models]
    for name in names:
        if name not in known:
            near = suggest(name, known)
            raise UsageError(f"the spec has no model `{name}`.{near}", hint=f"it has: {', '.join(known)}")
    chosen = [
        candidate
        for candidate in await prepare(loaded.spec, loaded.base, tell)
        if not names or candidate.model.name in names
    ]
    found: list[Capabilities] = []
    async with Client(timeouts=_TIMEOUTS) as client:
        for candidate in chosen:
            async with contextlib.AsyncExitStack() as stack:
                if candidate.target.endpoint is None:
                    tell(f"starting {candidate.model.name}")
                deployment = await candidate.deployer.start(candidate.model, candidate.weights)
                stack.push_async_callback(candidate.deployer.stop, deployment)
                tell(f"probing {candidate.model.name}")
                route = target_route(candidate, deployment)
                seen = await remembered_probe(
                    client, route, candidate.target, points, book=book or notebook()
                )
                found.append(_alive(seen, route.label))
    return found


async def probe_endpoint(
    url: str, *, model: str | None, api_key: str | None, book: Notebook | None = None
) -> Capabilities:
    """Return what one endpoint can do.

    Args:
        url: base URL, with `/v1`.
        model: the model to ask; None takes the first one that the endpoint lists.
        api_key: sent as bearer token.
        book: where earlier answers are; that of the user by default.

    Raises:
        EndpointError: it lists no model and none is named, refuses the key, or does not answer.
    """
    route = make_route(url.rstrip("/"), headers={"Authorization": f"Bearer {api_key}"} if api_key else {})
    async with Client(timeouts=_TIMEOUTS) as client:
        listed = [model] if model else await _served(client, route)
        if not listed:
            raise EndpointError(
                "it does not list its models", where=route.label, hint="name one with --model"
            )
        target = Target(name=listed[0], provider="openai_chat", model=listed[0], sampling=Sampling())
        return _alive(await remembered_probe(client, route, target, book=book or notebook()), route.label)


async def list_served(url: str, *, api_key: str | None) -> list[str]:
    """Return the names of the models that an endpoint lists.

    Raises:
        EndpointError: it lists none, or refuses the key.
    """
    route = make_route(url.rstrip("/"), headers={"Authorization": f"Bearer {api_key}"} if api_key else {})
    async with Client(timeouts=_TIMEOUTS) as client:
        names = await _served(client, route)
    if not names:
        hint = "is the server running, and does the endpoint end in /v1?"
        raise EndpointError("it lists no models", where=route.label, hint=hint)
    return names


async def _served(client: Client, route: Route) -> list[str]:
    door = Door(client, route, Target(name=route.label, provider="openai_chat", model=""))
    try:
        exchange = await door.ask(Call(method="GET", path="/models"))
        rows = msgspec.json.decode(exchange.body, type=_Models).data
    except NotSeen as seen:
        if not seen.sure:
            hint = "is the server running, and does the endpoint end in /v1?"
            raise EndpointError(f"it does not answer: {seen}", where=route.label, hint=hint) from seen
        return []
    except (msgspec.DecodeError, UnicodeDecodeError):
        return []
    return [row.id for row in rows if row.id]


def _alive(found: Capabilities, label: str) -> Capabilities:
    """Refuse an endpoint of which nothing is known because it did not answer.

    Raises:
        EndpointError: nothing answered.
    """
    if found.chat is None and found.completions is None and found.notes:
        hint = "is the server running, and does the endpoint end in /v1?"
        raise EndpointError(f"it does not answer: {found.notes.get('chat', '')}", where=label, hint=hint)
    return found
