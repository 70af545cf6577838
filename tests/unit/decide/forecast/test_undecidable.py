"""What data cannot decide is said in sentences, and nothing is said of what they can."""

from typing import Any

import pytest

from bakeoff.decide.forecast.power import Observed, PlannedLoad, Question, planned_comparisons, planned_load
from bakeoff.decide.forecast.undecidable import undecidable
from bakeoff.records import BenchmarkSpec, Choice, DecideSpec, LoadSpec, ModelSpec, SloSpec, Spec

DATA = Choice(type="jsonl")
GRADED = BenchmarkSpec(name="own", dataset=DATA)
LOAD = BenchmarkSpec(name="load", dataset=DATA, measured=True)


def spec(*benchmarks: BenchmarkSpec, models: int = 2, **rule: Any) -> Spec:
    return Spec(
        models=[ModelSpec(name=f"t{n}") for n in range(models)],
        benchmarks=list(benchmarks) or [GRADED],
        decide=DecideSpec(**rule),
    )


def told(
    one: Spec,
    *,
    cases: int = 200,
    size: int = 1,
    margin: float = 0.0,
    seen: dict[tuple[str, str], Observed] | None = None,
    loads: tuple[PlannedLoad, ...] = (),
) -> list[str]:
    names = [model.name for model in one.models]
    question = Question(
        metric="own.accuracy", targets=names, clusters=[size] * (cases // size), margin=margin
    )
    rows = planned_comparisons(question, one.decide, seen or {}, "run-1")
    return list(undecidable(one, rows, loads))


def test_the_gap_that_will_not_be_seen_is_said_for_both_ends_of_the_assumption():
    (text,) = told(spec())
    assert text == (
        "with 200 cases, a gap under 9.1 points on own.accuracy will mostly not be seen if two targets "
        "disagree on 20 % of the cases; a gap under 14.2 points if on 50 % (80 % power, one comparison)"
    )


def test_a_family_shares_its_level():
    (text,) = told(spec(models=3))
    assert text.endswith("(80 % power, 3 comparisons, the first at 1.7 %)")


def test_the_cases_that_a_margin_needs_are_said_where_there_are_fewer():
    _, needs = told(spec(), margin=0.03)
    assert needs == (
        "for your margin of 3 points on own.accuracy, about this many cases are needed: 1,745 if two targets "
        "disagree on 20 % of them, 2,617 if on 30 %, 4,361 if on 50 % (200 are planned)"
    )
    _, some = told(spec(), cases=2000, margin=0.03)
    assert "1,745" not in some
    assert "2,617 if two targets disagree on 30 % of them, 4,361 if on 50 %" in some
    assert len(told(spec(), cases=5000, margin=0.03)) == 1


def test_few_cases_can_show_nothing_at_all():
    (text,) = told(spec(), cases=8)
    assert text.startswith("8 cases can show no gap at all on own.accuracy, however large")
    (text,) = told(spec(), cases=25)
    assert (
        "no gap on own.accuracy will be seen if two targets disagree on 20 % of the cases; a gap under"
        in text
    )


def test_clusters_are_said_with_what_they_are_worth():
    (text,) = told(spec(), cases=300, size=3)
    assert "with 300 cases in clusters (worth 214 at a correlation of 0.2)" in text


def test_an_earlier_run_names_the_pairs():
    seen = {("t0", "t1"): Observed(disagreement=0.1, n=128)}
    gap, needs = told(spec(), margin=0.03, seen=seen)
    assert gap == (
        "with 200 cases, these will mostly not be seen on own.accuracy: a gap under 6.5 points between t0 "
        "and t1, who disagreed on 10 % of 128 cases of run-1 (80 % power, one comparison)"
    )
    assert "about 873 cases are needed for t0 and t1 (200 are planned)" in needs


def test_of_many_pairs_the_finest_and_the_coarsest_are_told_and_those_unseen_assumed():
    seen = {
        ("t0", "t1"): Observed(disagreement=0.3, n=50),
        ("t0", "t2"): Observed(disagreement=0.04, n=50),
        ("t1", "t2"): Observed(disagreement=0.1, n=50),
    }
    (text,) = told(spec(models=3), seen=seen)
    assert "between t1 and t2, who" in text
    assert "no gap however large between t0 and t2, who disagreed on 4 %" in text
    assert "; 1 pair lies between (" in text
    assumed, known = told(spec(models=3), seen={("t0", "t1"): Observed(disagreement=0.3, n=50)})
    assert "if two targets disagree on 20 %" in assumed
    assert "between t0 and t1" in known


def test_missing_axes_are_said_first():
    one = spec(LOAD, slo=SloSpec(ttft=1.0))
    assert list(undecidable(one, [], [])) == [
        "no benchmark grades the answers of two targets, so quality cannot be compared"
    ]
    first, second = undecidable(spec(models=1, slo=SloSpec(ttft=1.0)), [], [])
    assert first.startswith("there is one target")
    assert second.startswith("the latency targets stay open")


def test_too_few_requests_for_an_attainment_and_its_percentiles():
    first, second = told(spec(GRADED, LOAD), loads=(planned_load("load", 60, 0.95, 0.95),))[1:]
    assert first == (
        "load: 60 requests cannot prove an attainment of 95 %, even without a miss: that takes 72"
    )
    assert second == (
        "load: with 60 requests there is no upper bound of p95 and p99 (p95 takes 72, p99 takes 368)"
    )
    assert "of p99 (p99 takes 368)" in told(spec(), loads=(planned_load("load", 72, 0.95, 0.95),))[1]
    assert len(told(spec(), loads=(planned_load("load", 400, 0.95, 0.95),))) == 1


def test_an_attainment_of_everything_is_never_proved():
    found = told(spec(), loads=(planned_load("load", 5000, 1.0, 0.95),))
    assert found[1] == "load: no number of requests proves that 100 % meet the latency targets"


@pytest.mark.parametrize(
    ("load", "said"),
    [
        (LoadSpec(kind="concurrent"), "load: answers set the pace of its load, so it says nothing of 5/s"),
        (
            LoadSpec(kind="constant", options={"rate": 2.0}),
            "load: it sends 2/s, so it cannot show that 5/s is borne",
        ),
        (LoadSpec(kind="constant", options={"rate": 5.0}), None),
        (LoadSpec(kind="search"), None),
    ],
)
def test_a_rate_that_is_not_sent_cannot_be_judged(load, said):
    measured = BenchmarkSpec(name="load", dataset=DATA, measured=True, load=load)
    found = told(spec(GRADED, measured, slo=SloSpec(ttft=1.0, at_rate=5.0)))[1:]
    assert found == ([said] if said else [])
