from typing import Any

import pytest

from bakeoff.metrics.rates import OutputTokenRate, RequestRate
from bakeoff.records import Sample, Usage

S = 1_000_000_000


def answer(start: float, end: float | None, tokens: int | None = 10, **values: Any) -> Sample:
    return Sample(
        **{"benchmark": "b", "case": "c", "target": "t", "outcome": "ok"} | values,
        scheduled_at=int(start * S),
        done_at=None if end is None else int(end * S),
        usage=Usage(completion=tokens),
    )


def test_answers_and_tokens_per_second_of_the_window():
    samples = [answer(10, 11), answer(10.5, 14), answer(12, 12.5)]
    assert RequestRate().reduce(iter(samples)).value == pytest.approx(3 / 4)
    assert OutputTokenRate().reduce(iter(samples)).value == pytest.approx(30 / 4)


def test_a_pause_before_a_resume_and_between_stages_does_not_count():
    samples = [
        answer(0, 2),
        answer(100, 102, segment=1),
        answer(200, 202, stage="main-2", segment=1),
    ]
    estimate = RequestRate().reduce(iter(samples))
    assert (estimate.value, estimate.n) == (pytest.approx(3 / 6), 3)


def test_failed_samples_stretch_the_window_and_count_nothing():
    samples = [answer(0, 1), answer(0, 10, outcome="timeout"), answer(19, None, outcome="error")]
    estimate = RequestRate().reduce(iter(samples))
    assert (estimate.value, estimate.n) == (pytest.approx(1 / 19), 1)
    assert OutputTokenRate().reduce(iter(samples)).value == pytest.approx(10 / 19)


def test_cancelled_samples_stretch_nothing():
    samples = [answer(0, 2), answer(50, 60, outcome="cancelled")]
    assert RequestRate().reduce(iter(samples)).value == pytest.approx(0.5)


def test_one_unknown_token_count_makes_the_token_rate_unknown():
    samples = [answer(0, 1), answer(0, 2, tokens=None)]
    estimate = OutputTokenRate().reduce(iter(samples))
    assert (estimate.value, estimate.n) == (None, 2)
    assert estimate.note == "1 of 2 answers came without a token count"
    assert RequestRate().reduce(iter(samples)).value == pytest.approx(1)


def test_an_instant_is_no_window():
    assert RequestRate().reduce(iter([answer(1, 1)])).value is None
