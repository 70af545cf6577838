"""What the progress shows as right is what the results will count as right."""

import pytest
from tests.unit.decide.parts import benchmark, score

from bakeoff.engine.stage import Bench, _right
from bakeoff.records import Choice


@pytest.mark.parametrize(
    ("errors_count", "outcome", "right"),
    [
        (True, "truncated", False),
        (True, "error", False),
        (False, "truncated", None),
        (True, "judge_failed", None),
    ],
)
def test_an_answer_without_a_grade_is_shown_as_it_counts(errors_count, outcome, right):
    bench = Bench(spec=benchmark(scorers=[Choice(type="exact")], errors_count=errors_count), cases={})
    assert _right(score(passed=None, outcome=outcome), bench) is right


def test_a_grade_is_shown_as_it_is():
    bench = Bench(spec=benchmark(scorers=[Choice(type="exact")]), cases={})
    assert _right(score(passed=True), bench) is True
    assert _right(score(passed=None, value=0.4), bench) is None
