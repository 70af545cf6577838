"""The speed section: stage table, percentiles, recommended stages, what is invalid, how it was measured."""

import re
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.charts.numbers import Scale
from bakeoff.records import Distribution, Estimate, Results, StageCheck, StageResult
from bakeoff.records.view import RunView, SloLine
from bakeoff.reports.html import render
from bakeoff.reports.load_points import knee, load_points, meeting
from bakeoff.reports.markdown import MarkdownReport
from bakeoff.reports.percentiles import needed, percentile, tables
from bakeoff.reports.speed import STAGES, Speed, speeds
from bakeoff.reports.stage_table import StageTable, stage_table
from bakeoff.stats.intervals import quantile_interval
from bakeoff.testing.load_views import describe, make_load_view
from bakeoff.testing.views import make_view

MS = Scale(factor=1000.0, unit="ms")


def spread(value: float, n: int = 1000) -> Distribution:
    made = describe([value * (1 + place / n) for place in range(n)])
    assert made is not None
    return made


def stage(name: str = "main", **fields: object) -> StageResult:
    plain = StageResult(benchmark="load", target="model-a", stage=name, outcomes={"ok": 1000})
    return msgspec.structs.replace(plain, **fields)


def attained(low: float | None) -> Estimate:
    return Estimate(value=0.99, low=low, high=1.0, n=100, unit="share")


def invalid(name: str = "main") -> StageCheck:
    reason = "requests went out late; lower the rate"
    return StageCheck(benchmark="load", target="model-a", stage=name, valid=False, reasons=[reason])


def with_results(view: RunView, **fields: object) -> RunView:
    return msgspec.structs.replace(view, results=msgspec.structs.replace(view.results, **fields))


def column(table: StageTable, label: str) -> list[str]:
    place = [one.label for one in table.columns].index(label)
    return [row.cells[place].line for row in table.rows]


def only(view: RunView) -> Speed:
    (found,) = speeds(view)
    return found


@given(st.sampled_from([0.5, 0.9, 0.95, 0.99]), st.sampled_from([0.9, 0.95, 0.99]))
def test_percentile_needs_just_the_samples_that_bound_it_from_above(share: float, level: float) -> None:
    enough = needed(share, level)
    assert quantile_interval(list(range(enough)), share, level=level).high is not None
    assert quantile_interval(list(range(enough - 1)), share, level=level).high is None


def test_percentile_without_enough_samples_is_no_number() -> None:
    cell = percentile(spread(0.1, n=367), "p99", MS)
    assert (cell.value, cell.known, cell.interval) == ("needs n ≥ 368", False, "")
    assert percentile(spread(0.1, n=368), "p99", MS).known


def test_percentile_carries_its_interval() -> None:
    cell = percentile(spread(0.1), "p50", MS)
    assert re.fullmatch(r"\[1\d\d\.\d, 1\d\d\.\d\]", cell.interval)
    bare = msgspec.structs.replace(spread(0.1), bounds={})
    assert percentile(bare, "p50", MS).interval == ""


def test_narrow_interval_adds_no_decimals_below_a_microsecond() -> None:
    made = describe([0.005 + place * 1e-12 for place in range(1000)])
    assert made is not None
    cell = percentile(made, "p50", MS)
    assert (cell.value, cell.interval) == ("5.000", "[5.000, 5.000]")
    assert column(stage_table([stage(tpot=made)]), "tpot p50") == ["5.00, p95 5.00"]


def test_percentile_tables_hold_every_metric_that_was_measured_and_no_other() -> None:
    made = tables([stage(ttft=spread(0.1), ttfa=spread(0.1), lag=spread(0.001))])
    assert [table.metric for table in made] == ["ttft", "lag"]
    assert made[0].unit == "ms"
    assert [cell.known for cell in made[0].rows[0].cells] == [True] * 5 + [False] + [True] * 2


def test_time_to_first_answer_is_shown_where_it_differs() -> None:
    made = tables([stage(ttft=spread(0.1), ttfa=spread(0.5))])
    assert [table.metric for table in made] == ["ttft", "ttfa"]


def test_gaps_between_events_are_shown_where_they_are_not_those_between_tokens() -> None:
    same = stage("a", itl=spread(0.02), chunk_gap=spread(0.02))
    apart = stage("b", chunk_gap=spread(0.08))
    assert [table.metric for table in tables([same])] == ["itl"]
    labels = [one.label for one in stage_table([same, apart]).columns]
    assert labels[-2:] == ["itl p50", "event gap p50"]
    assert "unknown" not in column(stage_table([same, apart]), "event gap p50")


def test_stage_table_shows_only_what_some_stage_has_and_names_what_one_lacks() -> None:
    table = stage_table([stage("c=1", ttft=spread(0.1)), stage("c=8", request_rate=4.0)])
    assert [one.label for one in table.columns] == ["answered", "requests", "ttft p50"]
    assert column(table, "answered") == ["unknown", "4.00"]
    assert column(table, "ttft p50")[1] == "unknown"


