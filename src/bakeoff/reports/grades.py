"""The grades of one benchmark in columns, and the choice of the cases worth showing.

One slot per case and target, whatever the number of scores; it never sees an answer's text.
"""

from array import array

import msgspec

from bakeoff.records import Score
from bakeoff.records.view import Answer

_REASON = 400


def _even(places: list[int], most: int) -> list[int]:
    """Return at most `most` places, spread evenly over the list."""
    if len(places) <= most:
        return places
    return [places[step * len(places) // most] for step in range(most)]


class Grades:
    """Counts passes and values per case and target, in the order in which cases appear."""

    def __init__(self, targets: list[str], most: int) -> None:
        self._targets = {name: place for place, name in enumerate(targets)}
        self._width = len(targets)
        self._most = most
        self._cases: dict[str, int] = {}
        self._passes = array("i")
        self._fails = array("i")
        self._valued = array("i")
        self._values = array("d")
        self._reasons: dict[int, str] = {}
        self._ungraded: dict[str, None] = {}
        self.chosen: set[str] = set()
        self.differing = 0

    @property
    def total(self) -> int:
        """Return the number of cases seen."""
        return len(self._cases) + len(self._ungraded)

    def add(self, score: Score) -> None:
        """Count one score; one of a target that is no part of the results is left out."""
        target = self._targets.get(score.target)
        if target is None:
            return
        row = self._cases.get(score.case)
        if row is None:
            row = self._cases[score.case] = len(self._cases)
            for column in (self._passes, self._fails, self._valued):
                column.extend([0] * self._width)
            self._values.extend([0.0] * self._width)
        slot = row * self._width + target
        if score.passed is not None:
            (self._passes if score.passed else self._fails)[slot] += 1
        if score.value is not None:
            self._valued[slot] += 1
            self._values[slot] += score.value
        if score.reason and slot not in self._reasons:
            self._reasons[slot] = score.reason[:_REASON]

    def _slot_state(self, slot: int) -> tuple[int, int, float]:
        valued = self._valued[slot]
        return (self._passes[slot], self._fails[slot], self._values[slot] / valued if valued else -1.0)

    def _row_differs(self, row: int) -> bool:
        first = row * self._width
        states = {self._slot_state(slot) for slot in range(first, first + self._width)}
        return len(states) > 1

    def _row_failed(self, row: int) -> bool:
        first = row * self._width
        return any(self._fails[first : first + self._width])

    def choose(self) -> None:
        """Choose the cases to show: those where targets differ, then failed ones, then the rest."""
        tiers: tuple[list[int], list[int], list[int]] = ([], [], [])
        for row in range(len(self._cases)):
            differs = self._row_differs(row)
            tiers[0 if differs else 1 if self._row_failed(row) else 2].append(row)
        self.differing = len(tiers[0])
        left = self._most
        rows: set[int] = set()
        for tier in tiers:
            rows.update(_even(tier, left))
            left = self._most - len(rows)
        self.chosen = {case for case, row in self._cases.items() if row in rows}

    def add_ungraded(self, case: str) -> bool:
        """Note a case that no score names, and tell whether its answers are shown."""
        if case in self._cases:
            return False
        self._ungraded[case] = None
        if len(self.chosen) < self._most:
            self.chosen.add(case)
            return True
        return False

    def shown_cases(self) -> list[str]:
        """Return the chosen cases in order of appearance."""
        return [case for case in (*self._cases, *self._ungraded) if case in self.chosen]

    def differs(self, case: str) -> bool:
        """Tell whether the targets' grades of a case differ."""
        row = self._cases.get(case)
        return row is not None and self._row_differs(row)

    def graded_answer(self, case: str, answer: Answer) -> Answer:
        """Return the answer with its grades."""
        row = self._cases.get(case)
        target = self._targets.get(answer.target)
        if row is None or target is None:
            return answer
        slot = row * self._width + target
        passes, fails, value = self._slot_state(slot)
        return msgspec.structs.replace(
            answer,
            passed=fails == 0 if passes + fails else None,
            passes=passes,
            grades=passes + fails,
            value=value if self._valued[slot] else None,
            reason=self._reasons.get(slot, ""),
        )
