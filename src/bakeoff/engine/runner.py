"""Send a plan stage by stage. Knows nothing of verdicts or displays."""

import asyncio
from collections.abc import Iterator, Mapping, Set
from random import Random
from typing import cast

import msgspec

from bakeoff import plugins
from bakeoff.engine.gate import Gate
from bakeoff.engine.stage import Workshop, run_stage, stage_schedule
from bakeoff.engine.tally import Tally
from bakeoff.extend import Ladder
from bakeoff.plan import derive_seed, intents
from bakeoff.records import Event, Intent, Plan, Stage
from bakeoff.records.steps import Step, StepResult

Key = tuple[str, str, str, int, str]

_FLUSH_S = 0.05
_SYNCS = 20


class Engine:
    """Run a plan in a workshop.

    Args:
        plan: what is sent.
        shop: benchmarks, lanes and store.
        climbed: results of steps that an earlier process finished, by benchmark, target and step name.
    """

    def __init__(
        self, plan: Plan, shop: Workshop, climbed: Mapping[tuple[str, str, str], StepResult] | None = None
    ) -> None:
        self._plan = plan
        self._shop = shop
        self._climbed = climbed or {}
        self._gates: dict[str, Gate] = {}

    async def run(self, done: Set[Key]) -> None:
        """Send every intent of the plan whose key is not in `done`.

        Raises:
            StoreError: a record cannot be written; what was written stays.
        """
        store = self._shop.store
        try:
            async with asyncio.TaskGroup() as group:
                # In the group, so that a disk which is full stops the sending too.
                keeper = group.create_task(self._keep())
                await self._stages(done)
                keeper.cancel()
        except BaseExceptionGroup as errors:
            raise _first(errors) from errors
        finally:
            store.grouped = False
            store.sync()

    async def _stages(self, done: Set[Key]) -> None:
        for stage in self._plan.stages:
            if self._shop.control.draining:
                break
            if stage.ladder:
                await self._climb(stage)
            else:
                await self._send(stage, done)

    async def _send(self, stage: Stage, done: Set[Key]) -> None:
        missing = [intent for intent in _all_intents(stage) if intent.key not in done]
        if missing:
            await run_stage(self._shop, stage, missing, self._gate(stage))

    async def _climb(self, stage: Stage) -> None:
        """Take the steps of a ladder; a step that was cut off is taken again from its beginning."""
        options = {name: value for name, value in stage.load.items() if name != "kind"}
        ladder: Ladder = plugins.create("loads", stage.load["kind"], options)
        results: list[StepResult] = []
        used = 0
        while not self._shop.control.draining and (step := ladder.next_step(results)) is not None:
            known = self._climbed.get((stage.benchmark, stage.target, step.name))
            if known is None:
                known = await self._take(stage, step, used)
            if known is None:
                return
            results.append(known)
            used += step.requests

    async def _take(self, stage: Stage, step: Step, used: int) -> StepResult | None:
        part = step_stage(stage, step, used)
        tally, valid = await run_stage(self._shop, part, list(_all_intents(part)), None)
        if self._shop.control.draining:
            return None
        result = _step_result(step, tally, valid=valid)
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
            if turn % _SYNCS == 0:
                await asyncio.to_thread(store.sync)


def step_stage(stage: Stage, step: Step, used: int) -> Stage:
    """Return the stage of a ladder's step; each step asks cases of its own while there are any."""
    size = len(stage.cases)
    picked = [stage.cases[(used + index) % size] for index in range(min(step.requests, size))]
    return msgspec.structs.replace(
        stage,
        name=step.name,
        load=step.load,
        cases=picked,
        requests=step.requests,
        seed=derive_seed(stage.seed, step.name),
        ladder=False,
    )


def climbed_steps(events: Iterator[Event]) -> dict[tuple[str, str, str], StepResult]:
    """Return the finished steps of ladders by benchmark, target and name."""
    found: dict[tuple[str, str, str], StepResult] = {}
    for event in events:
        if event.kind == "step_ended":
            result = msgspec.convert(event.facts["result"], StepResult)
            found[event.facts["benchmark"], event.facts["target"], result.step.name] = result
    return found


def _step_result(step: Step, tally: Tally, *, valid: bool) -> StepResult:
    return StepResult(step=step, request_rate=tally.request_rate, met=tally.met, sent=tally.sent, valid=valid)


def _all_intents(stage: Stage) -> Iterator[Intent]:
    due = stage_schedule(stage).due_ns
    return intents(stage, None if due is None else list(due))


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first error inside nested groups: the others follow from it."""
    return next(_leaves(group))


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(cast("BaseExceptionGroup[BaseException]", error))
        else:
            yield error
