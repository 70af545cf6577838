"""Send a plan stage by stage. Knows nothing of verdicts or displays."""

import asyncio
from collections.abc import Iterator, Mapping
from itertools import chain
from random import Random
from typing import cast

import msgspec

from bakeoff import plugins
from bakeoff.engine.control import Progress
from bakeoff.engine.gate import Gate
from bakeoff.engine.lengths import learn_lengths
from bakeoff.engine.memory import Memory
from bakeoff.engine.race import Look, RaceSteps
from bakeoff.engine.scrape import scraped
from bakeoff.engine.stage import Todo, Workshop, run_stage, stage_schedule
from bakeoff.engine.tally import Tally
from bakeoff.engine.turns import followed, goes_on
from bakeoff.extend import Ladder
from bakeoff.plan import CALIBRATION, derive_seed, intents
from bakeoff.records import Event, Intent, Plan, Stage
from bakeoff.records.steps import Step, StepResult
from bakeoff.words import LengthFeedback

_FLUSH_S = 0.05
_SYNCS = 20
_TICK = Progress(kind="tick")


class Engine:
    """Run a plan in a workshop.

    Args:
        plan: what is sent.
        shop: benchmarks, lanes and store.
        memory: what earlier processes of the run left.
        look: looks at the answers after each step of the plan's race; None sends every step to everybody.
    """

    def __init__(
        self, plan: Plan, shop: Workshop, memory: Memory | None = None, look: Look | None = None
    ) -> None:
        self._plan = plan
        self._race = RaceSteps(plan, look)
        self._shop = shop
        self._memory = memory or Memory()
        self._lengths = dict(self._memory.lengths)
        self._gates: dict[str, Gate] = {}

    async def calibrate(self) -> dict[tuple[str, str], LengthFeedback]:
        """Send the calibration stages that are not done; return what prompts cost, by benchmark and target.

        Raises:
            StoreError: a record cannot be written; what was written stays.
        """
        for stage in self._plan.stages:
            if stage.name == CALIBRATION and not self._shop.control.draining:
                await self._calibrate(stage)
        return self._lengths

    async def run(self) -> None:
        """Send every intent of the plan that is not done.

        Raises:
            StoreError: a record cannot be written; what was written stays.
        """
        store = self._shop.store
        try:
            async with asyncio.TaskGroup() as group:
                # In the group, so that a disk which is full stops the sending too.
                keeper = group.create_task(self._keep())
                await self._stages()
                keeper.cancel()
        except BaseExceptionGroup as errors:
            raise _first(errors) from errors
        finally:
            store.grouped = False
            store.sync()

    async def _stages(self) -> None:
        for number, stage in enumerate(self._plan.stages):
            if self._shop.control.draining:
                break
            if stage.name == CALIBRATION:
                await self._calibrate(stage)
            elif stage.ladder:
                await self._climb(stage)
            elif self._race.asks(number):
                await self._send(stage)
            if not self._shop.control.draining:
                self._race.passed(number)

    async def _calibrate(self, stage: Stage) -> None:
        """Learn what prompts cost; what was cut off is sent again, since each prompt builds on the last."""
        place = (stage.benchmark, stage.target)
        if place not in self._lengths:
            learnt = await learn_lengths(self._shop, stage, self._gate(stage))
            if learnt is not None:
                self._lengths[place] = learnt

    async def _send(self, stage: Stage) -> None:
        memory, follows = self._memory, self._follows(stage)
        missing: list[Intent] = []
        for intent in _all_intents(stage, follows):
            # What follows a turn that is to be sent follows another answer than before.
            if intent.key not in memory.done or (missing and goes_on(missing[-1], intent, follows)):
                missing.append(intent)
        if missing:
            async with scraped(self._shop, stage):
                await run_stage(self._shop, stage, self._todo(stage, missing))

    def _todo(self, stage: Stage, missing: list[Intent]) -> Todo:
        place = (stage.benchmark, stage.target, stage.name)
        return Todo(
            missing=missing,
            gate=self._gate(stage),
            lengths=self._lengths.get((stage.benchmark, stage.target)),
            said=self._memory.said,
            spent_ns=self._memory.spent_ns.get(place, 0),
        )

    def _follows(self, stage: Stage) -> dict[str, str]:
        return followed(self._shop.benches[stage.benchmark].cases)

    async def _climb(self, stage: Stage) -> None:
        """Take the steps of a ladder; a step that was cut off is taken again from its beginning."""
        options = {name: value for name, value in stage.load.items() if name != "kind"}
        ladder: Ladder = plugins.create("loads", stage.load["kind"], options)
        results: list[StepResult] = []
        used = 0
        while not self._shop.control.draining and (step := ladder.next_step(results)) is not None:
            known = self._memory.climbed.get((stage.benchmark, stage.target, step.name))
            if known is None:
                known = await self._take(stage, step, used)
            if known is None:
                return
            results.append(known)
            used += step.requests

    async def _take(self, stage: Stage, step: Step, used: int) -> StepResult | None:
        follows = self._follows(stage)
        part = step_stage(stage, step, used, follows)
        todo = self._todo(part, list(_all_intents(part, follows)))
        async with scraped(self._shop, part):
            tally, valid = await run_stage(self._shop, part, todo)
        if self._shop.control.draining:
            return None
        result = _step_result(step, tally, share=step.requests / part.requests, valid=valid)
        facts = {"benchmark": stage.benchmark, "target": stage.target, "result": msgspec.to_builtins(result)}
        self._shop.store.add(Event(kind="step_ended", facts=facts))
        return result

    def _gate(self, stage: Stage) -> Gate | None:
        if stage.measured:
            return None
        rng = Random(derive_seed(stage.seed, stage.target, "gate"))
        return self._gates.setdefault(stage.target, Gate(None, rng))

    async def _keep(self) -> None:
        """Write groups out in time and have the disk confirm them at least once a second."""
        store, turn = self._shop.store, 0
        while True:
            await asyncio.sleep(_FLUSH_S)
            turn += 1
            store.flush()
            self._shop.control.tell(_TICK)
            if turn % _SYNCS == 0:
                await asyncio.to_thread(store.sync)


