"""Data that can show little or nothing: a sentence says so, and no number pretends otherwise."""

import math

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.unit.decide.parts import benchmark, cases, sample, score

from bakeoff.decide.compare.comparisons import quality_comparisons
from bakeoff.decide.compare.requests import cost_comparisons, latency_comparisons
from bakeoff.decide.gather.collect import collect
from bakeoff.records import Case, Comparison, DecideSpec, Price, Score, Target, Usage

NAN, INF = math.nan, math.inf
HARD = [
    None,
    NAN,
    INF,
    -INF,
    0.0,
    1.0,
    0.5,
    1 / 3,
    -1.0,
    1e308,
    -1e308,
    1e100,
    1e-308,
    5e-324,
    1e-60,
    1 + 1e-16,
]
ANSWERS = st.lists(
    st.tuples(st.sampled_from([f"c{n}" for n in range(6)]), st.integers(0, 2), st.sampled_from(HARD)),
    max_size=14,
)
SHARES = st.lists(
    st.tuples(
        st.sampled_from([f"c{n}" for n in range(9)]), st.just(0), st.sampled_from([None, 0.0, 1.0, NAN])
    ),
    max_size=14,
)


def scores_of(target: str, answers: list[tuple[str, int, float | None]]) -> list[Score]:
    return [
        score(
            case, target, passed=None, value=value, repeat=repeat, outcome="error" if value is None else "ok"
        )
        for case, repeat, value in answers
    ]


def check(row: Comparison) -> None:
    """The numbers are numbers, they agree with each other, and what they cannot show is said."""
    for value in (row.difference, row.low, row.high):
        assert value is None or math.isfinite(value)
    assert row.p is None or 0 < row.p <= 1
    assert (row.low is None) == (row.high is None)
    if row.low is not None:
        slack = 1e-9 * max(abs(row.low), abs(row.high), 1e-300)
        assert row.low - slack <= row.difference <= row.high + slack
    if row.difference is None:
        assert (row.p, row.test, row.n) == (None, "none", 0)
    if row.p is None or row.low is None or row.n == 1 or row.difference == 0 == row.only_a == row.only_b:
        assert row.note
    assert msgspec.json.decode(msgspec.json.encode(row), type=Comparison) == row


@settings(max_examples=300)
@given(left=ANSWERS, right=ANSWERS, clustered=st.booleans(), errors_count=st.booleans())
@example(left=[("c0", 0, 1.0)], right=[("c0", 0, 0.0)], clustered=False, errors_count=True)
@example(left=[("c0", 0, NAN)], right=[("c0", 0, NAN)], clustered=False, errors_count=True)
@example(left=[("c0", 0, 1e308)], right=[("c0", 0, -1e308)], clustered=True, errors_count=True)
@example(left=[("c0", 0, 1e308)], right=[("c1", 0, -1e308)], clustered=True, errors_count=True)
def test_any_scores_give_a_row_that_holds_together(left, right, clustered, errors_count):
    known = {f"c{n}": Case(id=f"c{n}", cluster="one" if clustered and n < 4 else None) for n in range(6)}
    data = collect([], scores_of("a", left) + scores_of("b", right), frozenset())
    rows = quality_comparisons(data, benchmark(errors_count=errors_count), known, ["a", "b"], DecideSpec())
    assert len(rows) == (1 if left and right else 0)
    for row in rows:
        check(row)


@settings(max_examples=200)
@given(left=SHARES, right=SHARES, errors_count=st.booleans())
def test_any_passes_give_a_row_that_holds_together(left, right, errors_count):
    data = collect([], scores_of("a", left) + scores_of("b", right), frozenset())
    rows = quality_comparisons(data, benchmark(errors_count=errors_count), cases(9), ["a", "b"], DecideSpec())
    for row in rows:
        check(row)


