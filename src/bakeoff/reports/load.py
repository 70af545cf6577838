"""What is known of one load benchmark, and how its numbers were measured."""

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from bakeoff.charts import numbers
from bakeoff.records import StageCheck, StageResult
from bakeoff.records.view import RunView, StageView

_STAMPS = {"kernel": "the kernel's receive times", "read": "the time of each read"}
_COUNTERS = {"server": "the server", "nobody": "nobody"}


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """One benchmark's results, stages and client checks; `key` ends the names of its files."""

    view: RunView
    benchmark: str
    key: str
    results: list[StageResult]
    stages: list[StageView]
    checks: list[StageCheck]

    def series(self, target: str) -> int:
        """Return a target's place among all targets."""
        return self.view.names.index(target)

    def invalid(self, stage: str) -> list[str]:
        """Return the targets on which the client was the limit of a stage."""
        found = {check.target for check in self.checks if check.stage == stage and not check.valid}
        return [name for name in self.view.names if name in found]

    def measured(self, stage: str | None = None) -> str:
        """Say how the numbers of a stage, or of all, were measured."""
        stages = [one for one in self.stages if stage in (None, one.stage)]
        checks = [one for one in self.checks if stage in (None, one.stage)]
        lost = [] if stage is None else self.invalid(stage)
        parts = [
            _who("Stamped by", _STAMPS, (one.stamped_by for one in stages)),
            _who("Tokens counted by", _COUNTERS, (one.counted_by for one in stages)),
            _client(checks, whole=stage is not None),
            f"Invalid on {', '.join(lost)}: the client may have been the limit." if lost else "",
        ]
        return " ".join(part for part in parts if part)


def _who(what: str, words: dict[str, str], counts: Iterable[dict[str, int]]) -> str:
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    if not total:
        return ""
    named = [words.get(name, name) for name in total]
    if len(total) > 1:
        named = [f"{name} ({count:,})" for name, count in zip(named, total.values(), strict=True)]
    return f"{what} {', '.join(named)}."


def _fact(checks: Sequence[StageCheck], name: str) -> float | None:
    found = [value for one in checks if isinstance(value := one.facts.get(name), (int, float))]
    return max(found, default=None)


def _client(checks: Sequence[StageCheck], *, whole: bool) -> str:
    if not checks:
        return "The client was not checked."
    cpu = _fact(checks, "cpu_share")
    delay, lag = _fact(checks, "loop_delay_p99_s"), _fact(checks, "lag_p99_s")
    parts = [
        None if cpu is None else f"{cpu:.0%} of a core",
        None if delay is None else f"event-loop delay p99 {numbers.quantity(delay, 's')}",
        None if lag is None else f"lag p99 {numbers.quantity(lag, 's')}",
    ]
    known = [part for part in parts if part is not None]
    if not known:
        return ""
    most = "" if whole and len(checks) == 1 else ", at most"
    return f"Client{most}: {', '.join(known)}."


def _check(view: RunView, stage: StageResult) -> StageCheck | None:
    if stage.client is not None:
        return stage.client
    where = (stage.benchmark, stage.target, stage.stage)
    return next((c for c in view.results.checks if (c.benchmark, c.target, c.stage) == where), None)


def load_of(view: RunView, benchmark: str, key: str) -> Load:
    """Return what is known of a benchmark, stages in the order of the results."""
    names = set(view.names)
    results = [
        msgspec.structs.replace(stage, client=_check(view, stage))
        for stage in view.results.stages
        if stage.benchmark == benchmark and stage.target in names
    ]
    order = list(dict.fromkeys(stage.stage for stage in results))
    results.sort(key=lambda stage: (order.index(stage.stage), view.names.index(stage.target)))
    return Load(
        view=view,
        benchmark=benchmark,
        key=key,
        results=results,
        stages=[stage for stage in view.stages if stage.benchmark == benchmark and stage.target in names],
        checks=[check for check in view.results.checks if check.benchmark == benchmark]
        or [result.client for result in results if result.client is not None],
    )
