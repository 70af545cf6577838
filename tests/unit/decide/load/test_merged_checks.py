"""The checks of several client processes become one."""

import pytest

from bakeoff.decide.load.stages import merged_checks
from bakeoff.records import StageCheck


def check(*reasons: str, **facts: float | None) -> StageCheck:
    return StageCheck(
        benchmark="b", target="t", stage="main", valid=not reasons, reasons=list(reasons), facts=dict(facts)
    )


def test_nothing_was_checked_where_there_is_no_check():
    assert merged_checks([]) is None


def test_rates_and_processor_time_add_up_and_the_worst_of_the_rest_stands():
    merged = merged_checks(
        [
            check(lag_p99_s=0.001, cpu_s=1.0, asked_rate=50.0, sent_rate=50.0, clock_step_s=0.0),
            check("late", lag_p99_s=0.02, cpu_s=2.0, asked_rate=50.0, sent_rate=40.0, clock_step_s=0.005),
        ]
    )
    assert merged is not None
    assert (merged.valid, merged.reasons) == (False, ["late"])
    facts = merged.facts
    assert (facts["cpu_s"], facts["asked_rate"], facts["sent_rate"]) == pytest.approx((3.0, 100.0, 90.0))
    assert (facts["lag_p99_s"], facts["clock_step_s"], facts["processes"]) == (0.02, 0.005, 2.0)


def test_a_closed_loop_has_no_rate_to_add_up():
    merged = merged_checks([check(cpu_s=1.0, asked_rate=None), check(cpu_s=1.0, asked_rate=None)])
    assert merged is not None
    assert merged.facts["asked_rate"] is None
