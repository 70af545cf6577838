"""A function or an expression in Python grades the answer."""

import ast
import textwrap
from typing import Any

import msgspec

from bakeoff.records import Case, Grade, Sample
from bakeoff.records.units import Count, Seconds
from bakeoff.sandbox import FILE, Limits, Script, call, script
from bakeoff.scorers import _script


class Python(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Grade an answer by Python code of your own, in a process without network.

    A single line is an expression, several are the body of a function; both see `output` and `context`
    (`vars`, `config`, `reference`, `metadata`, `providerResponse`). It returns true or false; a number; or
    `{"pass": …, "score": …, "reason": …, "namedScores": {…}}`, whose named scores become metrics. Where it
    raises, is ended by time or memory, or returns anything else, the score is `judge_failed`, without a
    value and in no rate; as one of `assertions` or of an `assert-set` it fails, as in promptfoo. A
    `{{field}}` in the code stands for that field, escaped as inside quotes. promptfoo: `python`.

    Attributes:
        value: the code, or `file://check.py:function`, whose function is `get_assert` unless named.
        threshold: a number passes from here on, without it above 0; a smaller `score` never passes.
        config: handed to the code as `context["config"]`.
        allow_code: must be true; code in a file of data can never say it itself.
        base: the folder where relative paths start; that of the spec unless given.
        timeout: seconds for one answer.
        memory_mb: memory of the process.
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
        _script.check(self.value, "python", allowed=self.allow_code)
        code = textwrap.dedent(self.value.rstrip())
        if "{{" in code or self.value.startswith(FILE):
            return
        try:
            # The grammar takes a `return` outside of a function; that is for the compiler to say.
            ast.parse(code.strip() if "\n" not in code else code, mode="exec" if "\n" in code else "eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise ValueError(f"the code is no Python: {error}") from error

    def missing(self) -> str:
        """Say what is not there that this scorer needs, or return an empty text."""
        return self._wanted.missing()

    async def grade(self, answer: str, case: Case, sample: Sample) -> Grade:
        """Return what the code says of the answer."""
        return await self.grade_output(answer, case, sample)

    async def grade_output(self, output: object, case: Case, sample: Sample) -> Grade:
        """Return what the code says of an output that need not be text."""
        limits = Limits(seconds=self.timeout, memory_mb=self.memory_mb)
        wanted = msgspec.structs.replace(self._wanted, code=_script.filled(self._wanted.code, case, "python"))
        reply = await call(wanted, output, _script.context(case, sample, self.config), limits)
        return _script.grade_of(reply, "Python", self.threshold)

    def negated(self, grade: Grade) -> Grade:
        """Return the opposite of a grade, for `not-python`."""
        return _script.negated(grade)

    def as_failure(self, grade: Grade) -> Grade:
        """Return a grade of code that failed itself as one of a promptfoo assertion, which did not pass."""
        return _script.as_failure(grade)

    @property
    def _wanted(self) -> Script:
        return script(self.value, self.base, "python", "get_assert")
