"""The engine asks the steps of a race only of those that are left, and looks when a step is over."""

import msgspec
from tests.unit.engine.parts import ScriptClient, answer
from tests.unit.engine.test_runner import Run
from tests.unit.test_races import TARGETS, benchmark, cases, spec_of

from bakeoff.engine.control import Progress
from bakeoff.engine.race import Look, RaceSteps, Standing
from bakeoff.plan import make_plan
from bakeoff.records import Plan, PlannedRace, RaceRule, Sample


def raced() -> Plan:
    """Return the plan of a race with three steps of two cases, and of another benchmark."""
    spec = spec_of(benchmark(), benchmark("other"), race=RaceRule(step=2))
    return make_plan(spec, TARGETS, {"b": cases(6), "other": cases(1)})


def sent(plan: Plan, look: Look | None) -> list[str]:
    """Return whom the stages ask, in order; those of the other benchmark in upper case."""
    steps = RaceSteps(plan, look)
    found: list[str] = []
    for number, stage in enumerate(plan.stages):
        if steps.asks(number):
            found.append(stage.target if stage.benchmark == "b" else stage.target.upper())
        steps.passed(number)
    return found


def test_without_a_look_all_are_asked_everything() -> None:
    assert "".join(sent(raced(), None)) == "xyzyzxzxyXYZ"


def test_who_is_dropped_is_asked_no_further_but_by_other_benchmarks() -> None:
    looks = [Standing(asked=("x", "z")), Standing(asked=("z",)), Standing(asked=())]
    seen: list[int] = []

    def look(step: int) -> Standing:
        seen.append(step)
        return looks[step]

    assert "".join(sent(raced(), look)) == "xyzzxzXYZ"
    assert seen == [0, 1, 2]


def test_after_the_end_nobody_looks_again() -> None:
    seen: list[int] = []

    def look(step: int) -> Standing:
        seen.append(step)
        return Standing(asked=())

    assert "".join(sent(raced(), look)) == "xyzXYZ"
    assert seen == [0]


def racing(looks: list[Standing]) -> tuple[Run, list[int]]:
    """Return a run whose stages are the steps of a race, and the numbers of the steps looked at."""
    run = Run(ScriptClient(answer()), targets=2)
    run.plan = msgspec.structs.replace(run.plan, race=PlannedRace(benchmark="b"))
    seen: list[int] = []

    def look(step: int) -> Standing:
        seen.append(step)
        return looks[step]

    run.look = look
    return run, seen


def test_the_engine_sends_a_step_only_to_those_that_are_left() -> None:
    run, seen = racing([Standing(asked=("t1",)), Standing(asked=())])
    found = [sample.target for sample in run.go().of(Sample)]
    first, second = (run.plan.stages[at].requests for at in (0, 2))
    assert sorted(found) == ["t0"] * first + ["t1"] * (first + second)
    assert seen == [0, 1]


def test_the_engine_does_not_look_at_a_step_that_was_cut_off() -> None:
    run, seen = racing([Standing(asked=("t0", "t1"))] * 9)
    begun = 0

    def tell(progress: Progress) -> None:
        nonlocal begun
        begun += progress.kind == "stage"
        if begun == 3:
            run.control.drain()

    run.control.tell = tell
    run.go()
    assert seen == [0]
