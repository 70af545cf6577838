"""Two scorers that hold lists of assertions: one for all cases, or one for each from its row."""

from functools import lru_cache
from typing import Any

import msgspec

from bakeoff.assertions.make import as_grade
from bakeoff.assertions.nodes import CheckSet, Subject
from bakeoff.assertions.read import Way, read_set
from bakeoff.errors import PluginError
from bakeoff.records import Case, Grade, Sample


class AssertSet(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Grade an answer by several assertions at once, in the form of promptfoo.

    Each is a mapping with the `type` of a scorer, or `not-` and a type, its options, and any of `weight`
    (1; at 0 it counts nowhere), `metric` (a metric of its own), `transform` (such as `output.trim()`).
    The answer passes when all pass or, with a threshold, when the weighted mean of their scores reaches it.
    The share of passes is the metric; the weighted mean is the metric `score`.

    Attributes:
        assert_: the assertions; an `assert-set` may stand among them, with its own `threshold`.
        threshold: the weighted mean score that passes, in place of every single one.
        allow_code: let them run code: `python`, `javascript`, transforms by functions.
        base: the folder where relative paths start; that of the spec unless given.
        metric: the metric that it feeds.
    """

    assert_: list[Any] = msgspec.field(name="assert")
    threshold: float | None = None
    allow_code: bool = False
    base: str = ""
    metric: str = "accuracy"

    def __post_init__(self) -> None:
        if not self.assert_:
            raise ValueError("`assert` needs at least one assertion")
        self.checks()

    async def grade(self, answer: str, case: Case, sample: Sample) -> Grade:
        """Return what the assertions say together."""
        subject = Subject(answer=answer, case=case, sample=sample)
        return as_grade(await self.checks().whole(subject), answer)

    def checks(self, case: Case | None = None) -> CheckSet:
        """Return the assertions; they are the same for every case."""
        del case
        return _read(_key(self.assert_), self.threshold, self.allow_code, self.base)


class Assertions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Grade each answer by the assertions that its own case brings along, as promptfoo's tests do.

    The column holds a list of assertions, as `assert-set` has it, or JSON text of one. A case without any
    passes. A row can never allow code: that is said here.

    Attributes:
        field: the column with the assertions of a case.
        assert_: assertions for every case, before its own.
        threshold: the weighted mean score that passes, in place of every single one.
        allow_code: let them run code: `python`, `javascript`, transforms by functions.
        base: the folder where relative paths start; that of the spec unless given.
        metric: the metric that it feeds.
    """

    field: str = "assert"
    assert_: list[Any] = msgspec.field(name="assert", default_factory=list[Any])
    threshold: float | None = None
    allow_code: bool = False
    base: str = ""
    metric: str = "accuracy"

    def __post_init__(self) -> None:
        self.checks(Case())

    async def grade(self, answer: str, case: Case, sample: Sample) -> Grade:
        """Return what the assertions of the case say together."""
        subject = Subject(answer=answer, case=case, sample=sample)
        return as_grade(await self.checks(case).whole(subject), answer)

    def checks(self, case: Case) -> CheckSet:
        """Return the assertions of a case.

        Raises:
            PluginError: one of them is wrong.
        """
        own: Any = case.fields.get(self.field)
        if isinstance(own, str):
            own = _listed(own, self.field)
        if own is not None and not isinstance(own, list):
            raise PluginError(f"`{self.field}` must be a list of assertions")
        whole: list[Any] = [*self.assert_, *(own or [])]
        return _read(_key(whole), self.threshold, self.allow_code, self.base)


def _listed(text: str, field: str) -> Any:  # noqa: ANN401  checked by its caller
    if not text.strip():
        return None
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise PluginError(f"`{field}` must be a list of assertions, or JSON of one: {error}") from error


def _key(items: list[Any]) -> bytes:
    try:
        return msgspec.json.encode(items)
    except (TypeError, UnicodeError, OverflowError, RecursionError) as error:
        raise PluginError(f"the assertions hold what is no JSON: {error}") from error


# Rows repeat each other, and a row is asked about once for each target and repeat.
@lru_cache(maxsize=4096)
def _read(items: bytes, threshold: float | None, allow_code: bool, base: str) -> CheckSet:  # noqa: FBT001  cached by it
    return read_set(msgspec.json.decode(items), Way(allow_code=allow_code, base=base), threshold)
