"""Loads that choose their next step by what the last ones measured."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.loads.search import Search
from bakeoff.loads.sweep import Sweep
from bakeoff.records.steps import Step, StepResult


def measured(step: Step, rate: float | None, *, met: int | None = None, valid: bool = True) -> StepResult:
    return StepResult(step=step, request_rate=rate, met=met, sent=step.requests, valid=valid)


def swept(sweep: Sweep, *rates: float | None) -> list[Step]:
    """Take the steps of a sweep whose steps reach these rates, the last one over and over."""
    done: list[StepResult] = []
    while (step := sweep.next_step(done)) is not None:
        done.append(measured(step, rates[min(len(done), len(rates) - 1)]))
    return [each.step for each in done]


def test_a_sweep_goes_evenly_from_the_lowest_rate_to_the_highest():
    steps = swept(Sweep(steps=3, step_requests=50), 10.0, 90.0)
    assert [step.name for step in steps] == ["synchronous", "throughput", "rate=30", "rate=50", "rate=70"]
    assert steps[0].load == {"kind": "sequential"}
    assert steps[1].load == {"kind": "concurrent", "concurrency": 64}
    assert steps[2].load == {"kind": "constant", "rate": 30.0}
    assert [step.requests for step in steps] == [20, 128, 50, 50, 50]


def test_a_sweep_ends_where_there_is_no_rate_between():
    assert len(swept(Sweep(), None)) == 2
    assert len(swept(Sweep(), 10.0, None)) == 2
    assert len(swept(Sweep(), 10.0, 10.0)) == 2
    assert len(swept(Sweep(steps=0), 10.0, 90.0)) == 2


def test_a_sweep_never_sends_more_than_it_says():
    for sweep in (Sweep(), Sweep(steps=9, step_requests=7), Sweep(steps=2, concurrency=2, step_requests=500)):
        assert sum(step.requests for step in swept(sweep, 1.0, 2.0)) <= sweep.length()


def test_first_schedules_fit_the_first_steps():
    assert Sweep().schedule(5, Random(0)).concurrency == 1
    assert Search(start=4).schedule(3, Random(0)).due_ns == (0, 250_000_000, 500_000_000)


def searched(search: Search, limit: float) -> list[float]:
    """Search at a server that meets its targets up to a rate; return the rates that were tried."""
    done: list[StepResult] = []
    while (step := search.next_step(done)) is not None:
        rate: float = step.load["rate"]
        done.append(measured(step, min(rate, limit), met=step.requests if rate <= limit else 0))
    return [each.step.load["rate"] for each in done]


@given(st.floats(0.5, 200), st.floats(0.05, 0.5))
def test_a_search_closes_in_on_the_limit_from_any_start(limit: float, precision: float):
    search = Search(start=8.0, precision=precision, most_steps=60)
    tried = searched(search, limit)
    held = max((rate for rate in tried if rate <= limit), default=0.0)
    failed = min(rate for rate in tried if rate > limit)
    assert held < failed <= held * (1 + precision) * 1.000001
    assert len(tried) < 20


def test_a_search_goes_no_further_than_it_may():
    assert len(searched(Search(most_steps=3), 1e9)) == 3
    assert searched(Search(most_steps=3), 1e9) == [1.0, 2.0, 4.0]
    assert searched(Search(most_steps=3), 0.0) == [1.0, 0.5, 0.25]
    assert Search(most_steps=3, step_requests=80).length() == 240


def tried(search: Search, met: int, *, valid: bool = True) -> list[float]:
    """Search at a server that answers in step at any rate; return the rates that were tried."""
    done: list[StepResult] = []
    while (step := search.next_step(done)) is not None:
        done.append(measured(step, step.load["rate"], met=met, valid=valid))
    return [each.step.load["rate"] for each in done]


def test_a_search_ends_where_a_lower_rate_would_not_help():
    assert tried(Search(start=8.0), 0) == [8.0, 4.0]
    assert tried(Search(start=8.0), 50) == [8.0, 4.0, 2.0, 1.0, 0.5]


def test_a_search_ends_where_the_client_is_the_limit_at_any_rate():
    assert tried(Search(start=8.0), 100, valid=False) == [8.0, 4.0, 2.0]


def test_a_rate_holds_only_where_the_lower_bound_proves_it():
    search = Search(attainment=0.95)
    step = Step(name="rate=1", load={"kind": "poisson", "rate": 1.0}, requests=100)
    assert search.holds(measured(step, 1.0, met=100))
    assert not search.holds(measured(step, 1.0, met=98))
    assert not search.holds(measured(step, 1.0, met=100, valid=False))
    assert not search.holds(measured(step, 1.0))
    assert not search.holds(StepResult(step=step, request_rate=None, met=0, sent=0))


@pytest.mark.parametrize(("attainment", "fewest"), [(0.95, 72), (0.99, 368), (0.5, 6)])
def test_a_search_that_no_server_could_pass_is_refused(attainment: float, fewest: int) -> None:
    step = Step(name="s", load={"kind": "poisson", "rate": 1.0}, requests=fewest)
    passed = StepResult(step=step, request_rate=1.0, met=fewest, sent=fewest, valid=True)
    assert Search(attainment=attainment, step_requests=fewest).holds(passed)
    with pytest.raises(ValueError, match=f"it takes {fewest}"):
        Search(attainment=attainment, step_requests=fewest - 1)
