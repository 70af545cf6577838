"""A race while it runs: scores are remembered as they are stored, and what a look shows is told once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.unit.test_races import TARGETS, benchmark, cases, spec_of

from bakeoff.engine.control import Control, Progress
from bakeoff.plan import intents, make_plan
from bakeoff.records import Event, Plan, RaceRule, Sample, Score, Spec
from bakeoff.run.racing import Racing, make_racing
from bakeoff.stores.jsonl import JsonlStore

CASES = cases(40)
RIGHT = {"x": 1.0, "y": 1.0, "z": 0.0}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JsonlStore]:
    store = JsonlStore(tmp_path / "run")
    yield store
    store.close()


def planned() -> tuple[Spec, Plan]:
    spec = spec_of(benchmark(), race=RaceRule(step=20))
    return spec, make_plan(spec, TARGETS, {"b": CASES})


def racing(store: JsonlStore, notes: list[str] | None = None, **terms: Any) -> Racing:
    def tell(progress: Progress) -> None:
        if notes is not None:
            notes.append(progress.text)

    spec, plan = planned()
    assert plan.race is not None
    plan = msgspec.structs.replace(plan, race=msgspec.structs.replace(plan.race, **terms))
    found = make_racing(plan, spec, {"b": CASES}, store, 0, Control(tell))
    assert found is not None
    return found


def answer(race: Racing, step: int, targets: str) -> None:
    """Store the scores of a step, and those of another benchmark, which count for nothing."""
    stages = [stage for stage in planned()[1].stages if stage.target in targets]
    seen = dict.fromkeys(targets, 0)
    for stage in stages:
        number = seen[stage.target]
        seen[stage.target] += 1
        for intent in intents(stage) if number == step else ():
            for name, value in (("b", RIGHT[stage.target]), ("other", 0.0)):
                race.add(
                    Score(
                        benchmark=name,
                        case=intent.case,
                        target=stage.target,
                        scorer="exact",
                        metric="accuracy",
                        value=value,
                        passed=bool(value),
                        outcome="ok",
                    )
                )


def events(store: JsonlStore) -> list[tuple[str, list[str]]]:
    return [(event.kind, event.facts["remaining"]) for event in store.read(Event)]


def test_who_is_worse_is_asked_no_further_and_it_is_told(store: JsonlStore) -> None:
    notes: list[str] = []
    race = racing(store, notes)
    answer(race, 0, "xyz")
    assert race.look(0).asked == ("x", "y")
    assert events(store) == [("race_step", ["x", "y"])]
    assert notes[0].startswith("race: z is out (worse than x, adjusted p = ")
    answer(race, 1, "xy")
    assert race.look(1).asked == ()
    assert events(store)[1:] == [("race_step", ["x", "y"]), ("race_ended", ["x", "y"])]
    assert notes[-1] == "race: ended after 40 cases: all cases are used"


def test_the_accepted_loss_is_told_with_who_is_out(store: JsonlStore) -> None:
    notes: list[str] = []
    race = racing(store, notes, lead=0.05)
    answer(race, 0, "xyz")
    assert race.look(0).asked == ("x", "y")
    assert notes[0].startswith("race: z is out (worse than x by more than 5 points, adjusted p = ")


def test_rules_that_may_exclude_the_leader_are_told_at_the_start(store: JsonlStore) -> None:
    notes: list[str] = []
    race = racing(store, notes, open_rules=("decide.budget",))
    assert notes[0].startswith("where `decide.budget` should rule out whoever leads on b, ")
    answer(race, 0, "xyz")
    assert race.look(0).asked == ("x", "y")


def test_a_look_waits_for_scores_that_are_missing_and_makes_up_for_it(store: JsonlStore) -> None:
    race = racing(store)
    answer(race, 0, "xy")
    assert race.look(0).asked == ("x", "y", "z")
    assert events(store) == []
    answer(race, 0, "z")
    answer(race, 1, "xy")
    assert race.look(1).asked == ()
    assert [kind for kind, _ in events(store)] == ["race_step", "race_step", "race_ended"]


def test_a_resumed_race_knows_the_stored_scores_and_tells_nothing_twice(store: JsonlStore) -> None:
    race = racing(store)
    answer(race, 0, "xyz")
    race.look(0)
    notes: list[str] = []
    again = racing(store, notes)
    assert again.look(0).asked == ("x", "y")
    assert (len(events(store)), notes) == (1, [])


def test_all_records_go_to_the_store_behind(store: JsonlStore) -> None:
    race = racing(store)
    race.grouped = True
    assert race.grouped
    race.add(Sample(benchmark="b", case="c0", target="x", outcome="ok"))
    assert store.grouped
    race.flush()
    race.sync()
    assert len(list(store.read(Sample))) == 1


def test_a_plan_without_a_race_needs_none(store: JsonlStore) -> None:
    spec = spec_of(benchmark(), race=False)
    plan = make_plan(spec, TARGETS, {"b": CASES})
    assert make_racing(plan, spec, {"b": CASES}, store, 0, Control()) is None