def step_stage(stage: Stage, step: Step, used: int, follows: Mapping[str, str]) -> Stage:
    """Return the stage of a ladder's step; each step asks cases of its own while there are any.

    Args:
        stage: the ladder's.
        step: begins so many conversations.
        used: how many the steps before it have begun.
        follows: which case each later turn follows.
    """
    asked: list[list[str]] = []
    for case in stage.cases:
        if case in follows:
            asked[-1].append(case)
        else:
            asked.append([case])
    size = len(asked)
    picked = [asked[(used + index) % size] for index in range(min(step.requests, size))]
    return msgspec.structs.replace(
        stage,
        name=step.name,
        load=step.load,
        cases=list(chain.from_iterable(picked)),
        requests=sum(len(picked[index % len(picked)]) for index in range(step.requests)),
        seed=derive_seed(stage.seed, step.name),
        ladder=False,
    )


def _step_result(step: Step, tally: Tally, *, share: float, valid: bool) -> StepResult:
    """Return what a step measured; a rate counts what the load counts, which is conversations."""
    rate = None if tally.request_rate is None else tally.request_rate * share
    return StepResult(step=step, request_rate=rate, met=tally.met, sent=tally.sent, valid=valid)


def _all_intents(stage: Stage, follows: Mapping[str, str]) -> Iterator[Intent]:
    following = frozenset(follows)
    begun = sum(stage.cases[index % len(stage.cases)] not in following for index in range(stage.requests))
    due = stage_schedule(stage, begun).due_ns
    return intents(stage, None if due is None else list(due), following)


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first error inside nested groups: the others follow from it."""
    return next(_leaves(group))


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(cast("BaseExceptionGroup[BaseException]", error))
        else:
            yield error
