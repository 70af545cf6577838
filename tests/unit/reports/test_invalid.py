"""A stage whose client was the limit: every format says so beside its figures, in words."""

import csv
import json
from pathlib import Path

import msgspec
import pytest

from bakeoff.records import Estimate, StageCheck
from bakeoff.records.view import RunView
from bakeoff.reports.csv import STAGE_COLUMNS, CsvReport
from bakeoff.reports.doubts import doubt
from bakeoff.reports.html import render
from bakeoff.reports.json import JsonReport
from bakeoff.reports.markdown import MarkdownReport
from bakeoff.reports.names import parse
from bakeoff.reports.tables import headline, metric_rows
from bakeoff.testing.load_views import make_load_view
from bakeoff.testing.views import make_view

REASON = "requests went out late: lag p99 41.0 ms; lower the rate or add --processes"


def with_results(view: RunView, **fields: object) -> RunView:
    return msgspec.structs.replace(view, results=msgspec.structs.replace(view.results, **fields))


def one_stage() -> RunView:
    """Return a load of one stage that is invalid on the first of two targets."""
    view = make_load_view(targets=2, stages=1, requests=30)
    broken = StageCheck(benchmark="load", target="model-a", stage="rate=1", valid=False, reasons=[REASON])
    stages = [
        msgspec.structs.replace(stage, client=broken) if stage.target == "model-a" else stage
        for stage in view.results.stages
    ]
    return with_results(view, stages=stages, checks=[broken])


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def test_results_csv_marks_the_figures_of_an_invalid_stage(tmp_path: Path) -> None:
    rows = read(CsvReport().write(one_stage(), tmp_path))
    lost = [row for row in rows if row["valid"] == "false"]
    assert {row["target"] for row in lost} == {"model-a"}
    assert "load.ttft.p95" in {row["metric"] for row in lost}
    assert all(row["metric"].startswith("load.") for row in lost)
    assert all(f"invalid stage rate=1: {REASON}" in row["note"] for row in lost)
    assert {row["valid"] for row in rows if row["target"] == "model-b"} == {"true"}


def test_stages_csv_has_a_row_for_each_stage_and_says_which_are_invalid(tmp_path: Path) -> None:
    view = make_load_view(targets=2, stages=3, requests=40)
    CsvReport().write(view, tmp_path)
    rows = read(tmp_path / "stages.csv")
    assert tuple(rows[0]) == STAGE_COLUMNS
    assert [row["valid"] for row in rows] == ["true"] * 4 + ["false", "true"]
    assert (rows[4]["stage"], rows[4]["target"], rows[4]["reasons"]) == ("rate=4", "model-a", REASON)
    assert rows[0]["reasons"] == ""
    first = view.results.stages[0]
    assert first.ttft is not None
    assert float(rows[0]["ttft_p95"]) == first.ttft.p95
    assert json.loads(rows[0]["load"]) == {"kind": "poisson", "rate": 1.0}
    assert rows[0]["chunk_gap_p50"] == "", "unknown is empty"


def test_stage_that_nobody_checked_is_neither_valid_nor_invalid(tmp_path: Path) -> None:
    view = make_load_view(targets=1, stages=1, requests=10)
    stages = [msgspec.structs.replace(s, client=None, slo_attainment=None) for s in view.results.stages]
    CsvReport().write(with_results(view, stages=stages, checks=[]), tmp_path)
    (row,) = read(tmp_path / "stages.csv")
    assert (row["valid"], row["reasons"], row["slo_attainment"]) == ("", "", "")


def test_check_of_the_run_stands_in_stages_csv_where_the_stage_has_none(tmp_path: Path) -> None:
    view = make_load_view(targets=1, stages=2, requests=20)
    stages = [msgspec.structs.replace(stage, client=None) for stage in view.results.stages]
    CsvReport().write(with_results(view, stages=stages), tmp_path)
    assert [row["valid"] for row in read(tmp_path / "stages.csv")] == ["true", "false"]


def test_stages_csv_of_an_older_report_goes(tmp_path: Path) -> None:
    (tmp_path / "stages.csv").write_text("old")
    CsvReport().write(with_results(make_view(cases=0), stages=[]), tmp_path)
    assert not (tmp_path / "stages.csv").exists()


def test_markdown_says_invalid_in_the_results_the_stages_and_their_charts(tmp_path: Path) -> None:
    text = MarkdownReport().write(one_stage(), tmp_path).read_text()
    assert text.count("INVALID") >= 5
    assert "- **INVALID: rate=1 on model-a**" in text
    assert "### Stage rate=1 **INVALID on model-a**" in text
    results = text.partition("## Results")[2].partition("## Speed")[0]
    line = next(line for line in results.splitlines() if "load.ttft.p95" in line)
    assert line.count("**INVALID**") == 1
    assert "**INVALID**" not in next(line for line in results.splitlines() if "facts.accuracy" in line)


def test_page_marks_the_figures_of_an_invalid_stage_in_its_tables() -> None:
    page = render(one_stage())
    board = page.partition('id="results"')[2].partition("</section>")[0]
    assert board.count('<td class="lost">') == board.count("! invalid") > 0
    assert "! invalid on <bdi>model-a</bdi>" in page
    assert f"invalid stage rate=1: {REASON}" in page.partition('id="metrics"')[2]


def test_box_plots_say_which_row_is_invalid() -> None:
    page = render(one_stage())
    assert ">invalid, n=30</text>" in page or ">invalid, n=29</text>" in page


def test_json_says_which_stage_is_invalid(tmp_path: Path) -> None:
    content = json.loads(JsonReport().write(one_stage(), tmp_path).read_text())
    lost = [stage for stage in content["stages"] if not stage["client"]["valid"]]
    assert [(stage["target"], stage["client"]["reasons"]) for stage in lost] == [("model-a", [REASON])]


def figure(note: str = "", value: float | None = 1.0) -> Estimate:
    return Estimate(value=value, unit="s", n=9, note=note)


@pytest.mark.parametrize(
    ("target", "metric", "note", "doubted"),
    [
        ("model-a", "load.ttft.p95", "stage rate=2.5", True),
        ("model-a", "load.output_token_rate", "stage rate=2.5", True),
        ("model-a", "load.ttft.p95", "stage rate=1", False),
        ("model-a", "load.slo_rate", "highest rate that met the targets", False),
        ("model-a", "load.accuracy", "stage rate=2.5", False),
        ("model-a", "facts.ttft.p95", "", False),
        ("model-b", "load.ttft.p95", "stage rate=2.5", False),
    ],
)
def test_of_several_stages_only_figures_of_the_invalid_one_are_doubted(
    target: str, metric: str, note: str, doubted: bool
) -> None:
    view = make_load_view(targets=2, stages=2, requests=20)
    found = doubt(view, target, parse(metric, ["facts", "load"]), figure(note))
    assert found.startswith("invalid stage rate=2.5: ") if doubted else found == ""


def test_unknown_figure_is_not_doubted() -> None:
    view = one_stage()
    assert doubt(view, "model-a", parse("load.ttft.p95", ["load"]), figure(value=None)) == ""
    assert doubt(view, "model-a", parse("load.ttft.p95", ["load"]), None) == ""


def test_stage_without_a_reason_says_so() -> None:
    view = one_stage()
    bare = [msgspec.structs.replace(check, reasons=[]) for check in view.results.checks]
    row = next(row for row in metric_rows(with_results(view, checks=bare)) if row.doubts[0])
    assert row.doubts == ["invalid stage rate=1: no reason was given", ""]
    assert any(row.doubts[0] for row in headline(view))
