"""Sampling parameters with others on top."""

from typing import Any

import msgspec

from bakeoff.records import Sampling


def merged(base: Sampling, changes: dict[str, Any]) -> Sampling:
    """Return sampling parameters with changes on top; unknown names go into the request body as they are."""
    known = {k: v for k, v in changes.items() if k in Sampling.__struct_fields__ and k != "extra"}
    other = {k: v for k, v in changes.items() if k not in Sampling.__struct_fields__}
    if "stop" in known:
        stop = known["stop"]
        known["stop"] = (stop,) if isinstance(stop, str) else tuple(stop or ())
    extra: dict[str, Any] = changes.get("extra") or {}
    return msgspec.structs.replace(base, **known, extra=base.extra | other | extra)
