import csv
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bakeoff import plugins
from bakeoff.charts.svg import visible
from bakeoff.extend import Report
from bakeoff.records import Comparison, Estimate, Results
from bakeoff.records.view import Answer, Row, RunView
from bakeoff.reports import tables
from bakeoff.reports.csv import CsvReport
from bakeoff.reports.html import HtmlReport, render
from bakeoff.reports.json import JsonReport
from bakeoff.reports.markdown import MarkdownReport, fenced, inline
from bakeoff.testing.views import HOSTILE, make_view

ANY = st.text(st.characters(codec=None, exclude_categories=()), min_size=1, max_size=60)
VOID = {"meta", "link", "input"}


class Page(HTMLParser):
    """Collects elements and text, and checks that elements nest."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def with_text(text: str) -> RunView:
    view = make_view(targets=2, cases=0)
    answer = Answer(target="small-a", text=text, thinking=text, outcome=text, reason=text, error=text)
    row = Row(
        benchmark=text,
        case=text,
        question=text,
        reference=text,
        slices={text: text},
        answers=[answer, answer],
        differs=True,
    )
    verdict = msgspec.structs.replace(view.results.verdict, sentence=text, reasons=[text], tied=[text])
    targets = [
        msgspec.structs.replace(one, model=text, engine=text, notes=[text]) for one in view.results.targets
    ]
    results = msgspec.structs.replace(
        view.results, name=text, verdict=verdict, targets=targets, warnings=[text], environment={text: text}
    )
    return msgspec.structs.replace(view, results=results, rows=[row], command=text)


def replaced(view: RunView, **fields: object) -> RunView:
    return msgspec.structs.replace(view, results=msgspec.structs.replace(view.results, **fields))


@pytest.mark.parametrize("name", ["csv", "html", "json", "md"])
def test_every_registered_report_writes_its_file(name: str, tmp_path: Path) -> None:
    report: Report = plugins.load("reports", name)()
    path = report.write(make_view(), tmp_path)
    assert path.suffix == f".{name}"
    assert path.read_bytes()


def test_json_report_is_the_results_and_reads_back(tmp_path: Path) -> None:
    view = make_view()
    written = JsonReport().write(view, tmp_path).read_bytes()
    assert msgspec.json.decode(written, type=Results) == view.results
    assert set(json.loads(written)) >= {
        "schema_version",
        "run",
        "plan_hash",
        "targets",
        "comparisons",
        "verdict",
    }


def test_csv_has_a_row_per_target_and_metric_and_unknown_is_empty(tmp_path: Path) -> None:
    view = make_view()
    with CsvReport().write(view, tmp_path).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == sum(len(target.metrics) for target in view.results.targets)
    cost = next(row for row in rows if (row["target"], row["metric"]) == ("small-a", "facts.cost"))
    assert (cost["value"], cost["low"], cost["n"], cost["unit"]) == ("", "", "120", "USD")
    accuracy = next(row for row in rows if row["metric"] == "facts.accuracy")
    assert float(accuracy["value"]) == view.results.targets[0].metrics["facts.accuracy"].value


@given(ANY)
def test_csv_survives_any_text(text: str) -> None:
    import tempfile

    view = make_view(targets=1, cases=0)
    target = msgspec.structs.replace(view.results.targets[0], name=text)
    with tempfile.TemporaryDirectory() as folder:
        path = CsvReport().write(replaced(view, targets=[target]), Path(folder))
        with path.open(newline="", encoding="utf-8") as file:
            names = {row["target"] for row in csv.DictReader(file)}
    assert names == {visible(text)}


@settings(max_examples=30)
@given(ANY)
def test_html_shows_any_text_and_lets_none_become_markup(text: str) -> None:
    clean, page = Page(render(with_text("plain"))), Page(render(with_text(text)))
    assert [tag for tag, _ in page.elements] == [tag for tag, _ in clean.elements]
    assert [sorted(attrs) for _, attrs in page.elements] == [sorted(attrs) for _, attrs in clean.elements]
    shown = re.sub(r"\s", "", "".join(page.texts))
    assert re.sub(r"\s", "", visible(text)) in shown


@pytest.mark.parametrize("text", HOSTILE)
def test_html_holds_hostile_text_as_text(text: str) -> None:
    page = Page(render(with_text(text)))
    assert sum(tag == "script" for tag, _ in page.elements) == 1
    assert not any(tag == "img" for tag, _ in page.elements)
    assert not any(name.startswith("on") for _, attrs in page.elements for name in attrs)
    assert not any((attrs.get("href") or "").lower().startswith("javascript") for _, attrs in page.elements)


def test_html_refers_to_nothing_outside_itself() -> None:
    page = Page(render(with_text("http://outside.test/")))
    for tag, attrs in page.elements:
        for name in ("src", "href", "srcset", "data", "action", "poster", "background", "xlink:href"):
            value = attrs.get(name) or "#"
            assert value.startswith("#") or (tag, value) == ("link", "data:,")
    style = next(text for text in page.texts if "--paper" in text)
    assert "url(" not in style
    assert "@import" not in style


def test_html_policy_names_only_its_own_style_and_script() -> None:
    page = Page(render(make_view(cases=2)))
    policy = next(attrs["content"] for tag, attrs in page.elements if attrs.get("http-equiv"))
    assert policy is not None
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert "http" not in policy
    assert not any("style" in attrs for _, attrs in page.elements)


def test_html_script_is_small() -> None:
    script = re.search(r"<script>(.*?)</script>", render(make_view(cases=1)), re.DOTALL)
    assert script is not None
    assert len(script.group(1)) < 10_000


def test_html_says_the_verdict_first_in_words() -> None:
    view = make_view(cases=1)
    body = render(view).partition("<main>")[2]
    assert body.index("Pass") < body.index(view.results.verdict.sentence[:30]) < body.index("<table")


@pytest.mark.parametrize(
    ("state", "word"),
    [("fail", "Fail"), ("inconclusive", "Inconclusive"), ("invalid", "Invalid"), ("new", "new")],
)
def test_html_states_every_verdict_by_word(state: str, word: str) -> None:
    view = make_view(cases=1)
    verdict = msgspec.structs.replace(view.results.verdict, state=state)
    assert word in render(replaced(view, verdict=verdict)).partition("<h1")[0].partition("<main>")[2]


def test_unknown_metric_is_the_word_unknown_in_html_and_markdown(tmp_path: Path) -> None:
    view = make_view(targets=1, cases=1)
    empty = {"facts.accuracy": Estimate(value=None, unit="share", n=0)}
    target = msgspec.structs.replace(view.results.targets[0], metrics=empty)
    view = replaced(view, targets=[target], comparisons=[])
    row = next(part for part in render(view).split("<tr") if "small-a" in part and "n=0" in part)
    assert ">unknown<" in row
    assert not re.search(r"<b>0", row)
    assert "| unknown n=0 |" in MarkdownReport().write(view, tmp_path).read_text()


def test_metric_that_one_target_lacks_is_unknown_for_it() -> None:
    view = make_view(targets=2, cases=1)
    first, second = view.results.targets
    second = msgspec.structs.replace(second, metrics={})
    row = tables.metric_rows(replaced(view, targets=[first, second]))[0]
    assert [shown.value for shown in row.shown()] == ["62", "unknown"]


def test_every_outcome_that_occurred_is_counted() -> None:
    view = make_view(targets=1, cases=1)
    target = msgspec.structs.replace(
        view.results.targets[0], outcomes={"facts": {"ok": 3, "judge_failed": 2}}
    )
    table = tables.outcome_table(replaced(view, targets=[target]))
    assert table.columns == ["ok", "error", "judge_failed"]
    assert table.rows[0].counts == [3, 0, 2]
    assert table.rows[0].total == 5


def comparison(low: float | None, high: float | None, p_adjusted: float | None = None) -> Comparison:
    return Comparison(
        a="larger-b",
        b="small-a",
        metric="facts.accuracy",
        difference=0.05,
        low=low,
        high=high,
        p=0.02,
        p_adjusted=p_adjusted,
        n=50,
        test="t",
    )


@pytest.mark.parametrize(
    ("low", "high", "p_adjusted", "words"),
    [
        (0.01, 0.09, 0.02, "larger-b is higher"),
        (-0.09, -0.01, None, "small-a is higher"),
        (-0.01, 0.09, 0.2, "cannot tell apart: the interval holds 0"),
        (0.01, 0.09, 0.2, "larger-b is higher, but not beyond doubt once all comparisons are counted"),
        (None, None, None, "cannot tell: no interval"),
    ],
)
def test_comparison_is_read_by_its_interval(
    low: float | None, high: float | None, p_adjusted: float | None, words: str
) -> None:
    view = replaced(make_view(cases=1), comparisons=[comparison(low, high, p_adjusted)])
    row = tables.comparison_rows(view)[0]
    assert row.reading == words
    assert (row.difference[0], row.unit) == ("+", "points")


def test_compared_times_are_read_as_faster_and_have_their_unit() -> None:
    one = msgspec.structs.replace(comparison(0.01, 0.09), metric="load.ttft")
    row = tables.comparison_rows(replaced(make_view(cases=1), comparisons=[one]))[0]
    assert row.reading == "small-a is faster"
    assert (row.difference, row.interval, row.unit) == ("+50", "[10, 90]", "ms")


def test_invalid_stage_is_a_warning_with_its_fix() -> None:
    found = tables.warnings(make_view(cases=1))
    assert found[1].startswith("stage load / larger-b / main is invalid: ")
    assert "use fewer requests" in found[1]


def test_headline_holds_quality_latency_and_cost_once_each() -> None:
    names = [row.name.full for row in tables.headline(make_view(cases=1))]
    assert names == [
        "facts.accuracy",
        "load.slo_attainment",
        "load.ttft.p95",
        "load.e2e.p95",
        "load.output_token_rate",
        "facts.cost",
    ]


def test_deciding_metric_leads_the_headline() -> None:
    view = msgspec.structs.replace(make_view(cases=1), quality_metric="facts.other")
    metrics = view.results.targets[0].metrics | {"facts.other": Estimate(value=0.5, unit="share", n=4)}
    target = msgspec.structs.replace(view.results.targets[0], metrics=metrics)
    assert tables.headline(replaced(view, targets=[target]))[0].name.full == "facts.other"


def test_page_states_how_many_cases_it_leaves_out() -> None:
    text = render(make_view(cases=60, rows=7))
    assert "This page shows 7 cases" in text
    assert text.count("<article") == 7


def test_markdown_embeds_its_charts_by_relative_links(tmp_path: Path) -> None:
    (tmp_path / "report-old.svg").write_text("of an earlier report")
    text = MarkdownReport().write(make_view(), tmp_path).read_text()
    links = re.findall(r"!\[[^]]*\]\(([^)]+)\)", text)
    assert sorted(links) == sorted(path.name for path in tmp_path.glob("*.svg"))
    assert len(links) >= 7
    for link in links:
        ET.fromstring((tmp_path / link).read_text())


def test_markdown_reads_as_text(tmp_path: Path) -> None:
    text = MarkdownReport().write(make_view(), tmp_path).read_text()
    assert text.startswith("# support-bot\n\n**PASS: Run larger-b: ")
    assert "| facts.accuracy | % | 62 [53, 71] n=120 | 87 [81, 93] n=120 |" in text
    assert text.index("## Results") < text.index("## Outcomes") < text.index("## How it was measured")
    assert "bakeoff run bakeoff.yaml --seed 0" in text


@given(ANY)
def test_fence_is_longer_than_any_in_its_text(text: str) -> None:
    block = fenced(f"{text}\n```` end\n")
    fence = block.splitlines()[0].removesuffix("text")
    inside = block[len(fence) :].removesuffix(fence)
    assert fence not in inside


def test_markdown_tables_keep_their_columns_whatever_the_names(tmp_path: Path) -> None:
    view = make_view(targets=2, cases=1)
    names = ["a | b\n| c", "`<b>` [x](javascript:y) ![z](http://outside.test/)"]
    targets = [msgspec.structs.replace(t, name=n) for t, n in zip(view.results.targets, names, strict=True)]
    view = msgspec.structs.replace(replaced(view, targets=targets, comparisons=[]), curves=[])
    text = MarkdownReport().write(view, tmp_path).read_text()
    table = text.partition("## Outcomes")[2].partition("## Comparisons")[0]
    lines = [line for line in table.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {8}
    assert "](javascript" not in text.replace("\\]", "")


def test_inline_text_cannot_start_markup() -> None:
    assert inline("<b>*x*_y_ a_b `c`\n|d") == "\\<b\\>\\*x\\*\\_y\\_ a_b \\`c\\` \\|d"


def test_facts_of_any_shape_are_told_in_words() -> None:
    view = make_view(cases=1)
    environment = {"gpu": None, "kernel_stamps": True, "cores": [0, 1], "clock": {"source": "monotonic"}}
    found = {fact.name: fact.value for fact in tables.facts(replaced(view, environment=environment))}
    assert found["gpu"] == "unknown"
    assert found["kernel stamps"] == "yes"
    assert found["cores"] == "[0,1]"
    assert found["clock source"] == "monotonic"


def test_outcome_grade_and_repeats_stand_beside_each_answer() -> None:
    view = make_view(targets=2, cases=1)
    answers = [
        Answer(
            target="small-a", outcome="truncated", passed=False, passes=1, grades=3, value=1 / 3, text="x"
        ),
        Answer(target="larger-b", outcome="ok", text="x", cut=12345),
    ]
    row = msgspec.structs.replace(view.rows[0], answers=answers)
    text = render(msgspec.structs.replace(view, rows=[row]))
    shown = ("truncated", "✗ not passed 1/3", "value 0.333", "not graded", "12,345 more characters")
    assert all(words in text for words in shown)


def test_report_works_without_targets_and_without_rows(tmp_path: Path) -> None:
    view = make_view(targets=1, cases=0)
    results = msgspec.structs.replace(view.results, targets=[], comparisons=[], checks=[], warnings=[])
    bare = RunView(results=results, benchmarks=[])
    Page(render(bare))
    for report in (HtmlReport(), MarkdownReport(), CsvReport(), JsonReport()):
        assert report.write(bare, tmp_path).exists()
