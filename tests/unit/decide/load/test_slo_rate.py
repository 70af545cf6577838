"""The highest rate that met the latency targets, and in which kind of stage it was seen."""

from typing import Any

from bakeoff.decide.load.loads import _slo_rate
from bakeoff.records import Estimate, SloSpec
from bakeoff.records.result import StageResult

SLO = SloSpec(ttft=1.0, attainment=0.9)


def stage(seen: float, low: float, **load: Any) -> StageResult:
    met = Estimate(value=1.0, unit="share", n=100, low=low, high=1.0)
    return StageResult(
        benchmark="b", target="t", stage=f"{seen:g}", request_rate=seen, slo_attainment=met, load=load
    )


def test_a_rate_that_was_seen_in_a_closed_loop_says_so() -> None:
    slow, fast = stage(2.0, 0.95, kind="poisson", rate=2.0), stage(5.0, 0.95, kind="concurrent")
    assert _slo_rate([slow, stage(5.0, 0.8, kind="concurrent")], SLO).value == 2.0
    assert "closed loop" not in _slo_rate([slow], SLO).note
    found = _slo_rate([slow, fast], SLO)
    assert (found.value, "a closed loop, whose requests wait for answers" in found.note) == (5.0, True)
