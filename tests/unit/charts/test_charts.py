import re
from collections.abc import Callable
from itertools import combinations, pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.charts import scale, style, svg
from bakeoff.charts.latency import latency_chart
from bakeoff.charts.outcomes import Bar, outcome_chart
from bakeoff.charts.quality import Dot, Panel, quality_chart
from bakeoff.charts.tradeoff import Point, pareto, tradeoff_chart
from bakeoff.charts.whisker import Span, whisker
from bakeoff.records import Estimate
from bakeoff.records.view import Curve

SVG = "{http://www.w3.org/2000/svg}"


def estimate(value: float | None, unit: str = "share") -> Estimate:
    low, high = (None, None) if value is None else (value * 0.9, value * 1.05)
    return Estimate(value=value, low=low, high=high, n=50, unit=unit)


def curve(target: str, seconds: list[float], total: int | None = None) -> Curve:
    count = total or len(seconds) or 10
    shares = [(place + 1) / count for place in range(len(seconds))]
    return Curve(
        benchmark="load",
        stage="main",
        target=target,
        metric="ttft",
        seconds=seconds,
        shares=shares,
        n=len(seconds),
        total=count,
    )


def quality(names: list[str]) -> str:
    dots = [Dot(target=name, series=place, estimate=estimate(0.5)) for place, name in enumerate(names)]
    return quality_chart([Panel(label=names[0], dots=dots)], title=names[0])


def latency(names: list[str]) -> str:
    return latency_chart([curve(name, [0.1, 0.2]) for name in names], names, title=names[0], slo=0.15)


def tradeoff(names: list[str]) -> str:
    points = [
        Point(target=name, series=place, x=estimate(0.1 + place, "s"), y=estimate(0.5))
        for place, name in enumerate(names)
    ]
    return tradeoff_chart(points, title=names[0], x_label=names[0], y_label="quality")


def outcomes(names: list[str]) -> str:
    bars = [Bar(target=name, series=place, counts={"ok": 9, name: 1}) for place, name in enumerate(names)]
    return outcome_chart(bars, title=names[0])


CHARTS = [quality, latency, tradeoff, outcomes]


def texts(chart: str) -> list[str]:
    return ["".join(element.itertext()) for element in ET.fromstring(chart).iter(f"{SVG}text")]


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
    title, desc = root[0], root[1]
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == f"{title.get('id')} {desc.get('id')}"
    assert title.text == "alpha"
    assert "beta" in str(desc.text)


@pytest.mark.parametrize("draw", CHARTS)
def test_chart_in_a_file_brings_its_style_and_parses(draw: Callable[[list[str]], str]) -> None:
    root = ET.fromstring(style.standalone(draw(["alpha"])))
    assert [child.tag for child in root[:4]] == [
        f"{SVG}{name}" for name in ("title", "desc", "style", "rect")
    ]
    assert "prefers-color-scheme:dark" in str(root[2].text)


@pytest.mark.parametrize("draw", CHARTS)
def test_same_input_gives_the_same_bytes(draw: Callable[[list[str]], str]) -> None:
    assert draw(["a", "b"]) == draw(["a", "b"])


def test_quality_shows_unknown_as_a_word_and_draws_no_dot() -> None:
    dots = [
        Dot(target="a", series=0, estimate=estimate(None)),
        Dot(target="b", series=1, estimate=estimate(0.5)),
    ]
    chart = quality_chart([Panel(label="facts", dots=dots)], title="Quality")
    assert "unknown" in texts(chart)
    assert chart.count('class="whisker"') == 1


@pytest.mark.parametrize(
    "chart",
    [
        quality_chart([], title="t"),
        latency_chart([curve("a", [], 10)], ["a"], title="t"),
        outcome_chart([], title="t"),
        tradeoff_chart(
            [Point(target="a", series=0, x=estimate(None), y=estimate(0.5))],
            title="t",
            x_label="x",
            y_label="y",
        ),
    ],
)
def test_nothing_to_draw_is_said(chart: str) -> None:
    assert len(texts(chart)) == 1
    assert len(texts(chart)[0]) > 15


def test_latency_curve_of_a_target_with_failures_stays_below_the_top() -> None:
    whole = latency_chart([curve("a", [0.1, 0.2], 2)], ["a"], title="t")
    half = latency_chart([curve("a", [0.1, 0.2], 4)], ["a"], title="t")
    heights = [min(float(y) for y in re.findall(r"V([\d.]+)", chart)) for chart in (whole, half)]
    assert heights == [16.0, 131.0]
    assert any("2 of 4 answered" in words for words in texts(half))
    assert not any("95% within" in words for words in texts(half))


