"""What one server holds is what was shown, and servers come whole."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.decide.cost.capacity import bounded, break_even, capacity_of, hosting
from bakeoff.records import BreakEven, Estimate, SloSpec, StageCheck, StageResult

SLO = SloSpec(ttft=0.5, attainment=0.9)


def stage(
    name: str, rate: float | None, met: tuple[float, float] | None = None, **fields: Any
) -> StageResult:
    """Return a stage at a rate, with the interval of the share that met the targets."""
    share = None
    if met is not None:
        share = Estimate(value=sum(met) / 2, unit="share", n=100, low=met[0], high=met[1])
    return StageResult(
        benchmark="load", target="t", stage=name, request_rate=rate, slo_attainment=share, **fields
    )


def bad(name: str, rate: float) -> StageResult:
    check = StageCheck(benchmark="load", target="t", stage=name, valid=False, reasons=["slow"])
    return stage(name, rate, (0.99, 1.0), client=check)


def test_a_rate_of_a_closed_loop_says_so():
    closed = stage("c=8", 4.0, (0.95, 1.0), load={"kind": "concurrent", "concurrency": 8})
    assert "a closed loop, whose requests wait" in capacity_of([closed], SLO).note
    open_loop = stage("4/s", 4.0, (0.95, 1.0), load={"kind": "poisson", "rate": 4.0})
    assert "closed loop" not in capacity_of([open_loop], SLO).note


def test_the_capacity_is_the_highest_rate_that_was_shown_to_meet_the_targets():
    stages = [
        stage("1/s", 1.0, (0.97, 1.0), output_token_rate=40.0),
        stage("4/s", 4.0, (0.91, 0.98), output_token_rate=160.0),
        stage("6/s", 6.0, (0.85, 0.95)),
        stage("8/s", 7.5, (0.2, 0.4), asked_rate=8.0),
        bad("9/s", 9.0),
    ]
    found = capacity_of(stages, SLO)
    assert (found.requests, found.below, found.tokens) == (4.0, 8.0, 40.0)
    assert "at least 4 requests/s in stage 4/s of load" in found.note
    assert "at 8/s they were missed" in found.note


def test_without_a_missed_rate_the_capacity_is_only_a_lower_bound():
    found = capacity_of([stage("1/s", 1.0, (0.97, 1.0))], SLO)
    assert (found.requests, found.below, found.tokens) == (1.0, None, None)
    assert "no higher rate was shown to miss them" in found.note


def test_without_targets_it_is_the_highest_rate_of_a_sound_client():
    found = capacity_of([stage("a", 2.0), stage("b", 5.0), bad("c", 9.0)], None)
    assert found.requests == 5.0
    assert "no latency target" in found.note


@pytest.mark.parametrize(
    ("stages", "reason"),
    [
        ([], "no benchmark with `measured: true` asked it"),
        ([bad("a", 3.0), stage("b", None)], "in no stage the client kept up"),
        ([stage("a", 3.0)], "no stage tells how many requests met"),
        (
            [stage("a", 3.0, (0.5, 0.8)), stage("b", 2.0, (0.6, 0.95))],
            "b came nearest with 77.5% (at least 60.0%, n = 100)",
        ),
    ],
)
def test_an_unknown_capacity_says_why(stages, reason):
    found = capacity_of(stages, SLO)
    assert found.requests is None
    assert reason in found.note


def test_a_full_server_costs_its_hour_over_the_requests_of_an_hour():
    # 3.60 USD per hour at 2 requests/s: 7,200 requests an hour, 0.0005 USD each.
    found = hosting(Decimal("3.60"), 2.0, None)
    assert found.per_request == Decimal("0.0005")
    assert (found.replicas, found.per_month, found.utilisation) == (None, None, None)


def test_servers_are_whole_and_all_of_them_are_paid():
    # 5 requests/s on servers of 2: 3 of them, 10.80 USD per hour for 18,000 requests.
    found = hosting(Decimal("3.60"), 2.0, 5.0)
    assert found.replicas == 3
    assert found.per_request == Decimal("0.0006")
    assert found.per_month == Decimal("3.60") * 3 * 720
    assert found.utilisation == pytest.approx(5 / 6)


def test_a_traffic_that_fills_servers_exactly_needs_no_further_one():
    assert hosting(Decimal(1), 0.1, 0.3).replicas in {3, 4}
    assert hosting(Decimal(1), 2.5, 5.0).replicas == 2


def test_break_even_of_one_server_worked_by_hand():
    # 1.80 USD per hour is 0.0005 USD per second; at 0.001 USD a request that is 0.5 requests/s.
    # Servers hold 2/s: a quarter of one. 2 servers from 2/s on cost as much as 1/s, less than 2/s do.
    found = break_even(Decimal("1.80"), 2.0, Decimal("0.001"), "api")
    assert (found.from_rate, found.always_from) == (0.5, 0.5)


def test_break_even_where_a_second_server_makes_the_other_cheaper_again():
    # 3.60 per hour is 0.001 per second; at 0.001 USD a request 1/s pays for a server that holds 1.25/s.
    # n servers need n/s: cheaper throughout their range once n <= 1.25 (n - 1), from n = 5 on; 4 still pay
    # off above 4/s only.
    found = break_even(Decimal("3.60"), 1.25, Decimal("0.001"), "api")
    assert (found.from_rate, found.always_from) == (1.0, 4.0)


@pytest.mark.parametrize("capacity", [0.5, 1.0])
def test_a_server_that_costs_as_much_when_full_never_pays(capacity):
    found = break_even(Decimal("3.60"), capacity, Decimal("0.001"), "api")
    assert (found.from_rate, found.always_from) == (None, None)
    assert "never: even a full server costs" in found.note


def test_against_what_costs_nothing_no_server_pays():
    assert break_even(Decimal(1), 1.0, Decimal(0), "api").note == "never: api costs nothing"


def test_a_free_server_always_pays():
    found = break_even(Decimal(0), 1.0, Decimal("0.001"), "api")
    assert (found.from_rate, found.always_from) == (0.0, 0.0)


@given(
    st.integers(1, 400).map(lambda n: Decimal(n) / 100),
    st.integers(1, 400).map(lambda n: n / 64),
    st.integers(1, 400).map(lambda n: Decimal(n) / 100_000),
)
def test_above_the_break_even_whole_servers_are_cheaper_and_below_it_some_rate_is_not(hour, capacity, each):
    found = break_even(hour, capacity, each, "api")
    if found.from_rate is None or found.always_from is None:
        return

    def hosted_is_cheaper(rate: Fraction) -> bool:
        servers = -(-rate // Fraction(capacity))
        return servers * Fraction(hour) / 3600 < rate * Fraction(each)

    first, always = Fraction(found.from_rate), Fraction(found.always_from)
    tiny = Fraction(1, 10**12)
    assert not hosted_is_cheaper(first * (1 - tiny))
    assert hosted_is_cheaper(first * (1 + tiny)) or first * (1 + tiny) > Fraction(capacity)
    assert not hosted_is_cheaper(always * (1 - tiny))
    for step in range(1, 60):
        rate = always * (1 + tiny) + step * Fraction(capacity) / 7
        assert hosted_is_cheaper(rate)
    first_of_next = (always // Fraction(capacity) + 1) * Fraction(capacity) * (1 + tiny)
    assert hosted_is_cheaper(first_of_next)


EACH = Decimal("0.001")


def even_at(capacity: float) -> BreakEven:
    """Return the break-even of a server at 1 USD per 1,000 seconds, worth 1 paid request a second."""
    return break_even(Decimal("3.60"), capacity, EACH, "api")


def test_the_interval_of_a_break_even_is_that_of_the_throughput():
    found = bounded(even_at(1.25), even_at(1.1), even_at(2.0))
    assert (found.from_rate, found.always_from) == (1.0, 4.0)
    assert (found.always_from_low, found.always_from_high) == (1.0, even_at(1.1).always_from)
    assert found.always_from_high is not None
    assert found.always_from_high > 4.0
    assert not found.may_never


def test_at_the_low_end_hosting_may_never_pay():
    found = bounded(even_at(1.25), even_at(0.9), even_at(2.0))
    assert (found.always_from, found.always_from_low, found.always_from_high) == (4.0, 1.0, None)
    assert found.may_never


def test_at_the_high_end_hosting_may_pay_although_it_never_seems_to():
    found = bounded(even_at(0.9), even_at(0.5), even_at(1.25))
    assert (found.always_from, found.always_from_low, found.always_from_high) == (None, 4.0, None)
    assert found.may_never
    assert found.note.startswith("never: even a full server costs")
    assert found.note.endswith("but above 4 requests/s at the upper end of the throughput that was measured")


def test_without_an_interval_of_the_throughput_there_is_none_of_the_break_even():
    assert bounded(even_at(1.25), None, even_at(2.0)) == even_at(1.25)
    assert bounded(even_at(1.25), even_at(1.1), None) == even_at(1.25)
    never = bounded(even_at(0.5), even_at(0.4), even_at(0.6))
    assert never == even_at(0.5)


def test_the_capacity_has_the_interval_of_its_stage():
    found = capacity_of([stage("a", 2.0, request_rate_low=1.8, request_rate_high=2.2), stage("b", 1.0)], None)
    assert (found.requests, found.low, found.high) == (2.0, 1.8, 2.2)
