"""The steps of a race within a plan: who is still asked, and when it is time to look.

Knows no scores and no tests: what a look shows is told by whoever keeps the scores.
"""

from collections import Counter
from collections.abc import Callable, Sequence

import msgspec

from bakeoff.records import Plan, Stage


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where a race stands after a look: who is asked on; nobody where it has ended."""

    asked: tuple[str, ...]


Look = Callable[[int], Standing]
"""Takes the number of a step, from 0, whose answers are all there and graded."""


class RaceSteps:
    """Follows the stages of a plan by their numbers; those of other benchmarks are always asked.

    Args:
        plan: with its race, if it has one.
        look: None where nobody looks, so that every step is sent to everybody.
    """

    def __init__(self, plan: Plan, look: Look | None) -> None:
        self._look = look
        self._step: dict[int, int] = {}
        self._target: dict[int, str] = {}
        if plan.race is not None and look is not None:
            self._learn(plan.race.benchmark, plan.stages)
        self._last = {step: number for number, step in self._step.items()}
        self._asked: tuple[str, ...] = tuple(dict.fromkeys(self._target.values()))

    def _learn(self, benchmark: str, stages: Sequence[Stage]) -> None:
        steps: Counter[str] = Counter()
        for number, stage in enumerate(stages):
            if stage.benchmark == benchmark:
                self._step[number], self._target[number] = steps[stage.target], stage.target
                steps[stage.target] += 1

    def asks(self, number: int) -> bool:
        """Tell whether a stage is sent."""
        return number not in self._step or self._target[number] in self._asked

    def passed(self, number: int) -> None:
        """Take note that a stage is over, sent or not; look where it was the last one of its step."""
        step = self._step.get(number)
        if step is not None and self._look is not None and self._asked and self._last[step] == number:
            self._asked = self._look(step).asked
