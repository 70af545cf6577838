"""Runs at the edges of what a report shows: nothing, one of all, too much, figures without intervals."""

from pathlib import Path

import msgspec
import pytest

from bakeoff.charts import numbers
from bakeoff.charts.svg import esc
from bakeoff.records import Comparison, Estimate, Sample, Score
from bakeoff.records.view import Answer, CaseText, Row, RunView
from bakeoff.reports import Caps, build_view, tables
from bakeoff.reports.fit import LARGEST, fitted
from bakeoff.reports.grades import Grades
from bakeoff.reports.html import HtmlReport, render
from bakeoff.reports.markdown import MarkdownReport
from bakeoff.reports.names import parse
from bakeoff.reports.speed import STAGES, speeds
from bakeoff.reports.stages import StageReading
from bakeoff.testing.load_views import make_load_view
from bakeoff.testing.views import make_case, make_results, make_spec, make_view


def with_results(view: RunView, **fields: object) -> RunView:
    return msgspec.structs.replace(view, results=msgspec.structs.replace(view.results, **fields))


def row(text: str, answers: int = 2) -> Row:
    one = Answer(target="a", text=text, thinking=text, error=text, reason=text, outcome="ok")
    return Row(
        benchmark="b",
        case="c",
        question=text,
        reference=text,
        slices={},
        answers=[one] * answers,
        differs=True,
    )


def test_texts_that_fit_are_kept_whole() -> None:
    rows = [row("x" * 100)] * 3
    assert fitted(rows, 100) == rows


def test_texts_that_are_too_much_together_are_cut_alike_and_say_so() -> None:
    rows = [row("<" * 1000), row("short")]
    kept = fitted(rows, 1000, largest=8_000)
    size = sum(len(esc(text)) for each in kept for a in each.answers for text in (a.text, a.thinking))
    assert size < 8_000
    first = kept[0].answers[0]
    assert first.cut == 2 * (1000 - len(first.text)) > 0
    assert kept[1] == rows[1], "short texts stay"


def test_size_that_nothing_fits_into_ends_at_one_character() -> None:
    (kept,) = fitted([row("x" * 50)], 50, largest=0)
    assert kept.answers[0].text == "x"


@pytest.mark.parametrize("character", ["<", "語", "\U0001f600", "\ud800", "\x00"])
def test_page_of_ten_targets_with_endless_answers_is_under_20_megabytes(
    character: str, tmp_path: Path
) -> None:
    view = make_view(targets=10, cases=0)
    rows = fitted([row(character * 4000, answers=10)] * 60, 4000)
    page = HtmlReport().write(msgspec.structs.replace(view, rows=rows), tmp_path)
    assert page.stat().st_size < 20_000_000
    assert LARGEST < 20_000_000


def test_view_without_a_sample_makes_every_report(tmp_path: Path) -> None:
    view = build_view(make_results(["a"]), make_spec(["a"]), samples=[], scores=[], cases=make_case)
    assert view.rows == []
    assert "No answers were graded" in render(view)
    assert MarkdownReport().write(view, tmp_path).read_text()


def test_reading_without_a_sample_has_no_course() -> None:
    view, _ = StageReading().finish("b", "main", "a", most_cells=10)
    assert (view.total, view.timeline, view.activity, view.cells) == (0, None, None, None)


def sample(case: str, target: str, text: str = "x", repeat: int = 0) -> Sample:
    return Sample(benchmark="facts", case=case, target=target, outcome="ok", text=text, repeat=repeat)


def test_of_several_repeats_the_first_is_shown_in_whatever_order_they_came() -> None:
    rows = [sample("q000", "a", text=f"repeat {number}", repeat=number) for number in (1, 0, 2)]
    view = build_view(make_results(["a"]), make_spec(["a"]), samples=rows, scores=[], cases=make_case)
    assert view.rows[0].answers[0].text == "repeat 0"


def test_ungraded_cases_beyond_the_cap_are_counted_and_not_shown() -> None:
    rows = [sample(f"q{number:03d}", "a") for number in range(5)]
    view = build_view(
        make_results(["a"]), make_spec(["a"]), samples=rows, scores=[], cases=make_case, caps=Caps(rows=2)
    )
    assert (len(view.rows), view.counts.total) == (2, 5)


def score(target: str, value: float | None, *, passed: bool | None = True) -> Score:
    return Score(
        benchmark="facts",
        case="q",
        target=target,
        scorer="s",
        metric="m",
        value=value,
        passed=passed,
        outcome="ok",
    )


