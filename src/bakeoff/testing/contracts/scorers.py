"""What every scorer must do.

A third party writes
`def test_mine(): check_scorer(MyScorer(), right="4", wrong="5", case=Case(reference="4"))`.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any

import msgspec

from bakeoff.extend import Scorer, SlowScorer, deterministic
from bakeoff.records import Case, Grade, Sample

HOSTILE = (
    "",
    " ",
    "\n",
    "\0",
    "{{ 7*7 }}",
    "(((((",
    "A" * 50_000,
    "1" * 50_000,
    "\ud7ff\u202e🦆",
    "%s %d {0}",
)


def check_scorer(scorer: Scorer | SlowScorer, *, right: str, wrong: str, case: Case) -> None:
    """Assert the contract of the scorers family on one scorer.

    Args:
        scorer: to check.
        right: an answer that passes.
        wrong: an answer that can be judged and does not pass.
        case: with what the scorer needs, such as a reference.
    """
    assert scorer.metric, "a scorer names the metric that it feeds"
    good, bad = grade(scorer, right, case), grade(scorer, wrong, case)
    assert good.passed is True, f"{right!r} must pass: {good.reason}"
    assert bad.passed is False, f"{wrong!r} must not pass: {bad.reason}"
    assert good.value is not None, "what was judged has a value"
    assert bad.value is not None, "what was judged has a value"
    assert good.value > bad.value, "right is worth more than wrong"
    assert good.parsed is not None, "what was judged is told"
    assert bad.parsed is not None, "what was judged is told; None means that nothing could be extracted"
    for answer in (right, wrong, *HOSTILE):
        result = grade(scorer, answer, case)
        check_grade(result)
        if deterministic(scorer):
            assert result == grade(scorer, answer, case), "the same answer gets the same grade"


def check_ungradable(scorer: Scorer | SlowScorer, case: Case) -> None:
    """Assert that a case without what the scorer needs gets neither a value nor a yes or no."""
    result = grade(scorer, "some answer", case)
    assert result.value is None, "nothing can be judged without it"
    assert result.passed is None, "not judged is not failed"
    assert result.reason, "the reason says what the case lacks"


def check_grade(result: Grade) -> None:
    """Assert that a grade is in its range and explains itself."""
    assert result.reason, "every grade says what was compared"
    assert len(result.reason) < 2000, "a reason is a sentence, not the answer"
    if result.value is not None:
        assert 0.0 <= result.value <= 1.0, "values are 0..1"
        assert result.parsed is not None, "a value needs something that was judged"
    else:
        assert result.passed is not True, "nothing passes without a value"
    msgspec.json.encode(result)


def grade(scorer: Scorer | SlowScorer, answer: str, case: Case) -> Grade:
    """Return the grade of an answer as the engine asks for it, waiting for it where that is needed."""
    sample = Sample(benchmark="contract", case=case.id, target="any", outcome="ok", text=answer)
    found: Grade | Coroutine[Any, Any, Grade] = scorer.grade(answer, case, sample)
    return found if isinstance(found, Grade) else asyncio.run(found)
