"""A function or an expression in JavaScript grades the answer, where Node is there to run it."""

from typing import Any

import msgspec

from bakeoff.records import Case, Grade, Sample
from bakeoff.records.units import Count, Seconds
from bakeoff.sandbox import Limits, Script, call, script
from bakeoff.scorers import _script


class JavaScript(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Grade an answer by JavaScript code of your own, in a Node process without network.

    A single line is an expression, several are the body of a function; both see `output`, `context` and
    `process`. What it may return, and what becomes of errors, is as for `python`. Without `node` on the
    PATH the run is refused. promptfoo: `javascript`.

    Attributes:
        value: the code, or `file://check.js:function`; without a function the file exports one.
        threshold: a number passes from here on, without it above 0; a smaller `score` never passes.
        config: handed to the code as `context.config`.
        allow_code: must be true; code in a file of data can never say it itself.
        base: the folder where relative paths start; that of the spec unless given.
        timeout: seconds for one answer.
        memory_mb: memory of Node's heap.
        metric: the metric that it feeds.
    """

    value: str
    threshold: float | None = None
    config: dict[str, Any] = {}
    allow_code: bool = False
    base: str = ""
    timeout: Seconds = 10.0
    memory_mb: Count = 512
    metric: str = "accuracy"

    def __post_init__(self) -> None:
        _script.check(self.value, "javascript", allowed=self.allow_code)

    def missing(self) -> str:
        """Say what is not there that this scorer needs, or return an empty text."""
        return self._wanted.missing()

    async def grade(self, answer: str, case: Case, sample: Sample) -> Grade:
        """Return what the code says of the answer."""
        return await self.grade_output(answer, case, sample)

    async def grade_output(self, output: object, case: Case, sample: Sample) -> Grade:
        """Return what the code says of an output that need not be text."""
        limits = Limits(seconds=self.timeout, memory_mb=self.memory_mb)
        wanted = msgspec.structs.replace(
            self._wanted, code=_script.filled(self._wanted.code, case, "javascript")
        )
        reply = await call(wanted, output, _script.context(case, sample, self.config), limits)
        return _script.grade_of(reply, "JavaScript", self.threshold)

    def negated(self, grade: Grade) -> Grade:
        """Return the opposite of a grade, for `not-javascript`."""
        return _script.negated(grade)

    def as_failure(self, grade: Grade) -> Grade:
        """Return a grade of code that failed itself as one of a promptfoo assertion, which did not pass."""
        return _script.as_failure(grade)

    @property
    def _wanted(self) -> Script:
        return script(self.value, self.base, "javascript")
