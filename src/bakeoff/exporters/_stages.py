"""What exporters share: a run's stages in order, times as other tools count them, summaries of columns."""

# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# The values come from other programs' JSON, whose shape is looked at where they are read.

import math
from array import array
from collections.abc import Iterable, Mapping
from statistics import stdev
from typing import Any

import msgspec

from bakeoff.errors import UsageError
from bakeoff.records import BenchmarkSpec, Sample, Stage, Target
from bakeoff.records.imported import StoredRun
from bakeoff.stats.quantiles import quantile

NS = 1e9
FAILED = frozenset({"error", "timeout", "cancelled"})


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """One target's stage of one benchmark, warm-up left out."""

    stage: Stage
    benchmark: BenchmarkSpec
    target: Target
    index: int

    @property
    def key(self) -> tuple[str, str, str]:
        """Return what its samples have in common."""
        return (self.stage.benchmark, self.stage.target, self.stage.name)

    @property
    def lengths(self) -> tuple[int | None, int | None]:
        """Return the asked lengths of input and output in tokens, None where none were asked."""
        options = self.benchmark.dataset.options
        if self.benchmark.dataset.type != "synthetic":
            return None, None
        return _length(options.get("prompt_tokens")), _length(options.get("output_tokens"))

    def spread(self, name: str) -> float | None:
        """Return the asked standard deviation of a length, 0 for a fixed one, None where none was asked."""
        asked = self.benchmark.dataset.options.get(name)
        if isinstance(asked, dict):
            value = asked.get("stddev")
            return float(value) if isinstance(value, int | float) else None
        return 0.0 if isinstance(asked, int | float) else None


def places(run: StoredRun) -> list[Place]:
    """Return the load stages of a run that have samples, in the order in which they ran; all without a load.

    Raises:
        UsageError: the run has none.
    """
    specs = {bench.name: bench for bench in run.spec.benchmarks}
    targets = {target.name: target for target in run.plan.targets}
    planned = {(s.benchmark, s.target, s.name): s for s in run.plan.stages if not s.warmup}
    found: list[Place] = []
    for key in dict.fromkeys((s.benchmark, s.target, s.stage) for s in run.samples()):
        benchmark, target, name = key
        if name in run.warmups or benchmark not in specs or target not in targets:
            continue
        stage = planned.get(key) or _step(run, planned.get((benchmark, target, "main")), key)
        found.append(Place(stage=stage, benchmark=specs[benchmark], target=targets[target], index=len(found)))
    loads = [place for place in found if place.stage.measured]
    if loads:
        return loads
    if not found:
        raise UsageError(
            f"the run `{run.results.run}` holds no sample",
            hint="a run that was imported from a summary has only reported numbers; `report` shows them",
        )
    return found


def since_sent(sample: Sample, moment: int | None) -> float | None:
    """Return seconds from sending, as other tools count; from the schedule where sending is unknown."""
    if moment is None:
        return None
    return (moment - (sample.scheduled_at if sample.sent_at is None else sample.sent_at)) / NS


def error_code(sample: Sample) -> int | str | None:
    """Return what stands for a request without a complete answer, None for one that has it."""
    if sample.ok:
        return None
    return sample.status if sample.status not in (None, 200) else sample.outcome


def summarise(values: "array[float]", shares: Mapping[str, float]) -> dict[str, float | None]:
    """Return mean, min, max, stddev and quantiles of a column, each None where it has no value."""
    if not values:
        return dict.fromkeys((*(f"quantiles_{name}" for name in shares), "mean", "min", "max", "stddev"))
    ordered = sorted(values)
    found: dict[str, float | None] = {
        f"quantiles_{name}": quantile(ordered, share) for name, share in shares.items()
    }
    found["mean"] = math.fsum(ordered) / len(ordered)
    found["min"], found["max"] = ordered[0], ordered[-1]
    found["stddev"] = stdev(ordered) if len(ordered) > 1 else None
    return found


def add(column: "array[float]", value: float | None) -> None:
    """Add a value to a column unless it is unknown."""
    if value is not None:
        column.append(value)


def total(values: Iterable[int | None]) -> int | None:
    """Return a sum, None where a part of it is unknown."""
    known = list(values)
    return None if None in known else sum(value for value in known if value is not None)


def _step(run: StoredRun, main: Stage | None, key: tuple[str, str, str]) -> Stage:
    """Return the stage of a step that a load chose while it ran."""
    benchmark, target, name = key
    told = next((s for s in run.results.stages if (s.benchmark, s.target, s.stage) == key), None)
    load = dict(told.load) if told else dict(main.load) if main else {}
    measured = main.measured if main else False
    return Stage(
        name=name, benchmark=benchmark, target=target, cases=[], requests=0, load=load, measured=measured
    )


def _length(asked: Any) -> int | None:  # noqa: ANN401  a number or a mapping of options
    value = asked.get("mean", asked.get("value")) if isinstance(asked, dict) else asked
    return round(value) if isinstance(value, int | float) else None
