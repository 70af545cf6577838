from collections.abc import Callable
from typing import Any

import pytest

from bakeoff.extend import Scorer
from bakeoff.records import Case, Grade, Sample


@pytest.fixture
def grade() -> Callable[..., Grade]:
    def grade(scorer: Scorer, answer: str, reference: Any = None, **case: Any) -> Grade:
        sample = Sample(benchmark="b", case="c", target="t", outcome="ok", text=answer)
        return scorer.grade(answer, Case(id="c", reference=reference, **case), sample)

    return grade
