import re
from collections.abc import Callable
from xml.etree import ElementTree as ET

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.charts import frame, numbers, scale, style
from bakeoff.charts.activity import Pulse, activity_chart
from bakeoff.charts.boxes import BoxRow, box_chart
from bakeoff.charts.scatter import Cloud, scatter_chart
from bakeoff.charts.throughput import LoadPoint, throughput_chart
from bakeoff.charts.timeline import MOST_ROWS, Lane, timeline_chart
from bakeoff.records.view import Activity, Box, Cells, Timeline

SVG = "{http://www.w3.org/2000/svg}"


def point(rate: float, latency: float, **fields: object) -> LoadPoint:
    known = {"target": "a", "series": 0, "stage": f"rate={rate:g}", "n": 50}
    return msgspec.convert(known | {"rate": rate, "latency": latency} | fields, LoadPoint)


def box(stage: str = "main", target: str = "a", scale: float = 1.0) -> BoxRow:
    made = Box(metric="ttft", n=9, min=scale, q1=2 * scale, median=3 * scale, q3=4 * scale, max=5 * scale)
    return BoxRow(stage=stage, target=target, series=0, box=made)


def rows(count: int, total: int | None = None) -> Timeline:
    times = [float(place) for place in range(count)]
    return Timeline(
        due=times,
        sent=[time + 0.5 for time in times],
        first=[time + 1 for time in times],
        done=[time + 2 for time in times],
        ok=[place % 2 == 0 for place in range(count)],
        total=total or count,
    )


def activity() -> Activity:
    return Activity(width=0.5, in_flight=[1.0, 4.0, 2.0], sent=[2.0, 2.0, 0.0], finished=[0.0, 2.0, 6.0])


def throughput(names: list[str]) -> str:
    points = [point(1 + n, 0.1, target=name, series=n, stage=name) for n, name in enumerate(names)]
    return throughput_chart(points, title=names[0], y_label="ttft, p95", slo=0.2, asked=True)


def boxes(names: list[str]) -> str:
    return box_chart([box(stage=name, target=name) for name in names], title=names[0])


def timeline(names: list[str]) -> str:
    lanes = [Lane(target=name, series=n, timeline=rows(5)) for n, name in enumerate(names)]
    return timeline_chart(lanes, title=names[0])


def scatter(names: list[str]) -> str:
    cells = Cells(tokens=[10.0, 20.0], seconds=[0.1, 0.2], counts=[1, 1], n=2)
    return scatter_chart(
        [Cloud(target=n, series=place, cells=cells) for place, n in enumerate(names)], title=names[0]
    )


def pulse(names: list[str]) -> str:
    pulses = [
        Pulse(target=name, series=n, activity=activity(), steady_from=0.5, steady_to=1.0)
        for n, name in enumerate(names)
    ]
    return activity_chart(pulses, title=names[0])


CHARTS = [throughput, boxes, timeline, scatter, pulse]


def texts(chart: str) -> list[str]:
    return ["".join(element.itertext()) for element in ET.fromstring(chart).iter(f"{SVG}text")]


def paths(chart: str, cls: str) -> list[str]:
    found = [e for e in ET.fromstring(chart).iter(f"{SVG}path") if str(e.get("class")).split()[0] == cls]
    return [str(element.get("d")) for element in found]


@pytest.mark.parametrize("draw", CHARTS)
@given(name=st.text(st.characters(codec=None, exclude_categories=()), min_size=1))
def test_any_name_gives_well_formed_xml_without_foreign_elements(
    draw: Callable[[list[str]], str], name: str
) -> None:
    tags = {element.tag.removeprefix(SVG) for element in ET.fromstring(draw([name, "other"])).iter()}
    assert tags <= {"svg", "title", "desc", "g", "text", "line", "path", "rect", "circle"}


@pytest.mark.parametrize("draw", CHARTS)
def test_chart_speaks_to_those_who_cannot_see_it(draw: Callable[[list[str]], str]) -> None:
    root = ET.fromstring(draw(["alpha", "beta"]))
    assert root.get("role") == "img"
    assert root[0].text == "alpha"
    assert "alpha" in str(root[1].text)
    assert "beta" in str(root[1].text)


