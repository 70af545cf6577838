"""The HTML report in a real Chromium with its network cut off."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from tests.e2e.chromium import BOXES, OPEN, OVERFLOW, OVERLAPS, Browser

from bakeoff.records.view import RunView
from bakeoff.reports.html import HtmlReport
from bakeoff.testing.load_views import make_load_view
from bakeoff.testing.views import HOSTILE, make_view

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Iterator[Browser]:
    """Show a report of two targets, with empty logs and everything the last test changed put back."""
    browser.log("performance")
    browser.log("browser")
    browser.open(HtmlReport().write(make_view(targets=2), tmp_path))
    yield browser
    browser.cdp("Emulation.setEmulatedMedia", features=[], media="")
    browser.cdp("Emulation.setScriptExecutionDisabled", value=False)
    browser.cdp("Emulation.clearDeviceMetricsOverride")


def hostile_view() -> RunView:
    view = make_view(targets=2)
    rows = [
        msgspec.structs.replace(
            row,
            question=text,
            reference=text,
            case=text[:100],
            slices={text[:100]: text[:100]},
            answers=[
                msgspec.structs.replace(a, text=text, thinking=text, reason=text, error=text)
                for a in row.answers
            ],
        )
        for row, text in zip(view.rows, HOSTILE, strict=False)
    ]
    verdict = msgspec.structs.replace(view.results.verdict, sentence=HOSTILE[0], reasons=list(HOSTILE))
    targets = [
        msgspec.structs.replace(target, name=target.name + text[:400], model=text, notes=[text])
        for target, text in zip(view.results.targets, HOSTILE, strict=False)
    ]
    results = msgspec.structs.replace(
        view.results, verdict=verdict, targets=targets, name=HOSTILE[1], warnings=list(HOSTILE)
    )
    return msgspec.structs.replace(view, results=results, rows=rows, curves=[])


def hostile_load_view() -> RunView:
    view = make_load_view(targets=1, stages=len(HOSTILE), requests=20)
    names = {f"rate={1 + 1.5 * place:g}": text[:400] for place, text in enumerate(HOSTILE)}
    stages = [
        msgspec.structs.replace(
            one, stage=names[one.stage], load={"kind": text, text[:400]: text}, outcomes={text[:400]: 1}
        )
        for one, text in zip(view.results.stages, HOSTILE, strict=True)
    ]
    drawn = [msgspec.structs.replace(one, stage=names[one.stage]) for one in view.stages]
    checks = [
        msgspec.structs.replace(one, stage=names[one.stage], valid=False, reasons=[text])
        for one, text in zip(view.results.checks, HOSTILE, strict=True)
    ]
    results = msgspec.structs.replace(view.results, stages=stages, checks=checks)
    return msgspec.structs.replace(view, results=results, stages=drawn)


VISIBLE_ROWS = "return [...document.querySelectorAll('.row')].filter(r => r.getClientRects().length).length"


def test_page_asks_for_nothing_outside_and_logs_no_error(page: Browser) -> None:
    assert [url for url in page.requests() if not url.startswith(("file:", "data:"))] == []
    assert page.log("browser") == []


def test_request_log_would_see_an_outside_request(page: Browser, tmp_path: Path) -> None:
    leak = tmp_path / "leak.html"
    leak.write_text("<img src='http://outside.test/x.png'>")
    page.open(leak)
    assert "http://outside.test/x.png" in page.requests()
    assert page.log("browser")


def test_every_chart_is_visible_with_a_size(page: Browser) -> None:
    page.run(OPEN)
    boxes = page.run(BOXES)
    assert len(boxes) >= 7
    assert all(width > 300 and height > 50 for width, height in boxes)
    marks = page.run("return document.querySelectorAll('figure svg .fill').length")
    assert marks > 20


def test_no_text_of_a_chart_overlaps_another_for_two_to_ten_targets(page: Browser, tmp_path: Path) -> None:
    for count in (2, 3, 5, 10):
        page.open(HtmlReport().write(make_view(targets=count), tmp_path))
        page.run(OPEN)
        assert page.run(OVERLAPS) == []


@pytest.mark.parametrize(("targets", "stages"), [(1, 1), (2, 8), (10, 3)])
def test_no_text_of_a_load_chart_overlaps_another(
    page: Browser, tmp_path: Path, targets: int, stages: int
) -> None:
    page.open(HtmlReport().write(make_load_view(targets=targets, stages=stages), tmp_path))
    page.run(OPEN)
    assert page.run(OVERLAPS) == []
    assert all(width > 300 and height > 50 for width, height in page.run(BOXES))
    assert page.log("browser") == []


def test_charts_of_a_stage_open_without_script(page: Browser, tmp_path: Path) -> None:
    page.cdp("Emulation.setScriptExecutionDisabled", value=True)
    page.open(HtmlReport().write(make_load_view(stages=2, requests=20), tmp_path))
    shut = page.run("return document.querySelector('#speed details figure').checkVisibility()")
    page.click("#speed details:last-of-type summary")
    opened = page.run("return document.querySelector('#speed details:last-of-type figure').checkVisibility()")
    page.cdp("Emulation.setScriptExecutionDisabled", value=False)
    assert (shut, opened) == (False, True)


def test_invalid_stage_is_red_in_either_scheme(page: Browser, tmp_path: Path) -> None:
    page.open(HtmlReport().write(make_load_view(stages=2, requests=20), tmp_path))
    colours = (
        "return ['.stages tr.lost td', '.stages tr:not(.lost) td', '.invalid-box'].map("
        "s => getComputedStyle(document.querySelector('#speed ' + s)).backgroundColor)"
    )
    for scheme in ("light", "dark"):
        page.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        lost, plain, box = page.run(colours)
        assert lost == box != plain
        red, green, blue = (int(part) for part in lost[4:-1].split(","))
        assert red > max(green, blue)


def test_marks_of_the_targets_have_their_colours(page: Browser) -> None:
    fills = page.run(
        "return ['.s0', '.s1'].map(s => getComputedStyle(document.querySelector('.mark' + s))"
        ".getPropertyValue('--c'))"
    )
    assert len(set(fills)) == 2
    shot = "return document.querySelector('.mark use').getBoundingClientRect().width"
    assert page.run(shot) > 5


@pytest.mark.parametrize("width", [360, 768, 1440])
def test_load_report_never_scrolls_sideways(page: Browser, tmp_path: Path, width: int) -> None:
    page.cdp("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
    page.open(HtmlReport().write(make_load_view(stages=8, requests=60), tmp_path))
    page.run(OPEN)
    assert page.run(OVERFLOW) <= 0


def test_hostile_stage_names_are_shown_and_never_run(page: Browser, tmp_path: Path) -> None:
    page.open(HtmlReport().write(hostile_load_view(), tmp_path))
    page.run(OPEN)
    assert page.run("return window.hacked") is None
    assert page.run("return document.querySelectorAll('img').length") == 0
    assert page.run("return document.querySelectorAll('script').length") == 1
    assert page.log("browser") == []
    assert page.run(OVERFLOW) <= 0


def test_filter_shows_the_chosen_rows(page: Browser) -> None:
    everything = page.run(VISIBLE_ROWS)
    page.click("input[value=differ] + span")
    differing = page.run(VISIBLE_ROWS)
    page.click("input[value=failed] + span")
    failed = page.run(VISIBLE_ROWS)
    view = make_view(targets=2)
    assert everything == len(view.rows)
    assert differing == sum(row.differs for row in view.rows) < everything
    assert failed == sum(row.failed for row in view.rows) < everything
    assert (
        page.run("return document.getElementById('count').textContent") == f"{failed} of {everything} cases"
    )


def test_search_narrows_the_rows_and_combines_with_the_filter(page: Browser) -> None:
    page.type("#search", "Q007")
    assert page.run(VISIBLE_ROWS) == 1
    page.type("#search", "no such text")
    assert page.run(VISIBLE_ROWS) == 0


def test_keys_move_through_the_rows(page: Browser) -> None:
    page.run("document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'j', bubbles: true}))")
    page.run("document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key: 'j', bubbles: true}))")
    assert page.run("return document.activeElement.id") == "case-2"


def test_definition_opens_at_its_question_mark(page: Browser) -> None:
    page.click(".tip")
    shown = page.run("return document.querySelector('[popover]:popover-open').textContent")
    assert "Share of all cases" in shown


def test_everything_is_there_without_script(page: Browser, tmp_path: Path) -> None:
    page.cdp("Emulation.setScriptExecutionDisabled", value=True)
    page.open(HtmlReport().write(make_view(targets=2), tmp_path))
    page.cdp("Emulation.setScriptExecutionDisabled", value=False)
    assert page.run(VISIBLE_ROWS) == len(make_view(targets=2).rows)
    assert page.run("return document.getElementById('filter').getClientRects().length") == 0


def test_dark_scheme_changes_ground_and_charts(page: Browser) -> None:
    colours = (
        "return [getComputedStyle(document.body).backgroundColor,"
        "getComputedStyle(document.querySelector('figure svg text:not(.soft)')).fill]"
    )
    page.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "light"}])
    light = page.run(colours)
    page.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    dark = page.run(colours)
    assert light == ["rgb(246, 247, 248)", "rgb(29, 39, 51)"]
    assert dark == ["rgb(16, 20, 24)", "rgb(230, 235, 240)"]


@pytest.mark.parametrize("width", [360, 768, 1440])
def test_page_never_scrolls_sideways(page: Browser, width: int) -> None:
    page.cdp("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
    assert page.run(OVERFLOW) <= 0


def test_hostile_text_is_shown_and_never_run(page: Browser, tmp_path: Path) -> None:
    page.open(HtmlReport().write(hostile_view(), tmp_path))
    assert page.run("return window.hacked") is None
    assert (
        page.run("return document.querySelectorAll('img, a[href^=\"javascript\"], script[src]').length") == 0
    )
    assert page.run("return document.querySelectorAll('script').length") == 1
    assert page.run("return document.querySelector('h1').textContent") == HOSTILE[0]
    assert [url for url in page.requests() if not url.startswith(("file:", "data:"))] == []
    assert page.log("browser") == []
    assert page.run(OVERFLOW) <= 0


def test_page_policy_stops_a_script_that_is_not_its_own(page: Browser) -> None:
    page.run(
        "const s = document.createElement('script'); s.textContent = 'window.hacked = 1';"
        "document.body.append(s)"
    )
    assert page.run("return window.hacked") is None
    assert any("Content Security Policy" in entry["message"] for entry in page.log("browser"))


@pytest.mark.parametrize("case", ["no rows", "one target", "all failed", "nothing"])
def test_odd_runs_still_make_a_page(page: Browser, tmp_path: Path, case: str) -> None:
    view = make_view(targets=1 if case == "one target" else 2, cases=0 if case == "no rows" else 20)
    if case == "all failed":
        targets = [
            msgspec.structs.replace(target, metrics={}, outcomes={"facts": {"error": 120}})
            for target in view.results.targets
        ]
        results = msgspec.structs.replace(view.results, targets=targets, comparisons=[])
        view = msgspec.structs.replace(view, results=results, rows=[], curves=[])
    if case == "nothing":
        results = msgspec.structs.replace(view.results, targets=[], comparisons=[])
        view = RunView(results=results, benchmarks=[])
    page.open(HtmlReport().write(view, tmp_path))
    assert page.run("return document.querySelector('h1').getClientRects().length") > 0
    assert page.log("browser") == []
    assert page.run(OVERFLOW) <= 0