def test_stage_table_sets_the_asked_beside_the_achieved_rate() -> None:
    asked = stage("r", asked_rate=5.0, request_rate=4.0, seconds=60.0)
    table = stage_table([asked, stage("c", load={"kind": "concurrent"}), stage("t", load={"kind": "trace"})])
    assert column(table, "asked") == ["5.00", "closed loop", "unknown"]
    assert column(table, "answered")[0] == "4.00, 80.0% of asked, over 60.0 s"


def test_every_outcome_stands_in_its_stage() -> None:
    one = stage(outcomes={"timeout": 2, "ok": 7, "odd": 1})
    assert column(stage_table([one]), "requests") == ["10, 7 ok, 2 timeout, 1 odd"]


def test_number_of_values_is_told_where_it_is_not_that_of_the_answers() -> None:
    table = stage_table([stage(ttft=spread(0.1), itl=spread(0.02, n=5000))])
    assert "n=" not in column(table, "ttft p50")[0]
    assert column(table, "itl p50")[0].endswith("n=5,000")


def test_attainment_has_its_exact_interval_and_n() -> None:
    table = stage_table([stage(slo_attainment=attained(0.9)), stage()])
    assert column(table, "target met") == ["99, [90, 100], n=100", "unknown"]


def power(rates: list[float], times: list[float]) -> list[StageResult]:
    pairs = zip(rates, times, strict=True)
    return [stage(f"{rate}", request_rate=rate, e2e=spread(time)) for rate, time in pairs]


def test_knee_is_where_rate_over_time_is_largest() -> None:
    found = knee(power([1, 2, 4, 4.5], [0.1, 0.11, 0.15, 0.9]))
    assert found is not None
    assert found.stage == "4"


def test_there_is_no_knee_before_the_limit_or_with_too_few_stages() -> None:
    assert knee(power([1, 2, 4], [0.1, 0.1, 0.1])) is None
    assert knee(power([1, 2], [0.1, 0.9])) is None
    assert knee([stage(), stage()]) is None


def test_highest_rate_that_surely_meets_the_target_is_recommended() -> None:
    stages = [
        stage("sure", request_rate=2.0, slo_attainment=attained(0.96)),
        stage("slower", request_rate=1.0, slo_attainment=attained(0.99)),
        stage("unsure", request_rate=3.0, slo_attainment=attained(0.94)),
        stage("unbounded", request_rate=4.0, slo_attainment=attained(None)),
        stage("invalid", request_rate=5.0, slo_attainment=attained(0.99), client=invalid()),
    ]
    best = meeting(stages, 0.95)
    assert best is not None
    assert best.stage == "sure"
    assert meeting(stages, 0.999) is None


def test_points_stand_from_light_to_heavy_load_even_where_the_rate_falls_back() -> None:
    stages = [
        stage(f"c={held}", request_rate=rate, ttft=spread(0.1), concurrency_mean=float(held))
        for held, rate in ((32, 3.0), (1, 1.0), (8, 4.0))
    ]
    found = load_points(stages, ["model-a"], "ttft")
    assert [point.stage for point in found.points] == ["c=1", "c=8", "c=32"]
    assert found.statistic == "p95"


def test_curve_takes_a_percentile_that_every_stage_supports() -> None:
    stages = [
        stage("a", request_rate=1.0, ttft=spread(0.1)),
        stage("b", request_rate=2.0, ttft=spread(0.2, 40)),
    ]
    slo = SloLine(benchmark="load", metric="ttft", seconds=1.0)
    found = load_points(stages, ["model-a"], "ttft", slos=[slo])
    assert found.statistic == "p90"
    assert all(point.low is not None and point.low < point.latency for point in found.points)


def test_stage_of_a_few_requests_is_not_on_the_curve() -> None:
    stages = [
        stage("a", request_rate=1.0, ttft=spread(0.1)),
        stage("b", request_rate=2.0, ttft=spread(0.2, 5)),
    ]
    assert [point.stage for point in load_points(stages, ["model-a"], "ttft").points] == ["a"]


def test_invalid_stage_is_named_with_its_reason_before_every_number() -> None:
    page = render(make_load_view(stages=3)).partition('id="speed"')[2]
    box = page.index("1 stage is invalid")
    assert box < page.index("lag p99 41.0 ms; lower the rate") < page.index("<table")
    row = next(part for part in page.split("<tr") if part.startswith(' class="lost"'))
    assert "! invalid" in row
    assert "lower the rate" in row


def test_check_of_the_run_marks_a_stage_that_carries_none() -> None:
    view = make_load_view(stages=2)
    bare = [msgspec.structs.replace(one, client=None) for one in view.results.stages]
    found = only(with_results(view, stages=bare))
    assert [one.stage for one in found.invalid] == ["rate=2.5"]
    assert found.table is not None
    assert [row.valid for row in found.table.rows] == [True, True, False, True]


def test_every_chart_says_how_it_was_measured() -> None:
    drawn = only(make_load_view(stages=2)).drawn()
    assert all(one.measured.startswith("Stamped by the kernel's receive times.") for one in drawn)
    assert all("Tokens counted by the server." in one.measured for one in drawn)
    assert all("event-loop delay p99 0.400 ms, lag p99" in one.measured for one in drawn)


