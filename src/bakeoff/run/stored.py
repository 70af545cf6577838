"""Load the spec of a stored run."""

from collections.abc import Mapping
from pathlib import Path

from bakeoff.run.folder import read_events, read_facts
from bakeoff.spec import LoadedSpec, load_stored_spec


def load_stored(
    folder: Path, env: Mapping[str, str], *, secrets_needed: bool = True, policy: Path | None = None
) -> LoadedSpec:
    """Return the spec that a run was started with.

    Args:
        folder: the run's directory.
        env: fills `${VAR}`; a stored spec holds no secret.
        secrets_needed: false where no request will be made, so that a missing key does no harm.
        policy: a file whose decision rule stands in place of the stored one.
    """
    facts = read_facts(read_events(folder), folder)
    return load_stored_spec(
        folder / "spec.yaml", env, base=Path(facts.base), for_requests=secrets_needed, policy=policy
    )