@settings(max_examples=100)
@given(
    left=st.lists(st.sampled_from([None, 0, 1, 10**9, 10**15]), max_size=12),
    right=st.lists(st.sampled_from([None, 0, 1, 10**9, 10**15]), max_size=12),
    shift=st.sampled_from([0, 5, 20]),
)
def test_any_times_and_tokens_give_rows_that_hold_together(left, right, shift):
    samples = [
        sample(
            f"c{n + shift * (target == 'b')}",
            target,
            "error" if one is None else "ok",
            scheduled_at=n,
            done_at=None if one is None else n + one,
            usage=Usage() if one is None else Usage(prompt=one, completion=1),
        )
        for target, values in (("a", left), ("b", right))
        for n, one in enumerate(values)
    ]
    data = collect(samples, [], frozenset())
    price = msgspec.convert({"input": "1", "output": "2"}, Price)
    targets = [Target(name=name, provider="openai", model=name, price=price) for name in "ab"]
    rows = latency_comparisons(data, benchmark(), ["a", "b"], DecideSpec())
    rows += cost_comparisons(data, benchmark(), {}, targets, DecideSpec())
    for row in rows:
        check(row)


def only(left: list[float | None], right: list[float | None], **fields: object) -> Comparison:
    made = (
        [(f"c{n}", 0, one) for n, one in enumerate(left)],
        [(f"c{n}", 0, one) for n, one in enumerate(right)],
    )
    data = collect([], scores_of("a", made[0]) + scores_of("b", made[1]), frozenset())
    (row,) = quality_comparisons(data, benchmark(**fields), cases(60), ["a", "b"], DecideSpec())
    return row


@pytest.mark.parametrize(
    ("left", "right", "said"),
    [
        (
            [1.0],
            [0.0],
            "only 1 of 1 cases differs: even if all favoured the same target, p could not fall below 1",
        ),
        ([1.0] * 50, [1.0] * 50, "both are right on every one of the 50 cases: too easy to tell them apart"),
        ([0.0] * 50, [0.0] * 50, "neither is right on any of the 50 cases: too hard to tell them apart"),
        ([1.0, 0.0] * 9, [1.0, 0.0] * 9, "the two have the same value on every one of the 18 cases"),
        ([None] * 9, [None] * 9, "no answer of a or of b could be graded: nothing can be concluded"),
        ([NAN] * 9, [1.0] * 9, "9 grades of a are NaN or infinite, which is no grade"),
        ([1e300, 0.5], [1.0, 1.0], "not compared: the values are too large to be computed with"),
        ([1e-300, 0.5], [0.0, 0.5], "not compared: the values are too close to be computed with"),
        ([0.5] * 9, [0.25] * 9, "so there is no spread to make an interval from"),
        (
            [0.5, 0.9] * 4,
            [0.25, 0.3] * 4,
            "an interval from 8 cases holds the truth somewhat less often than 95%",
        ),
    ],
)
def test_the_sentence_says_what_is_the_matter(left, right, said):
    assert said in only(left, right).note


def test_the_reach_of_what_was_not_seen_is_told():
    row = only([1.0] * 50, [1.0] * 50)
    assert f"they may differ by up to {100 * row.high:.1f} points" in row.note
    assert row.low == pytest.approx(-row.high)


def test_one_document_is_one_observation():
    known = {f"c{n}": Case(id=f"c{n}", cluster="the document") for n in range(30)}
    made = [(f"c{n}", 0, 1.0) for n in range(30)], [(f"c{n}", 0, 0.0) for n in range(30)]
    data = collect([], scores_of("a", made[0]) + scores_of("b", made[1]), frozenset())
    (row,) = quality_comparisons(data, benchmark(), known, ["a", "b"], DecideSpec())
    assert (row.p, row.low) == (1.0, None)
    assert row.note.startswith("the 30 cases form only 1 independent group: even if all favoured")


def test_a_clear_result_from_enough_cases_needs_no_sentence():
    assert only([1.0] * 40, [0.0] * 20 + [1.0] * 20).note == ""