def test_score_of_a_stranger_or_without_a_value_is_no_value() -> None:
    grades = Grades(["a"], 5)
    grades.add(score("stranger", 1.0))
    assert grades.total == 0
    grades.add(score("a", None))
    grades.choose()
    shown = grades.graded_answer("q", Answer(target="a"))
    assert (shown.value, shown.passed, shown.grades) == (None, True, 1)


def test_number_that_is_none_is_unknown() -> None:
    assert [numbers.plain(value, 2) for value in (None, float("nan"), float("inf"))] == ["unknown"] * 3


def compared(**fields: object) -> Comparison:
    made = Comparison(
        a="model-a",
        b="model-b",
        metric="nowhere.thing",
        difference=0.5,
        low=None,
        high=None,
        p=None,
        p_adjusted=None,
        n=3,
        test="none",
    )
    return msgspec.structs.replace(made, **fields)


def test_difference_without_an_interval_or_a_unit_is_told_without_both() -> None:
    view = with_results(make_load_view(targets=2, stages=1, requests=10), comparisons=[compared()])
    (found,) = tables.comparison_rows(view)
    assert (found.unit, found.interval, found.reading) == ("", "", "cannot tell: no interval")
    assert "no interval" in render(view).partition('id="comparisons"')[2]


def test_difference_that_vanishes_once_all_are_counted_says_so() -> None:
    row = compared(low=0.1, high=0.9, p=0.04, p_adjusted=0.2)
    (found,) = tables.comparison_rows(with_results(make_view(), comparisons=[row]))
    assert found.reading.endswith("not beyond doubt once all comparisons are counted")


def test_value_without_pass_or_fail_is_shown_as_a_value(tmp_path: Path) -> None:
    answer = Answer(target="small-a", text="t", outcome="ok", value=0.4, grades=1)
    bare = Row(
        benchmark="facts",
        case="c",
        question="q",
        reference=None,
        slices={},
        answers=[answer, answer],
        differs=True,
    )
    view = msgspec.structs.replace(make_view(targets=2, cases=0), rows=[bare])
    assert "value 0.4" in render(view)
    assert "value 0.4" in MarkdownReport().write(view, tmp_path).read_text()


def test_curve_without_targets_intervals_or_knee_explains_only_what_it_shows() -> None:
    view = make_load_view(targets=1, stages=2, requests=80)
    stages = [
        msgspec.structs.replace(
            stage,
            client=None,
            slo_attainment=None,
            ttft=None if stage.ttft is None else msgspec.structs.replace(stage.ttft, bounds={}),
            e2e=None if stage.e2e is None else msgspec.structs.replace(stage.e2e, bounds={}),
        )
        for stage in view.results.stages
    ]
    bare = with_results(msgspec.structs.replace(view, slos=[]), stages=stages, checks=[])
    caption = speeds(bare)[0].figures[0].caption
    assert caption == "Each point is a stage, from light to heavy load; further right and lower is better."


def test_boxes_of_very_many_stages_say_how_many_are_left_out() -> None:
    view = make_load_view(targets=8, stages=8, requests=4)
    boxes = next(one for one in speeds(view)[0].figures if one.key.startswith("boxes-ttft"))
    assert "4 further rows are left out" in boxes.caption


def test_markdown_says_which_stages_have_no_charts(tmp_path: Path) -> None:
    view = make_load_view(targets=1, stages=STAGES + 2, requests=4)
    assert "2 further stages have no charts" in MarkdownReport().write(view, tmp_path).read_text()


def test_case_texts_of_any_length_are_cut_to_the_cap() -> None:
    def long(benchmark: str, case: str) -> CaseText:
        return CaseText(question="q" * 9000, reference="r" * 9000)

    view = build_view(
        make_results(["a"]), make_spec(["a"]), samples=[sample("q000", "a")], scores=[], cases=long
    )
    assert (len(view.rows[0].question), len(view.rows[0].reference or "")) == (4000, 4000)


@pytest.mark.parametrize(("value", "shown"), [(6.5, "slo_rate"), (None, "slo_attainment")])
def test_highest_rate_within_the_targets_is_a_headline_of_speed_and_no_quality(
    value: float | None, shown: str
) -> None:
    view = make_view(targets=1)
    rate = Estimate(value=value, unit="requests/s", n=4)
    target = view.results.targets[0]
    targets = [msgspec.structs.replace(target, metrics=target.metrics | {"load.slo_rate": rate})]
    view = with_results(view, targets=targets)
    names = [row.name.base for row in tables.headline(view)]
    assert shown in names
    assert len({"slo_rate", "slo_attainment"} & set(names)) == 1
    assert not parse("load.slo_rate", ["load"]).quality