def test_mixed_stamps_and_an_unchecked_client_are_told() -> None:
    view = make_load_view(targets=1, stages=1)
    mixed = [msgspec.structs.replace(one, stamped_by={"kernel": 7, "read": 1200}) for one in view.stages]
    bare = [msgspec.structs.replace(one, client=None) for one in view.results.stages]
    view = with_results(msgspec.structs.replace(view, stages=mixed), checks=[], stages=bare)
    words = only(view).figures[0].measured
    assert "the kernel's receive times (7), the time of each read (1,200)" in words
    assert words.endswith("The client was not checked.")


def test_one_stage_has_no_curve_and_its_charts_are_open() -> None:
    view = make_load_view(targets=1, stages=1)
    assert not any("throughput" in figure.key for figure in only(view).drawn())
    assert render(view).count('<details class="more" open>') == 1


def test_many_stages_keep_their_tables_and_say_which_charts_are_left_out() -> None:
    view = make_load_view(targets=1, stages=STAGES + 3, requests=10)
    found = only(view)
    assert found.table is not None
    assert (len(found.table.rows), len(found.stages), found.left) == (STAGES + 3, STAGES, 3)
    assert "3 further stages have no charts" in render(view)


def test_view_without_stage_results_still_has_its_charts() -> None:
    found = only(make_view(cases=2))
    assert found.table is None
    assert found.percentiles == []
    assert len(found.drawn()) >= 5


def test_view_without_samples_still_has_its_tables() -> None:
    view = msgspec.structs.replace(make_load_view(stages=2), stages=[], curves=[])
    found = only(view)
    assert found.table is not None
    assert found.stages == []
    assert "Speed" in render(view)


def test_stage_with_nothing_but_a_name_makes_a_report(tmp_path: Path) -> None:
    view = make_load_view(targets=1, stages=1)
    view = with_results(view, stages=[StageResult(benchmark="load", target="model-a", stage="main")])
    assert "unknown" in render(view)
    assert "unknown" in MarkdownReport().write(view, tmp_path).read_text()


def test_stage_of_a_target_that_the_run_lacks_is_left_out() -> None:
    view = make_load_view(targets=1, stages=1)
    other = msgspec.structs.replace(view.stages[0], target="stranger")
    results = [*view.results.stages, msgspec.structs.replace(view.results.stages[0], target="stranger")]
    odd = with_results(msgspec.structs.replace(view, stages=[*view.stages, other]), stages=results)
    assert "stranger" not in render(odd)


def test_graded_benchmarks_have_no_speed_section() -> None:
    view = msgspec.structs.replace(make_view(cases=5), loads=[])
    assert speeds(view) == []
    assert 'id="speed"' not in render(view)


def test_markdown_tells_the_stages_and_links_every_chart(tmp_path: Path) -> None:
    text = MarkdownReport().write(make_load_view(stages=3), tmp_path).read_text()
    part = text.partition("## Speed: load")[2].partition("\n## ")[0]
    assert part.index("**INVALID: rate=4 on model-a**") < part.index("| stage |")
    assert "| rate=4 **INVALID** | model-a |" in part
    assert "p99 needs n ≥ 368" in part
    links = re.findall(r"\]\((report-[^)]+\.svg)\)", text)
    assert len(set(links)) == len(links)
    assert sorted(links) == sorted(path.name for path in tmp_path.glob("*.svg"))


def test_markdown_tables_of_stages_keep_their_columns(tmp_path: Path) -> None:
    view = make_load_view(stages=2)
    odd = [msgspec.structs.replace(one, stage="a | b\n| c") for one in view.results.stages]
    text = MarkdownReport().write(with_results(view, stages=odd), tmp_path).read_text()
    part = text.partition("## Speed: load")[2].partition("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("| ")]
    counts = [len(re.findall(r"(?<!\\)\|", line)) for line in lines]
    assert len(set(counts)) == 2
    assert sum(a != b for a, b in pairwise(counts)) == 1


def test_results_with_stages_read_back_from_json() -> None:
    results = make_load_view(stages=1).results
    assert msgspec.json.decode(msgspec.json.encode(results), type=Results) == results


def test_page_of_a_long_sweep_stays_small() -> None:
    graded = make_view(targets=2, cases=200, rows=200)
    load = make_load_view(targets=2, stages=8)
    page = render(msgspec.structs.replace(load, rows=graded.rows, counts=graded.counts))
    assert page.count("<article") == 200
    assert len(page.encode()) < 720_000


def test_page_does_not_grow_with_the_samples() -> None:
    few, many = (render(make_load_view(stages=2, requests=count)) for count in (600, 2400))
    assert len(many) < len(few) * 1.1


@pytest.mark.parametrize("targets", [1, 10])
def test_charts_share_their_budget_among_the_targets(targets: int) -> None:
    view = make_load_view(targets=targets, stages=1, requests=600)
    assert sum(len(one.cells.counts) for one in view.stages if one.cells) <= 500
