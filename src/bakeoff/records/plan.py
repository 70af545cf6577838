"""The plan: every request of a run, in order, before anything is sent."""

from collections.abc import Sequence
from typing import Any

import msgspec

from bakeoff.records.rule import RaceRule
from bakeoff.records.target import Target


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """When requests go out.

    Attributes:
        concurrency: closed loop: at most this many at a time, the next when one ends; None for no bound.
        due_ns: open loop: each request's due time in ns from the start of the stage; None in a closed loop.
    """

    concurrency: int | None = None
    due_ns: Sequence[int] | None = None


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """One planned request. `due_ns` is its time in ns from the start of the stage, None in a closed loop."""

    benchmark: str
    case: str
    target: str
    repeat: int = 0
    stage: str = "main"
    due_ns: int | None = None

    @property
    def key(self) -> tuple[str, str, str, int, str]:
        """Identify the intent within its plan; a sample of the same key fulfils it."""
        return (self.benchmark, self.case, self.target, self.repeat, self.stage)


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a benchmark for one target under one load.

    Attributes:
        cases: case ids in sending order; `requests` above their number starts over as the next repeat.
        load: name and options of the load, from the loads family.
        seed: makes the schedule.
        seconds: stop issuing after this long.
        errors: stop issuing after this many failed samples.
        attempts: tries per intent, 1 for none again.
        warmup: stored, and excluded from every estimate by this mark.
        measured: a load stage, whose client is checked and whose samples are no retries.
        ladder: the load chooses steps by what it measures; each step becomes a stage of its own name.
        countable: whether rates may be counted over the samples; not where an imported file holds only
            some of them, or durations without moments.
    """

    name: str
    benchmark: str
    target: str
    cases: list[str]
    requests: int
    load: dict[str, Any]
    seed: int = 0
    repeat0: int = 0
    seconds: float | None = None
    errors: int | None = None
    attempts: int = 1
    warmup: bool = False
    measured: bool = False
    ladder: bool = False
    countable: bool = True


class PlannedRace(msgspec.Struct, frozen=True, kw_only=True):
    """A benchmark whose stages are the steps of a race: whom the rule can choose no more is asked no further.

    Attributes:
        benchmark: its stages are the steps, in which the targets take turns.
        metric: the metric that is raced, without the benchmark; None for that of the first scorer.
        rule: when to look, and which differences are as good as none.
        level: 1 minus the chance of any wrong claim.
        lead: the loss that the rule accepts for a lower cost: only who is worse by more is dropped.
        incumbent: the model in use today, where it races; the rule holds the others against it.
        open_rules: parts of the rule that may yet exclude whoever leads, and choose one who was dropped.
    """

    benchmark: str
    metric: str | None = None
    rule: RaceRule = RaceRule()
    level: float = 0.95
    lead: float = 0.0
    incumbent: str | None = None
    open_rules: tuple[str, ...] = ()


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """All stages of a run, whom they ask, and the hash that names exactly this plan.

    Attributes:
        race: the race that may end a benchmark before all of its stages are sent.
    """

    hash: str
    seed: int
    targets: list[Target]
    stages: list[Stage]
    race: PlannedRace | None = None
    v: int = 1
