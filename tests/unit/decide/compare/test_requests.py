"""Requests side by side: times of a load in the order in which they were due, and what answers cost."""

from decimal import Decimal
from random import Random

import pytest
from tests.unit.decide.parts import benchmark, sample

from bakeoff.decide.compare.requests import cost_comparisons, latency_comparisons
from bakeoff.decide.compare.requests import timed as timed_request
from bakeoff.decide.gather.collect import Answers, Timed, collect
from bakeoff.records import Case, Comparison, DecideSpec, Price, Target, Usage

RULE = DecideSpec()


def timed(target: str, seconds: list[float | None]) -> list[object]:
    return [
        sample(
            f"c{n}",
            target,
            "error" if one is None else "ok",
            scheduled_at=10**9 * n,
            first_token_at=None if one is None else 10**9 * n + round(one * 1e9),
            done_at=None if one is None else 10**9 * n + round(2 * one * 1e9),
        )
        for n, one in enumerate(seconds)
    ]


def latencies(left: list[float | None], right: list[float | None]) -> list[Comparison]:
    data = collect(timed("a", left) + timed("b", right), [], frozenset())
    return latency_comparisons(data, benchmark(measured=True), ["a", "b"], RULE)


def test_latencies_are_compared_in_seconds_for_first_token_and_end():
    ttft, e2e = latencies([0.5, 0.6, 0.7], [0.1, 0.2, 0.3])
    assert (ttft.metric, e2e.metric) == ("b.ttft", "b.e2e")
    assert (ttft.difference, e2e.difference) == (pytest.approx(0.4), pytest.approx(0.8))
    assert (ttft.unit, e2e.unit) == ("s", "s")
    assert ttft.note.startswith("difference of means, over requests that both answered; only 3 of 3 requests")


def test_requests_that_one_side_failed_are_left_out_and_told():
    ttft, _ = latencies([0.5, None, 0.7, 0.8], [0.1, 0.2, None, 0.3])
    assert ttft.n == 2
    assert "; 2 requests are left out because only one of the two has a value; " in ttft.note


@pytest.mark.parametrize("values", [([None, None], [0.1, 0.2]), ([], [])])
def test_a_target_without_an_answer_gives_no_comparison_of_latencies(values):
    assert latencies(*values) == []


def test_one_common_request_shows_nothing():
    ttft, _ = latencies([0.1], [0.2])
    assert (ttft.n, ttft.p, ttft.low) == (1, 1.0, None)
    assert "only 1 of 1 requests differs" in ttft.note


def test_a_target_that_was_not_measured_gives_no_comparison():
    data = collect(timed("a", [0.1, 0.2]), [], frozenset())
    assert latency_comparisons(data, benchmark(measured=True), ["a", "b"], RULE) == []


def test_a_slow_spell_is_one_event_and_no_proof():
    """One target meets a spell in which its server was busy: 50 neighbours, not 50 independent signs."""
    left = [0.3 if 40 <= n < 90 else 0.1 for n in range(200)]
    ttft, _ = latencies(left, [0.1] * 200)
    assert ttft.difference == pytest.approx(0.05)
    assert ttft.p > 0.05
    assert ttft.low < 0 < ttft.high
    assert ttft.test.startswith("block bootstrap, ")


def test_dependent_neighbours_raise_few_false_alarms():
    """Two equal servers whose latency wanders: the share of p < 0.05 stays near 0.05."""
    rng = Random(7)

    def wandering() -> list[float | None]:
        level, found = 0.0, []
        for _ in range(300):
            level = 0.8 * level + rng.gauss(0, 0.01)
            found.append(0.5 + level)
        return found

    alarms = sum(latencies(wandering(), wandering())[0].p < 0.05 for _ in range(40))
    assert alarms <= 7


def test_the_order_of_the_store_does_not_matter():
    """Samples are stored as they end, and compared as they were due."""
    rng = Random(1)
    made = {t: timed(t, [0.1 + (0.2 if 40 <= n < 90 else 0) * (t == "a") for n in range(200)]) for t in "ab"}
    told = latency_comparisons(collect(made["a"] + made["b"], [], frozenset()), benchmark(), ["a", "b"], RULE)
    mixed = [*made["a"], *made["b"]]
    rng.shuffle(mixed)
    assert latency_comparisons(collect(mixed, [], frozenset()), benchmark(), ["a", "b"], RULE) == told


def test_requests_of_different_stages_are_different_requests():
    slow = [
        sample("c0", "a", stage="rate=1", done_at=10**9),
        sample("c0", "a", stage="rate=9", done_at=9 * 10**9),
    ]
    other = [sample("c0", "b", stage="rate=1", done_at=10**9)]
    (row,) = latency_comparisons(collect(slow + other, [], frozenset()), benchmark(), ["a", "b"], RULE)
    assert (row.metric, row.n, row.difference) == ("b.e2e", 1, 0.0)


