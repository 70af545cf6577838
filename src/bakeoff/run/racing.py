"""Run a race: keep its scores at hand while they are stored, look after each step, and tell what it shows."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bakeoff import clock
from bakeoff.engine.control import Control, Progress
from bakeoff.engine.race import Standing
from bakeoff.races import open_rules_note
from bakeoff.records import Case, Event, Plan, Sample, Score, Spec
from bakeoff.stores.jsonl import JsonlStore

if TYPE_CHECKING:
    from bakeoff.decide.race.contest import Contest, Dropped

_ByScorer = dict[str, dict[tuple[str, int], Score]]


def make_racing(
    plan: Plan,
    spec: Spec,
    cases: Mapping[str, Sequence[Case]],
    store: JsonlStore,
    zero: int,
    control: Control,
) -> "Racing | None":
    """Return the race of a plan; None where it has none.

    Args:
        plan: of the run.
        spec: with the scorers that are used.
        cases: of each benchmark.
        store: of the run; what it holds already is taken into account.
        zero: monotonic ns of the run's time zero.
        control: hears who was dropped.
    """
    if plan.race is None:
        return None
    from bakeoff.decide.race.contest import make_contest  # noqa: PLC0415  few runs are a race

    contest = make_contest(plan, spec, cases)
    if contest is None:
        return None
    note = open_rules_note(plan.race)
    if note:
        control.tell(Progress(kind="note", text=note))
    return Racing(contest, store, zero, control)


class Racing:
    """A store that remembers the scores of a race, and looks at them when a step is over.

    Args:
        contest: the race.
        store: what is behind this one.
        zero: monotonic ns of the run's time zero.
        control: hears who was dropped.
    """

    def __init__(self, contest: "Contest", store: JsonlStore, zero: int, control: Control) -> None:
        self._contest = contest
        self._store = store
        self._zero = zero
        self._control = control
        self._scores: dict[str, _ByScorer] = {}
        for score in store.read(Score):
            self._remember(score)
        self._told = {key: event.facts for event in store.read(Event) if (key := _key(event))}

    @property
    def grouped(self) -> bool:
        """Tell whether records are written in groups."""
        return self._store.grouped

    @grouped.setter
    def grouped(self, on: bool) -> None:
        self._store.grouped = on

    def add(self, record: Sample | Score | Event) -> None:
        """Append one record."""
        self._store.add(record)
        if isinstance(record, Score):
            self._remember(record)

    def flush(self) -> None:
        """Write what is grouped."""
        self._store.flush()

    def sync(self) -> None:
        """Wait until the disk has what was written."""
        self._store.sync()

    def _remember(self, score: Score) -> None:
        if score.benchmark == self._contest.race.benchmark:
            mine = self._scores.setdefault(score.target, {}).setdefault(score.scorer, {})
            mine[score.case, score.repeat] = score

    def look(self, step: int) -> Standing:
        """Look at a step whose answers are all graded; what earlier looks showed is told once."""
        contest = self._contest
        while contest.taken <= step and contest.asked:
            before = len(contest.dropped)
            if not contest.look(lambda target: self._scores.get(target, {})):
                break
            self._tell_step(contest.dropped[before:])
            if contest.ended:
                self._tell_end()
        return Standing(asked=contest.asked)

    def _tell_step(self, dropped: "Sequence[Dropped]") -> None:
        contest = self._contest
        facts: dict[str, Any] = {
            "benchmark": contest.race.benchmark,
            "step": contest.taken,
            "n": contest.cases(contest.taken),
            "remaining": list(contest.remaining),
            "eliminated": [each.target for each in dropped],
            "bounds": [
                {"a": pair.a, "b": pair.b, "n": pair.n, "difference": pair.difference, "p": pair.p}
                for pair in contest.tests()
            ],
        }
        if self._store_once("race_step", facts):
            for each in dropped:
                lead = f" by more than {100 * each.lead:g} points" if each.lead else ""
                why = f"worse than {each.by}{lead}, adjusted p = {each.p:.2g}, n = {each.cases}"
                self._control.tell(Progress(kind="note", text=f"race: {each.target} is out ({why})"))

    def _tell_end(self) -> None:
        contest = self._contest
        n = contest.cases(contest.taken)
        facts: dict[str, Any] = {
            "benchmark": contest.race.benchmark,
            "reason": contest.ended,
            "n": n,
            "remaining": list(contest.remaining),
            "bounds": [
                {"a": pair.a, "b": pair.b, "n": pair.n, "low": pair.interval.low, "high": pair.interval.high}
                for pair in contest.pairs()
            ],
        }
        if self._store_once("race_ended", facts):
            self._control.tell(Progress(kind="note", text=f"race: ended after {n} cases: {contest.ended}"))

    def _store_once(self, kind: str, facts: dict[str, Any]) -> bool:
        """Store an event unless an earlier process has stored the same; tell whether it was stored."""
        event = Event(kind=kind, at=clock.now_ns() - self._zero, facts=facts)
        key = _key(event)
        if self._told.get(key) == facts:
            return False
        self._told[key] = facts
        self._store.add(event)
        return True


def _key(event: Event) -> tuple[str, int]:
    """Return what an event of a race is about; empty text for any other event."""
    if event.kind not in {"race_step", "race_ended"}:
        return ("", 0)
    return (event.kind, event.facts.get("step", 0))