def test_latency_target_is_a_labelled_line() -> None:
    chart = latency_chart([curve("a", [0.1, 0.3])], ["a"], title="t", slo=0.2)
    assert "target 200 ms" in texts(chart)
    assert chart.count('class="slo"') == 1


def test_latency_target_far_beyond_the_answers_is_named_and_leaves_them_the_width() -> None:
    chart = latency_chart([curve("a", [0.01, 0.02])], ["a"], title="t", slo=2)
    assert "target 2,000 ms, further right" in texts(chart)
    assert 'class="slo"' not in chart


def test_tradeoff_of_scores_that_are_no_shares_spans_them() -> None:
    points = [
        Point(target=name, series=place, x=estimate(1 + place, "s"), y=estimate(value, "points"))
        for place, (name, value) in enumerate((("a", 3.0), ("b", 8.0)))
    ]
    chart = texts(tradeoff_chart(points, title="t", x_label="x", y_label="judge"))
    assert "judge (points)" in chart
    assert {"0", "2", "4", "6", "8"} <= set(chart)


def test_quality_that_is_no_share_spans_its_values() -> None:
    panel = Panel(label="judge", dots=[Dot(target="a", series=0, estimate=estimate(8.0, "points"))])
    assert {"0", "2", "4", "6", "8", "points"} <= set(texts(quality_chart([panel], title="t")))


def test_tradeoff_without_points_says_what_is_unknown() -> None:
    points = [Point(target="a", series=0, x=estimate(None, "USD"), y=estimate(0.5))]
    chart = tradeoff_chart(points, title="t", x_label="cost", y_label="quality")
    assert texts(chart) == ["There is nothing to draw: cost is unknown for every target."]


def test_wide_range_of_latencies_gets_a_logarithmic_axis() -> None:
    assert scale.spread(0.01, 10, 0, 100).log
    assert not scale.spread(0.1, 1, 0, 100).log


def test_tradeoff_names_the_targets_it_could_not_draw() -> None:
    points = [
        Point(target="a", series=0, x=estimate(1, "s"), y=estimate(0.5)),
        Point(target="b", series=1, x=estimate(None, "s"), y=estimate(0.5)),
    ]
    assert "Not drawn, because unknown: b." in texts(
        tradeoff_chart(points, title="t", x_label="x", y_label="y")
    )


values = st.floats(0.01, 100)


@given(st.lists(st.tuples(values, values), min_size=1, max_size=12))
def test_front_is_exactly_what_no_other_point_beats(pairs: list[tuple[float, float]]) -> None:
    points = [
        Point(target=str(place), series=place, x=estimate(x, "s"), y=estimate(y, "u"))
        for place, (x, y) in enumerate(pairs)
    ]
    expected = {
        str(place)
        for place, (x, y) in enumerate(pairs)
        if not any(a <= x and b >= y and (a, b) != (x, y) for a, b in pairs)
    }
    assert set(pareto(points)) == expected


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_labels_of_the_tradeoff_never_overlap(qualities: list[float]) -> None:
    points = [
        Point(target=f"t{place}", series=place, x=estimate(1 + place, "s"), y=estimate(y))
        for place, y in enumerate(qualities)
    ]
    root = ET.fromstring(tradeoff_chart(points, title="t", x_label="x", y_label="y"))
    labels = [e for e in root.iter(f"{SVG}text") if re.fullmatch(r"t\d+", e.text or "")]
    heights = sorted(float(e.get("y", "nan")) for e in labels)
    assert len(heights) == len(points)
    assert all(b - a >= 16.9 for a, b in pairwise(heights))
    assert heights[0] > 0
    assert heights[-1] < float(root.get("height", "0"))


def test_whole_bar_fits_however_many_tiny_outcomes_there_are() -> None:
    counts = {"ok": 10**6, "error": 1, "timeout": 1, "truncated": 1, "cancelled": 1}
    chart = outcome_chart([Bar(target="a", series=0, counts=counts)], title="t")
    bars = [e for e in ET.fromstring(chart).iter(f"{SVG}rect") if e.get("height") == "14.0"]
    assert len(bars) == len(counts)
    assert all(float(e.get("x", "0")) + float(e.get("width", "0")) <= 470.1 for e in bars)
    assert all(float(e.get("width", "0")) >= 1.5 for e in bars)


def test_cell_whisker_is_hidden_from_screen_readers() -> None:
    root = ET.fromstring(whisker(Span(value=0.5, low=0.4, high=0.6), 0, 1, series=2))
    assert root.get("aria-hidden") == "true"
    assert "s2" in str(root.get("class"))


