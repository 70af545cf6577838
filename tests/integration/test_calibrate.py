"""The limits of a client, measured with a small effort against the real server process."""

import msgspec

from bakeoff.run.calibrate import Effort, calibrate, figures
from bakeoff.run.loop import run_async

SMALL = Effort(
    rates=(20,),
    halvings=0,
    step_s=0.1,
    flood_requests=40,
    flood_s=20,
    streams=4,
    naps=3,
    tokens=8,
)


def test_everything_is_measured_through_the_real_client():
    found = run_async(calibrate(SMALL))
    assert [(flood.tokens_per_call, flood.requests) for flood in found.floods] == [(1, 40), (8, 40)]
    assert all(flood.cpu_s_per_request > 0 and flood.cpu_share > 0 for flood in found.floods)
    (tried,) = found.rates
    assert (tried.rate, tried.failed) == (20, 0)
    assert tried.lag_p99_s is not None
    assert found.highest_rate == (20 if tried.kept else None)
    assert found.naps.n == 3
    assert len(list(figures(found))) == 6


def test_a_rate_beyond_any_machine_is_not_kept():
    hurried = msgspec.structs.replace(SMALL, rates=(1_000_000,), step_s=0.002, flood_requests=1)
    found = run_async(calibrate(hurried))
    assert (found.highest_rate, found.limit_found) == (None, True)
    assert found.rates[0].kept is False


def test_time_that_is_up_leaves_the_rates_out():
    found = run_async(calibrate(msgspec.structs.replace(SMALL, budget_s=0.0, flood_requests=1)))
    assert (found.rates, found.highest_rate) == ([], None)
