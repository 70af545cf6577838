"""Load the spec of a stored run."""

from collections.abc import Mapping
from pathlib import Path

from bakeoff.run.folder import read_events, read_facts
from bakeoff.spec import LoadedSpec, load_spec


class _Blank(dict[str, str]):
    """An environment in which every variable is set, to nothing secret."""

    def __missing__(self, key: str) -> str:
        return "unset"

    def __contains__(self, key: object) -> bool:
        return True

    def get(self, key: str, default: str | None = None) -> str | None:  # type: ignore[override]  # same but for overloads
        return super().get(key, default if default is not None else "unset")


def load_stored(folder: Path, env: Mapping[str, str], *, secrets_needed: bool = True) -> LoadedSpec:
    """Return the spec that a run was started with.

    Args:
        folder: the run's directory.
        env: fills `${VAR}`; a stored spec holds no secret.
        secrets_needed: false where no request will be made, so that a missing key does no harm.
    """
    facts = read_facts(read_events(folder), folder)
    return load_spec(folder / "spec.yaml", env if secrets_needed else _Blank(env), base=Path(facts.base))