@pytest.mark.parametrize("draw", CHARTS)
def test_every_class_that_is_used_has_a_style(draw: Callable[[list[str]], str]) -> None:
    used = {
        name for e in ET.fromstring(draw(["a", "b"])).iter() for name in str(e.get("class") or "").split()
    }
    unstyled = {name for name in used if f".{name}" not in style.css()}
    assert unstyled <= {"key", "d0"}
    ET.fromstring(style.standalone(draw(["a"])))


@pytest.mark.parametrize(
    "chart",
    [
        throughput_chart([], title="t", y_label="y"),
        box_chart([], title="t"),
        timeline_chart([], title="t"),
        scatter_chart([], title="t"),
        activity_chart([], title="t"),
    ],
)
def test_nothing_to_draw_is_said(chart: str) -> None:
    assert len(texts(chart)) == 1
    assert len(texts(chart)[0]) > 15


def test_curve_joins_the_valid_stages_and_crosses_out_the_others() -> None:
    points = [point(1, 0.1), point(2, 0.2), point(3, 0.1, valid=False), point(4, 0.4)]
    chart = throughput_chart(points, title="t", y_label="y")
    longest = max(paths(chart, "curve"), key=len)
    assert longest.count("L") == 2
    assert len(paths(chart, "lost")) == 1
    assert any("1 invalid" in words for words in texts(chart))


def test_curve_marks_the_knee_and_the_stage_that_meets_the_target() -> None:
    points = [point(1, 0.1), point(2, 0.2, meets=True, low=0.1, high=0.3), point(3, 0.9, knee=True)]
    chart = throughput_chart(points, title="t", y_label="y", slo=0.5, asked=True)
    assert chart.count('class="ring"') == chart.count('class="drop"') == chart.count('class="whisker"') == 1
    assert "target met up to 2.00/s (rate=2) · knee at 3.00/s (rate=3)" in texts(chart)
    assert "target 500 ms" in texts(chart)


def test_curve_says_when_no_stage_meets_the_target() -> None:
    words = texts(throughput_chart([point(1, 0.9)], title="t", y_label="y", slo=0.5, asked=True))
    assert "target met by no stage" in words


def test_target_far_above_every_stage_is_named_and_leaves_them_the_height() -> None:
    chart = throughput_chart([point(1, 0.01), point(2, 0.02)], title="t", y_label="y", slo=2.0, asked=True)
    assert any("far above every stage" in words for words in texts(chart))
    assert 'class="slo"' not in chart


def test_box_ends_at_the_quartiles_and_names_median_and_n() -> None:
    chart = box_chart([box()], title="t")
    axis_zero, axis_end = 190.0, 540.0
    rect = next(e for e in ET.fromstring(chart).iter(f"{SVG}rect"))
    x, width = float(rect.get("x", "0")), float(rect.get("width", "0"))
    per_second = (axis_end - axis_zero) / (5 * 1.05)
    assert x == pytest.approx(axis_zero + 2 * per_second, abs=0.1)
    assert width == pytest.approx(2 * per_second, abs=0.1)
    assert {"3.00", "n=9", "s"} <= set(texts(chart))


def test_stages_and_targets_of_boxes_stand_in_the_given_order() -> None:
    chart = box_chart([box("c=1", "a"), box("c=1", "b"), box("c=8", "a")], title="t")
    words = [text for text in texts(chart) if text in {"c=1", "c=8", "a", "b"}]
    assert words == ["c=1", "a", "b", "c=8", "a"]


def test_timeline_draws_all_requests_while_they_fit_and_says_so() -> None:
    chart = timeline_chart([Lane(target="a", series=0, timeline=rows(20))], title="t")
    assert "all 20 requests" in texts(chart)
    assert [path.count("M") for path in paths(chart, "g-tick")] == [10]
    assert next(path.count("M") for path in paths(chart, "g-wait")) == 20
    assert max(path.count("M") for path in paths(chart, "g-lost")) == 10


