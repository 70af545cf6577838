"""What stands behind the verdict is said in words, and no rank without what ties with it."""

from pathlib import Path

import msgspec
import pytest

from bakeoff.records import Place, Ranking, Verdict
from bakeoff.records.view import RunView
from bakeoff.reports.decision import rank_tables, remarks
from bakeoff.reports.html import render
from bakeoff.reports.markdown import MarkdownReport
from bakeoff.testing.views import make_view

VERDICT = Verdict(
    state="pass",
    choice="a",
    tied=[],
    sentence="Run a.",
    changes=["without the budget: <b> would be chosen"],
    surer=["900 more cases"],
    dominated={"c": ["a", "b"]},
    missing=["cost: the price of a is unknown"],
)
PLACES = [
    Place(target="a", value=0.91, rank_low=1, rank_high=1, best=0.997),
    Place(target="b", value=0.8, rank_low=1, rank_high=3, best=0.003, tied=True),
    Place(target="c", value=0.7, rank_low=3, rank_high=3, best=None),
]


@pytest.fixture
def view() -> RunView:
    known = make_view()
    ranking = Ranking(metric="quiz.accuracy", places=PLACES, n=120, note="4 others are left out")
    results = msgspec.structs.replace(known.results, verdict=VERDICT, rankings=[ranking])
    return msgspec.structs.replace(known, results=results)


def test_each_remark_says_what_it_is_about():
    assert [(one.about, one.text) for one in remarks(VERDICT)] == [
        ("Changes", "without the budget: <b> would be chosen"),
        ("Surer", "900 more cases"),
        ("Dominated", "c: a, b is at least as good on every axis"),
        ("Not known", "cost: the price of a is unknown"),
    ]


def test_ranks_are_intervals_and_chances_never_certain_by_rounding(view):
    (table,) = rank_tables(view.results)
    assert [(r.target, r.value, r.rank, r.best, r.tied) for r in table.rows] == [
        ("a", "91.0%", "1", "> 99%", ""),
        ("b", "80.0%", "1 to 3", "< 1%", "with the best"),
        ("c", "70.0%", "3", "unknown", ""),
    ]
    assert "95% confidence" in table.note
    assert table.note.endswith("4 others are left out.")


def test_two_targets_are_a_comparison_and_no_ranking(view):
    two = msgspec.structs.replace(view.results.rankings[0], places=PLACES[:2])
    assert rank_tables(msgspec.structs.replace(view.results, rankings=[two])) == []


def test_html_and_markdown_show_remarks_and_ranks(view, tmp_path: Path):
    page = render(view)
    assert "<b>Changes:</b> without the budget: &lt;b&gt; would be chosen" in page
    assert "Ranking by <bdi>quiz.accuracy</bdi>" in page
    text = MarkdownReport().write(view, tmp_path).read_text()
    assert "- Surer: 900 more cases" in text
    assert "| b | 80.0% | 1 to 3 | < 1% | with the best |" in text
