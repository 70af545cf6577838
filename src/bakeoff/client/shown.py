"""What the service tells of its things, as records; keys that a later version adds are left out."""

from typing import Any, Literal

import msgspec

from bakeoff.records.capabilities import Capabilities
from bakeoff.records.card import DataCard

RunState = Literal["queued", "running", "cancelling", "completed", "failed", "cancelled"]
ENDED: tuple[RunState, ...] = ("completed", "failed", "cancelled")


class RunProgress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a run is: samples stored, planned (0 before the plan is made), and failed."""

    done: int
    total: int
    failed: int


class RunProblem(msgspec.Struct, frozen=True, kw_only=True):
    """Why a run failed."""

    kind: str
    message: str
    where: str = ""
    hint: str = ""


class RunOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict of a finished run in short; `run` is the name of its directory on the server."""

    run: str
    verdict: str | None = None
    sentence: str | None = None
    invalid: bool = False


class RunInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A run of a service as it was a moment ago. Times are ISO 8601 in UTC."""

    id: str
    name: str
    dialect: str
    state: RunState
    owner: str
    labels: dict[str, str]
    attempt: int
    progress: RunProgress
    error: RunProblem | None
    outcome: RunOutcome | None
    created_at: str
    updated_at: str
    started_at: str | None
    finished_at: str | None

    @property
    def ended(self) -> bool:
        """Tell whether it will never change again."""
        return self.state in ENDED


class RunEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to a run; `at` is in microseconds since 1970, UTC."""

    id: int
    at: int
    kind: str
    facts: dict[str, Any] = {}


class SpecProblem(msgspec.Struct, frozen=True, kw_only=True):
    """A mistake in a spec, with its place."""

    path: str
    message: str
    where: str = ""
    hint: str = ""


class CheckedSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A spec with all its mistakes, or with all its defaults."""

    valid: bool
    problems: list[SpecProblem]
    spec: dict[str, Any] | None
    plan_hash: str | None


class DatasetInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a data set; lists leave the card out."""

    name: str
    version: int
    latest: bool
    format: str
    rows: int | None
    bytes: int | None
    sha256: str | None
    owner: str
    created_at: str | None
    card: DataCard | None = None


class DatasetRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of a data set, with its line in the file."""

    line: int | None
    fields: dict[str, Any]


class TargetInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A registered target: a model of a spec; its `api_key` is the name of a secret."""

    name: str
    version: int
    target: dict[str, Any]
    owner: str
    created_at: str | None


class TargetProblem(msgspec.Struct, frozen=True, kw_only=True):
    """Why a target does not answer."""

    message: str
    hint: str = ""


class ProbedTarget(msgspec.Struct, frozen=True, kw_only=True):
    """What a target can do, or why it does not answer."""

    target: str
    reachable: bool
    capabilities: Capabilities | None = None
    error: TargetProblem | None = None


class BenchmarkInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a benchmark; a spec names it as `use` says."""

    name: str
    version: str
    latest: bool
    origin: Literal["built-in", "registered"]
    use: str
    text: str
    section: dict[str, Any]