def test_times_of_different_requests_are_compared_unpaired():
    left = [sample(f"x{n}", "a", scheduled_at=n, done_at=n + 2 * 10**8 + n) for n in range(40)]
    right = [sample(f"y{n}", "b", scheduled_at=n, done_at=n + 10**8 + n) for n in range(60)]
    (row,) = latency_comparisons(collect(left + right, [], frozenset()), benchmark(), ["a", "b"], RULE)
    assert row.test == "unpaired: Welch t over clusters"
    assert (row.n, row.n_b, row.difference) == (40, 60, pytest.approx(0.1))
    assert "the two answered different requests (40 and 60)" in row.note


def test_an_incumbent_limits_the_pairs():
    data = collect([one for t in "abc" for one in timed(t, [0.1] * 9)], [], frozenset())
    rule = DecideSpec(incumbent="b")
    rows = latency_comparisons(data, benchmark(), ["a", "b", "c"], rule, only_incumbent=True)
    assert {(row.a, row.b) for row in rows} == {("a", "b"), ("c", "b")}


PRICE = Price(input=Decimal(1), output=Decimal(10))


def target(name: str, price: Price | None = PRICE) -> Target:
    return Target(name=name, provider="openai", model=name, price=price)


def answered(name: str, tokens: list[int | None], repeat: int = 0) -> list[object]:
    return [
        sample(
            f"c{n}", name, repeat=repeat, usage=Usage() if one is None else Usage(prompt=100, completion=one)
        )
        for n, one in enumerate(tokens)
    ]


def costs(samples: list[object], *targets: Target, known: dict[str, Case] | None = None) -> list[Comparison]:
    return cost_comparisons(collect(samples, [], frozenset()), benchmark(), known or {}, targets, RULE)


def test_costs_are_compared_in_usd_per_request_on_the_same_cases():
    tokens = [50 + n for n in range(30)]
    (row,) = costs(
        answered("a", tokens) + answered("b", [2 * one + n % 3 for n, one in enumerate(tokens)]),
        target("a"),
        target("b"),
    )
    assert (row.metric, row.unit, row.n) == ("b.cost", "USD", 30)
    assert row.difference == pytest.approx(-(64.5 + 1) * 10 / 1e6)
    assert row.low < row.difference < row.high < 0
    assert row.note == "USD per request, over cases for which both have a cost"


def test_a_cost_that_is_unknown_is_left_out_and_told():
    (row,) = costs(answered("a", [50, None, 70]) + answered("b", [50, 60, 70]), target("a"), target("b"))
    assert row.n == 2
    assert "1 cases are left out because only one of the two has a cost" in row.note


def test_a_target_without_a_price_has_no_costs_to_compare():
    assert costs(answered("a", [5]) + answered("b", [5]), target("a"), target("b", None)) == []
    assert costs(answered("a", [5]), target("a"), target("b")) == []


def test_equal_costs_have_no_interval_of_shares():
    (row,) = costs(answered("a", [5] * 9) + answered("b", [5] * 9), target("a"), target("b"))
    assert (row.difference, row.p, row.low) == (0.0, 1.0, None)
    assert "the same value on every one of the 9 cases" in row.note


def test_repeats_of_a_case_count_once():
    samples = [one for t in "ab" for n in range(3) for one in answered(t, [5, 6, 7], repeat=n)]
    (row,) = costs(samples, target("a"), target("b"))
    assert row.n == 3


def test_costs_of_different_cases_are_unpaired():
    other = [sample(f"y{n}", "b", usage=Usage(prompt=1, completion=n)) for n in range(9)]
    (row,) = costs(answered("a", [50, 60, 70]) + other, target("a"), target("b"))
    assert row.test == "unpaired: Welch t"
    assert (row.n, row.n_b) == (3, 9)


def test_folded_loads_bring_their_own_requests():
    own = {
        t: {("main", f"c{n}", 0): Timed(due=n, cost=(n + (t == "a")) / 1e6) for n in range(9)} for t in "ab"
    }
    data = {("b", t): Answers(samples=[], scores={}, requests=requests) for t, requests in own.items()}
    (row,) = cost_comparisons(data, benchmark(), {}, [target("a"), target("b")], RULE)
    assert (row.n, row.difference) == (9, pytest.approx(1e-6))


def test_a_failed_request_has_no_time():
    found = timed_request(sample("c0", "a", "error", first_token_at=5, done_at=9), PRICE)
    assert (found.ttft, found.e2e, found.cost) == (None, None, None)
