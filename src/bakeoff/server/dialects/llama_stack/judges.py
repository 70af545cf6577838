"""A registered model as a judge: with its key, price and parameters; what cannot be kept is refused."""

from collections.abc import Mapping
from typing import Any

from bakeoff.records import Sampling
from bakeoff.server.access import Principal
from bakeoff.server.faults import MissingError, RefusedError
from bakeoff.server.service import Service
from bakeoff.server.specs.references import TARGET

_SAMPLING = frozenset(Sampling.__struct_fields__)
_CHAT = "openai_chat"


def judge_model(service: Service, name: str | None, caller: Principal) -> dict[str, Any]:
    """Return the scorer that asks a registered model.

    Args:
        service: has the models.
        name: of the model.
        caller: whose models.

    Raises:
        MissingError: it is not registered.
        RefusedError: a judge cannot be asked as the model says.
    """
    found = service.objects.find(TARGET, name or "", project=caller.project)
    if found is None:
        raise MissingError("model", name or "")
    body = found.body
    if not body.get("endpoint"):
        raise RefusedError(f"the model `{name}` has no endpoint, so it cannot judge")
    if body.get("headers"):
        raise RefusedError(f"the model `{name}` has headers of its own, which a judge does not send")
    if body.get("provider") not in {None, _CHAT}:
        raise RefusedError(
            f"the model `{name}` is asked by the provider `{body['provider']}`; a judge is asked by `{_CHAT}`"
        )
    made = {"type": "judge", "endpoint": body["endpoint"], "model": body.get("model") or name}
    made |= {key: body[key] for key in ("api_key", "price") if body.get(key)}
    sampling = _sampling(body.get("params") or {})
    return made | ({"sampling": sampling} if sampling else {})


def _sampling(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return a model's parameters as a judge's; others than the usual ones go into the body as they are."""
    known = {key: value for key, value in params.items() if key in _SAMPLING and key != "extra"}
    other = {key: value for key, value in params.items() if key not in _SAMPLING}
    if "max_completion_tokens" in other:
        known["max_tokens"] = None
    extra: dict[str, Any] = other | (params.get("extra") or {})
    return known | ({"extra": extra} if extra else {})