@given(st.floats(-1e6, 1e6), st.floats(0, 1e6))
def test_ticks_lie_inside_the_axis_and_are_few(low: float, width: float) -> None:
    axis = scale.linear(low, low + width, 0, 100)
    assert all(-0.01 <= axis.at(tick) <= 100.01 for tick in axis.ticks)
    assert len(axis.ticks) <= 8


@given(st.floats(1e-6, 1e6), st.floats(1, 1e6))
def test_logarithmic_axis_keeps_order(low: float, factor: float) -> None:
    axis = scale.logarithmic(low, low * factor, 0, 100)
    assert [axis.at(tick) for tick in axis.ticks] == sorted(axis.at(tick) for tick in axis.ticks)
    assert axis.at(axis.low) == pytest.approx(0)
    assert axis.at(axis.high) == pytest.approx(100)


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(
    ("series", "ground"), [(style.SERIES_LIGHT, style.LIGHT), (style.SERIES_DARK, style.DARK)]
)
def test_series_stand_out_from_their_ground_and_text_can_be_read(
    series: tuple[str, ...], ground: dict[str, str]
) -> None:
    assert all(contrast(colour, ground["paper"]) >= 3 for colour in series)
    assert all(contrast(ground[name], ground["paper"]) >= 4.5 for name in ("ink", "soft", "slo"))


def seen_by_colour_blind(colour: str) -> tuple[float, ...]:
    """Return the colour as deuteranopes see it (Viénot, Brettel and Mollon 1999), linear RGB."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    r, g, b = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    both = 0.29275 * r + 0.70725 * g
    return (both, both, -0.02234 * r + 0.02234 * g + b)


@pytest.mark.parametrize("series", [style.SERIES_LIGHT, style.SERIES_DARK])
def test_series_differ_in_colour_or_mark_for_the_colour_blind(series: tuple[str, ...]) -> None:
    for one, other in combinations(range(10), 2):
        distance = max(
            abs(a - b)
            for a, b in zip(
                seen_by_colour_blind(series[one]), seen_by_colour_blind(series[other]), strict=True
            )
        )
        assert distance > 0.06 or svg.mark(one, 0, 0) != svg.mark(other, 0, 0)


def test_ten_targets_have_ten_marks() -> None:
    assert len({svg.mark(place, 5, 5) for place in range(10)}) == 10


@given(st.text(st.characters(codec=None, exclude_categories=())))
def test_escaped_text_has_no_markup_and_no_hidden_character(text: str) -> None:
    escaped = svg.esc(text)
    assert not re.search(
        r"[<>\"'\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", escaped
    )
    assert "".join(ET.fromstring(f"<x>{escaped}</x>").itertext()) == svg.visible(text)


@given(st.floats(-1e300, 1e300), st.floats(-1e300, 1e300))
def test_any_two_bounds_make_an_axis_with_few_ticks_inside(one: float, two: float) -> None:
    axis = scale.spread(one, two, 10.0, 110.0)
    assert len(axis.ticks) <= 15
    assert all(10.0 <= axis.at(tick) <= 110.0 for tick in axis.ticks)
    assert 10.0 <= axis.at(one) <= 110.0


def test_estimates_without_an_interval_or_a_name_are_drawn_by_their_values() -> None:
    bare = [
        Point(
            target=name,
            series=place,
            x=Estimate(value=1.0 + place, unit="s", n=1),
            y=Estimate(value=3.0 + place, unit="points", n=1),
        )
        for place, name in enumerate(("a", "b"))
    ]
    drawn = tradeoff_chart(bare, title="t", x_label="x", y_label="y")
    assert "whisker" not in drawn
    assert pareto(bare) == ["a", "b"]
    close = [
        Point(target=str(value), series=0, x=Estimate(value=value, unit="s", n=1), y=estimate(0.5))
        for value in (0.0101, 0.5)
    ]
    assert ET.fromstring(tradeoff_chart(close, title="t", x_label="x", y_label="y")) is not None


@pytest.mark.parametrize(
    ("x", "y", "why"),
    [
        (None, 0.5, "x is unknown for every target"),
        (1.0, None, "y is unknown for every target"),
    ],
)
def test_tradeoff_says_what_is_unknown(x: float | None, y: float | None, why: str) -> None:
    assert why in tradeoff_chart(
        [Point(target="a", series=0, x=estimate(x), y=estimate(y))], title="t", x_label="x", y_label="y"
    )


def test_tradeoff_without_a_target_that_has_both_says_so() -> None:
    points = [
        Point(target="a", series=0, x=estimate(None), y=estimate(0.5)),
        Point(target="b", series=1, x=estimate(1.0), y=estimate(None)),
    ]
    assert "no target has both x and y" in tradeoff_chart(points, title="t", x_label="x", y_label="y")
