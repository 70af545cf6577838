from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.records import Sample, Score
from bakeoff.records.view import CaseText, Curve, RunView
from bakeoff.reports import Caps, build_view
from bakeoff.testing.views import make_case, make_results, make_spec, make_view

NAMES = ["small-a", "larger-b"]


def sample(case: str = "q000", target: str = "small-a", **fields: object) -> Sample:
    plain = {
        "benchmark": "facts",
        "case": case,
        "target": target,
        "outcome": "ok",
        "text": f"{case} {target}",
    }
    return msgspec.convert(plain | fields, Sample)


def score(case: str = "q000", target: str = "small-a", **fields: object) -> Score:
    plain = {"benchmark": "facts", "case": case, "target": target, "scorer": "exact", "metric": "accuracy"}
    return msgspec.convert(plain | {"value": 1.0, "passed": True, "outcome": "ok"} | fields, Score)


def build(samples: list[Sample], scores: list[Score], rows: int = 500, text: int = 4000) -> RunView:
    return build_view(
        make_results(NAMES),
        make_spec(NAMES),
        samples=iter(samples),
        scores=iter(scores),
        cases=make_case,
        caps=Caps(rows=rows, text=text),
    )


def curve(view: RunView, benchmark: str, target: str, metric: str) -> Curve:
    wanted = (benchmark, target, metric)
    return next(one for one in view.curves if (one.benchmark, one.target, one.metric) == wanted)


def test_rows_where_targets_differ_come_first_then_failed_ones() -> None:
    marks = {"q000": (True, True), "q001": (False, False), "q002": (True, False)}
    scores = [score(c, n, passed=p) for c, pair in marks.items() for n, p in zip(NAMES, pair, strict=True)]
    view = build([sample(c, n) for c in marks for n in NAMES], scores)
    assert [(row.case, row.differs, row.failed) for row in view.rows] == [
        ("q002", True, True),
        ("q001", False, True),
        ("q000", False, False),
    ]
    assert (view.counts.total, view.counts.differ) == (3, 1)


def test_row_carries_each_target_s_answer_in_order_of_targets() -> None:
    view = build([sample(target="larger-b"), sample()], [score(), score(target="larger-b")])
    assert [answer.text for answer in view.rows[0].answers] == ["q000 small-a", "q000 larger-b"]
    assert view.rows[0].reference == "Paris"


def test_cap_keeps_the_differing_rows_and_counts_all() -> None:
    cases = [f"q{number:03d}" for number in range(100)]
    scores = [score(c, n, passed=n == "small-a" or int(c[1:]) % 10 != 0) for c in cases for n in NAMES]
    view = build([sample(c, n) for c in cases for n in NAMES], scores, rows=12)
    assert len(view.rows) == 12
    assert sum(row.differs for row in view.rows) == 10 == view.counts.differ
    assert view.counts.total == 100


def test_rows_over_the_cap_are_spread_over_the_run() -> None:
    cases = [f"q{number:03d}" for number in range(100)]
    scores = [score(c, n, passed=n == "small-a") for c in cases for n in NAMES]
    view = build([], scores, rows=4)
    assert [row.case for row in view.rows] == ["q000", "q025", "q050", "q075"]


def test_target_without_a_sample_is_missing_and_never_passed() -> None:
    view = build([sample()], [score()])
    assert [(a.outcome, a.passed) for a in view.rows[0].answers] == [("ok", True), ("missing", None)]
    assert view.rows[0].differs


def test_cases_that_nobody_graded_are_rows_too() -> None:
    samples = [sample(target=name, outcome="error", error="HTTP 500", text="") for name in NAMES]
    view = build(samples, [])
    assert [answer.error for answer in view.rows[0].answers] == ["HTTP 500", "HTTP 500"]
    assert view.rows[0].failed
    assert view.counts.total == 1


def test_repeats_show_the_first_answer_and_count_all_grades() -> None:
    samples = [sample(repeat=1, text="second"), sample(repeat=0, text="first")]
    view = build(samples, [score(repeat=0), score(repeat=1, passed=False, value=0.0, reason="wrong")])
    answer = view.rows[0].answers[0]
    assert (answer.text, answer.passed, answer.passes, answer.grades) == ("first", False, 1, 2)
    assert (answer.value, answer.reason) == (0.5, "wrong")


