"""Load the spec of a stored run."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from bakeoff.run.folder import read_events, read_facts, read_plan
from bakeoff.spec import LoadedSpec, load_stored_spec


def load_stored(folder: Path, env: Mapping[str, str], *, secrets_needed: bool = True) -> LoadedSpec:
    """Return the spec that a run was started with.

    Args:
        folder: the run's directory.
        env: fills `${VAR}`; a stored spec holds no secret.
        secrets_needed: false where no request will be made, so that a missing key does no harm.
    """
    facts = read_facts(read_events(folder), folder)
    path, base = folder / "spec.yaml", Path(facts.base)
    if secrets_needed:
        return load_spec(path, env, base=base)
    return load_spec(path, _Blank(env), base=base, overrides=_planned(folder))


def _planned(folder: Path) -> dict[str, object]:
    """Return what variables may have said of the models that were asked: the plan knows it without them."""
    found: dict[str, object] = {}
    for index, target in enumerate(read_plan(folder).targets):
        if target.endpoint is not None:
            found[f"models[{index}].endpoint"] = target.endpoint
        if target.price is not None:
            found[f"models[{index}].price"] = msgspec.to_builtins(target.price)
    return found
