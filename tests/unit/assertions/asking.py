"""Ask scorers made of assertions as a run does."""

import asyncio
from typing import Any

from bakeoff.assertions import make, settled
from bakeoff.records import Case, Choice, Grade, Sample


def ask(kind: str, answer: str, case: Case | None = None, **options: Any) -> Grade:
    """Return the grade of an answer by one entry of `scorers`; options that are keywords end with `_`."""
    case = case or Case(id="c")
    named = {key.rstrip("_"): value for key, value in options.items()}
    scorer = settled(make(Choice(type=kind, options=named)), [case])
    sample = Sample(benchmark="b", case="c", target="t", outcome="ok", text=answer)
    found: Any = scorer.grade(answer, case, sample)
    return found if isinstance(found, Grade) else asyncio.run(found)


def ask_all(answer: str, *items: dict[str, Any], case: Case | None = None, **options: Any) -> Grade:
    """Return the grade of an answer by an `assert-set`."""
    return ask("assert-set", answer, case, assert_=list(items), **options)