@given(st.integers(1, 400), st.integers(1, 10))
def test_timeline_is_bounded_and_even_whatever_the_counts(count: int, lanes: int) -> None:
    drawn = [Lane(target=f"t{place}", series=place, timeline=rows(count, 10**6)) for place in range(lanes)]
    chart = timeline_chart(drawn, title="t")
    waits = [path for path in paths(chart, "g-wait") if path.count("M") > 1 or count == 1]
    assert sum(path.count("M") for path in waits) <= MOST_ROWS + lanes
    shown = min(count, MOST_ROWS // lanes)
    assert texts(chart).count(f"{shown:,} of 1,000,000 requests") == lanes


def test_rows_of_a_long_stage_start_at_their_own_due_times() -> None:
    short = timeline_chart([Lane(target="a", series=0, timeline=rows(60))], title="t")
    long = timeline_chart([Lane(target="a", series=0, timeline=rows(100))], title="t")
    starts = [set(re.findall(r"M([\d.]+) ", paths(chart, "g-wait")[0])) for chart in (short, long)]
    assert len(starts[0]) == 60
    assert starts[1] == {"20.0"}
    assert "s since each request was due" in texts(long)
    assert "s" in texts(short)


def test_request_without_a_first_token_has_no_mark() -> None:
    bare = Timeline(due=[0.0], sent=[0.1], first=[None], done=[1.0], ok=[True], total=1)
    assert paths(timeline_chart([Lane(target="a", series=0, timeline=bare)], title="t"), "g-tick") == []


def test_request_that_was_never_sent_is_only_waiting() -> None:
    unsent = Timeline(due=[0.0], sent=[None], first=[None], done=[1.0], ok=[False], total=1)
    chart = timeline_chart([Lane(target="a", series=0, timeline=unsent)], title="t")
    assert len(paths(chart, "g-wait")) == 2
    assert len(paths(chart, "g-lost")) == 1


def test_larger_dots_stand_for_more_requests_and_the_counts_are_told() -> None:
    cells = Cells(tokens=[1.0, 2.0, 3.0], seconds=[0.1, 0.2, 0.3], counts=[1, 5, 2000], n=2006, cells=9)
    chart = scatter_chart([Cloud(target="a", series=0, cells=cells)], title="t")
    widths = [float(w) for w in re.findall(r'class="cloud" stroke-width="([\d.]+)"', chart)]
    assert widths[:3] == [3.5, 5.0, 14.0]
    assert "2,006 requests in 3 dots, up to 2,000 in one" in texts(chart)


def test_activity_draws_both_panels_and_the_steady_window() -> None:
    chart = pulse(["a"])
    assert len(paths(chart, "steady")) == 2
    assert sum("V" in path for path in paths(chart, "curve")) == 2
    assert "at most 4.00 in flight, 6.00 answers/s · steady 0.500 to 1.00 s" in texts(chart)


def test_activity_without_a_steady_window_shades_nothing() -> None:
    chart = activity_chart([Pulse(target="a", series=0, activity=activity())], title="t")
    assert paths(chart, "steady") == []
    assert not any("steady" in words for words in texts(chart))


def test_labels_too_near_to_each_other_are_left_out_but_their_lines_stay() -> None:
    plot = frame.Plot(
        x=scale.logarithmic(0.001, 1.0, 0.0, 120.0),
        y=scale.logarithmic(0.001, 1.0, 60.0, 0.0),
        across=numbers.Scale(factor=1.0, unit="s"),
        up=numbers.Scale(factor=1.0, unit="s"),
    )
    for drawn, ticks in (
        (frame.ticks_up(plot), plot.y.ticks),
        (frame.ticks_across(plot, top=0, label="s"), plot.x.ticks),
    ):
        assert sum(part.startswith("<line") for part in drawn) == len(ticks)
        assert 1 < sum(part.startswith("<text") for part in drawn) < len(ticks)