def test_pass_is_never_inferred_from_a_value() -> None:
    view = build([sample()], [score(passed=None, value=1.0)])
    assert view.rows[0].answers[0].passed is None


def test_long_text_is_cut_and_says_so() -> None:
    view = build([sample(text="a" * 50, thinking="b" * 7)], [score()], text=20)
    answer = view.rows[0].answers[0]
    assert (len(answer.text), answer.cut) == (20, 30)


def test_load_samples_give_curves_and_no_rows() -> None:
    view = build([sample(benchmark="load", first_token_at=10**8, done_at=10**9)], [])
    assert view.rows == []
    assert curve(view, "load", "small-a", "ttft").seconds == [0.1]
    assert curve(view, "load", "small-a", "e2e").seconds == [1.0]


def test_warm_up_is_no_part_of_anything() -> None:
    warm = sample(stage="warmup", first_token_at=1)
    view = build([warm], [score(stage="warmup")])
    assert view.curves == []
    assert view.rows == []


def test_latency_counts_from_the_due_time() -> None:
    late = sample(benchmark="load", scheduled_at=10**8, sent_at=9 * 10**8, first_token_at=10**9)
    assert curve(build([late], []), "load", "small-a", "ttft").seconds == [0.9]


def test_failed_requests_stay_in_the_denominator_of_the_curve() -> None:
    fast = [sample(f"s{n}", benchmark="load", first_token_at=10**8) for n in range(3)]
    failed = sample("s4", benchmark="load", outcome="timeout", first_token_at=10**7)
    one = curve(build([*fast, failed], []), "load", "small-a", "ttft")
    assert one.shares[-1] == pytest.approx(0.75)
    assert (one.n, one.total) == (3, 4)


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=900))
def test_curve_is_the_empirical_distribution(moments: list[int]) -> None:
    samples = [sample(f"s{n}", benchmark="load", first_token_at=m) for n, m in enumerate(moments)]
    one = curve(build(samples, []), "load", "small-a", "ttft")
    ordered = sorted(moment / 1e9 for moment in moments)
    assert len(one.seconds) <= 201
    assert one.seconds[0] == ordered[0]
    assert (one.seconds[-1], one.shares[-1]) == (ordered[-1], 1.0)
    assert all(
        ordered[round(s * len(ordered)) - 1] == v for v, s in zip(one.seconds, one.shares, strict=True)
    )


def test_stages_are_never_merged() -> None:
    samples = [sample(benchmark="load", stage=stage, first_token_at=10**8) for stage in ("rate-1", "rate-2")]
    assert {one.stage for one in build(samples, []).curves} == {"rate-1", "rate-2"}


def test_command_is_the_run_s_own_or_repeats_the_stored_spec() -> None:
    view = make_view(targets=1)
    assert view.command == "bakeoff run bakeoff.yaml --seed 0"
    plain = msgspec.structs.replace(view.results, environment={})
    again = build_view(plain, make_spec(NAMES), samples=[], scores=[], cases=make_case)
    assert again.command == "bakeoff run runs/2026-11-21-support-bot-7f3a/spec.yaml"


def test_only_shown_cases_are_asked_for_their_text() -> None:
    asked: list[str] = []

    def text(benchmark: str, case: str) -> CaseText:
        asked.append(case)
        return CaseText(question=case)

    scores = (score(f"q{n:03d}", name) for n in range(1000) for name in NAMES)
    samples: Iterator[Sample] = (sample(f"q{n:03d}", name) for n in range(1000) for name in NAMES)
    view = build_view(
        make_results(NAMES), make_spec(NAMES), samples=samples, scores=scores, cases=text, caps=Caps(rows=5)
    )
    assert len(asked) == len(view.rows) == 5


def test_latency_targets_of_the_spec_become_lines() -> None:
    lines = {(line.benchmark, line.metric): line.seconds for line in make_view().slos}
    assert lines == {("load", "ttft"): 0.5, ("load", "e2e"): 4.0}
