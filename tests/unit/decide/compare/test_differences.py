"""Differences told beside the deciding metric, and numbers that another tool reported."""

import msgspec
import pytest

from bakeoff.decide.compare.differences import shown_differences
from bakeoff.decide.gather.reported import import_facts, with_reported
from bakeoff.records import Comparison, Estimate, Event, TargetResult
from bakeoff.records.imported import ImportFacts, Reported


def compared(
    metric: str, low: float | None = -0.3, high: float | None = -0.1, **fields: object
) -> Comparison:
    made = Comparison(
        a="a",
        b="b",
        metric=metric,
        difference=None if low is None or high is None else (low + high) / 2,
        low=low,
        high=high,
        p=0.001,
        p_adjusted=0.002,
        n=30,
        test="t",
    )
    return msgspec.structs.replace(made, **fields)


def sentences(*rows: Comparison, quality: str | None = "q.accuracy") -> list[str]:
    return list(shown_differences(rows, quality, 0.95))


def test_a_slice_of_the_deciding_metric_is_told_in_points() -> None:
    assert sentences(compared("q.accuracy@category=x")) == [
        (
            "b is better than a on q.accuracy@category=x: by 20 points (95% interval 10 to 30, "
            "adjusted p = 0.002, n = 30)"
        )
    ]


def test_a_slice_is_told_only_where_it_says_more_than_the_whole() -> None:
    whole = compared("q.accuracy")
    assert sentences(whole, compared("q.accuracy@category=x")) == []
    turned = compared("q.accuracy@category=x", a="b", b="a", low=0.1, high=0.3)
    assert sentences(turned, whole) == []
    (told,) = sentences(whole, compared("q.accuracy@category=x", low=0.1, high=0.3))
    assert told.startswith("a is better than b on q.accuracy@category=x")
    (told,) = sentences(whole, compared("q.accuracy@category=x", b="c"))
    assert told.startswith("c is better than a")


@pytest.mark.parametrize("metric", ["load.ttft", "load.e2e"])
def test_a_latency_is_told_as_faster_in_milliseconds(metric: str) -> None:
    (told,) = sentences(compared(metric), quality=None)
    assert told.startswith(f"a is faster than b on {metric}: by 200 ms")


@pytest.mark.parametrize("metric", ["q.accuracy", "other.accuracy@category=x", "load.cost"])
def test_other_metrics_are_not_told(metric: str) -> None:
    assert sentences(compared(metric)) == []


@pytest.mark.parametrize(
    "row",
    [
        compared("load.ttft", low=None),
        compared("load.ttft", high=None),
        compared("load.ttft", p_adjusted=None),
        compared("load.ttft", difference=0.0),
        compared("load.ttft", p_adjusted=0.06),
        compared("load.ttft", low=-0.3, high=0.1),
    ],
)
def test_what_is_not_beyond_doubt_is_not_told(row: Comparison) -> None:
    assert sentences(row) == []


def estimate(value: float | None, n: int, note: str = "") -> Estimate:
    return Estimate(value=value, unit="s", n=n, note=note)


def target(**metrics: Estimate) -> TargetResult:
    named = {name.replace("__", "."): one for name, one in metrics.items()}
    return TargetResult(name="m", model="m", engine=None, metrics=named, outcomes={"load": {}})


def facts(**metrics: Estimate) -> ImportFacts:
    named = {name.replace("__", "."): one for name, one in metrics.items()}
    reported = Reported(benchmark="load", target="m", metrics=named, outcomes={"ok": 9})
    return msgspec.convert(
        {"tool": "t", "version": None, "files": [], "notes": [], "reported": [msgspec.to_builtins(reported)]},
        ImportFacts,
    )


def test_a_reported_number_stands_where_no_sample_gives_one() -> None:
    found = with_reported([target(load__ttft=estimate(None, 0))], [facts(ttft__p50=estimate(0.2, 9))])
    assert found[0].metrics == {"load.ttft.p50": estimate(0.2, 9)}, "the unknown whole is replaced"
    assert found[0].outcomes == {"load": {"ok": 9}}


def test_a_reported_number_stands_where_it_is_of_more_samples() -> None:
    known = target(load__ttft__p50=estimate(0.1, 5), load__e2e__p50=estimate(1.0, 50))
    told = facts(ttft__p50=estimate(0.2, 9), e2e__p50=estimate(2.0, 9))
    metrics = with_reported([known], [told])[0].metrics
    assert metrics["load.ttft.p50"].value == 0.2
    assert metrics["load.e2e.p50"].value == 1.0


def test_counted_outcomes_and_other_targets_stay_as_they_are() -> None:
    other = msgspec.structs.replace(target(), name="other")
    counted = msgspec.structs.replace(target(), outcomes={"load": {"ok": 3}})
    found = with_reported([other, counted], [facts()])
    assert found[0] == other
    assert found[1].outcomes == {"load": {"ok": 3}}


def test_only_the_events_of_an_import_are_read() -> None:
    told = facts(ttft__p50=estimate(0.2, 9))
    events = [
        Event(kind="note", facts={"a": 1}),
        Event(kind="imported", facts=msgspec.to_builtins(told)),
    ]
    assert import_facts(events) == [told]
    assert import_facts([]) == []
