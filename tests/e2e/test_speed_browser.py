"""The Speed section and reports of odd runs in a real Chromium: whole, readable, red where invalid."""

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random

import msgspec
import pytest
from tests.e2e.chromium import OPEN, OVERFLOW, OVERLAPS, Browser
from tests.integration.runs import run, write_spec

from bakeoff.records import Sample
from bakeoff.records.view import Answer, CaseText, RunView
from bakeoff.reports import build_view
from bakeoff.reports.html import HtmlReport
from bakeoff.run.finish import finish
from bakeoff.run.stored import load_stored
from bakeoff.testing.load_views import make_load_view
from bakeoff.testing.truth import TruthProcess, TruthSettings
from bakeoff.testing.views import HOSTILE, make_results, make_samples, make_spec, make_view

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture
def page(browser: Browser) -> Iterator[Browser]:
    browser.send("POST", "/url", {"url": "about:blank"})
    browser.log("performance")
    browser.log("browser")
    yield browser
    browser.cdp("Emulation.setEmulatedMedia", features=[], media="")
    browser.cdp("Emulation.clearDeviceMetricsOverride")


def show(page: Browser, view: RunView, folder: Path, *, width: int = 1400, scheme: str = "light") -> None:
    page.cdp("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
    page.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    page.open(HtmlReport().write(view, folder))
    page.run(OPEN)


def assert_calm(page: Browser) -> None:
    """Check that the page asks for nothing, complains of nothing and does not scroll sideways."""
    assert [url for url in page.requests() if not url.startswith(("file:", "data:", "about:"))] == []
    assert page.log("browser") == []
    assert page.run(OVERFLOW) <= 0


SHOWN = """
    return [...document.querySelectorAll('#speed figure')].filter(f => f.checkVisibility()).map(
      f => [f.querySelector('h3').textContent, f.querySelectorAll('svg path, svg line, svg rect').length])
"""
CHARTS = (
    "Time to first token against throughput: load",
    "End-to-end time against throughput: load",
    "Time to first token by stage: load",
    "Inter-token latency by stage: load",
    "End-to-end time by stage: load",
    "Time to first token: load, stage rate=2.5",
    "End-to-end time: load, stage rate=2.5",
    "Load over time: load, stage rate=2.5",
    "Requests over time: load, stage rate=2.5",
    "Time to first token over prompt length: load, stage rate=2.5",
)


def test_every_chart_of_a_load_is_visible_and_drawn(page: Browser, tmp_path: Path) -> None:
    show(page, make_load_view(targets=2, stages=3, requests=80), tmp_path)
    drawn = dict(page.run(SHOWN))
    for title in CHARTS:
        assert drawn[title] > 10, f"{title} is empty"
    lines = page.run(
        "return [...document.querySelectorAll('#speed figure')].filter(f => f.querySelector('.slo'))"
        ".map(f => f.querySelector('.slo-text').textContent)"
    )
    assert lines.count("target 0.5 s") + lines.count("target 500 ms") >= 4, "in curves and in shares"
    cells = page.run(
        "return [...document.querySelectorAll('#speed .percentiles tbody tr:not(.group)')]"
        ".filter(r => r.checkVisibility()).length"
    )
    assert cells >= 6 * 5, "two targets, three stages, at least five metrics"
    assert_calm(page)


PIXELS = (
    "return [...document.querySelectorAll('#speed figure svg')].map("
    "s => 12 * s.getBoundingClientRect().width / s.viewBox.baseVal.width)"
)
REACHABLE = """
    return [...document.querySelectorAll('#speed .scroll')].filter(e => e.checkVisibility()).filter(e => {
      e.scrollLeft = 1e6;
      const inside = e.firstElementChild.getBoundingClientRect(), frame = e.getBoundingClientRect();
      return inside.right > frame.right + 1;
    }).map(e => e.getAttribute('aria-label'));
"""
CONTRAST = """
    const light = c => c.map(v => v / 255).map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
    const shine = c => { const [r, g, b] = light(c); return .2126 * r + .7152 * g + .0722 * b; };
    const numbers = text => text.match(/[\\d.]+/g).slice(0, 3).map(Number);
    const found = {};
    for (const svg of document.querySelectorAll('#speed figure svg')) {
      const ground = shine(numbers(getComputedStyle(svg.closest('figure')).backgroundColor));
      for (const text of svg.querySelectorAll('text')) {
        const ink = shine(numbers(getComputedStyle(text).fill));
        const ratio = (Math.max(ink, ground) + .05) / (Math.min(ink, ground) + .05);
        if (ratio < 4.4) found[text.getAttribute('class') + ' ' + text.textContent] = ratio;
      }
    }
    return found;
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1400])
def test_speed_is_readable_at_every_width_in_either_scheme(
    page: Browser, tmp_path: Path, width: int, scheme: str
) -> None:
    show(page, make_load_view(targets=2, stages=4, requests=60), tmp_path, width=width, scheme=scheme)
    assert min(page.run(PIXELS)) >= 9.5, "letters of charts are large enough to read"
    assert page.run(CONTRAST) == {}
    assert page.run(OVERLAPS) == []
    assert page.run(REACHABLE) == [], "what does not fit can be scrolled to inside its frame"
    assert_calm(page)


def test_table_of_stages_fits_a_wide_window(page: Browser, tmp_path: Path) -> None:
    show(page, make_load_view(targets=2, stages=4, requests=60), tmp_path, width=1400)
    inside = "const t = document.querySelector('.stages'); return t.offsetWidth - t.parentElement.clientWidth"
    assert page.run(inside) <= 0


RED = """
    const red = (selector, property) => [...document.querySelectorAll(selector)].map(e => {
      const [r, g, b] = getComputedStyle(e)[property].match(/[\\d.]+/g).map(Number);
      return r - Math.max(g, b) >= 12;
    });
    return {
      box: red('.invalid-box', 'backgroundColor'),
      stages: red('.stages tr.lost td', 'backgroundColor'),
      percentiles: red('.percentiles tr.lost td', 'backgroundColor'),
      plain: red('.stages tr:not(.lost) td', 'backgroundColor'),
      badges: red('#speed summary .badge.no', 'color'),
      boxes: red('#speed figure .bad-text', 'fill'),
      crosses: red('#speed figure .lost', 'stroke'),
    };
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_of_an_invalid_stage_is_red_and_says_so(
    page: Browser, tmp_path: Path, scheme: str
) -> None:
    show(page, make_load_view(targets=2, stages=3, requests=80), tmp_path, scheme=scheme)
    found = page.run(RED)
    assert not any(found.pop("plain"))
    for place, marks in found.items():
        assert marks, f"nothing is marked in {place}"
        assert all(marks), f"{place} is not red"
    words = page.run("return document.querySelector('#speed').innerText")
    assert "1 stage is invalid" in words
    assert words.count("! invalid") >= 5
    assert "lower the rate or add --processes" in words


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run two models over a few sums and a small load, with names and cases in odd characters."""
    folder = tmp_path_factory.mktemp("run")
    answers = TruthSettings(answer="arithmetic", ttft=0.002, itl=0.0005)
    load = {
        "name": "load",
        "synthetic": {"prompt_tokens": 20, "output_tokens": 8},
        "load": {"kind": "sweep", "steps": 2, "concurrency": 4, "step_requests": 20},
        "slo": {"ttft": "500ms"},
    }
    with TruthProcess(answers) as server:
        spec = write_spec(folder, server.url, models=["plain", "other"], cases=12)
        content = msgspec.yaml.decode(spec.read_bytes())
        content["benchmarks"].append(load)
        content["models"][0]["model"] = "<img src=x onerror=window.hacked=1> 模型 \u202e"
        spec.write_bytes(msgspec.yaml.encode(content))
        cases = folder / "cases.jsonl"
        rows = [json.loads(line) for line in cases.read_text().splitlines()]
        for row, text in zip(rows, HOSTILE[:6], strict=False):
            row["input"] += f" {text}"
            row["category"] = text[:60]
        cases.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
        return run(spec, folder / "runs").folder


def lines(folder: Path, name: str) -> list[bytes]:
    return (folder / name).read_bytes().splitlines(keepends=True)


def failed(line: bytes) -> bytes:
    sample = msgspec.json.decode(line, type=Sample)
    broken = msgspec.structs.replace(
        sample,
        outcome="error",
        text="",
        error="<b>503</b>",
        first_token_at=None,
        first_answer_at=None,
        last_token_at=None,
    )
    return msgspec.json.encode(broken) + b"\n"


@pytest.mark.parametrize("kept", ["all", "none", "one", "errors"])
def test_run_with_whatever_samples_makes_a_calm_page(
    page: Browser, stored: Path, tmp_path: Path, kept: str
) -> None:
    folder = tmp_path / stored.name
    folder.mkdir()
    for path in stored.iterdir():
        if path.is_file():
            (folder / path.name).write_bytes(path.read_bytes())
    samples, scores = lines(stored, "samples.jsonl"), lines(stored, "scores.jsonl")
    if kept == "none":
        samples, scores = [], []
    if kept == "one":
        samples, scores = [line for line in samples if b'"benchmark":"sums"' in line][-1:], scores[-1:]
    if kept == "errors":
        samples, scores = [failed(line) for line in samples], []
    (folder / "samples.jsonl").write_bytes(b"".join(samples))
    (folder / "scores.jsonl").write_bytes(b"".join(scores))
    done = finish(folder, load_stored(folder, {}, secrets_needed=False).spec)
    for width in (400, 1400):
        page.cdp(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False
        )
        page.open(done.files["html"])
        page.run(OPEN)
        assert page.run("return document.querySelector('h1').getClientRects().length") == 1
        assert page.run("return window.hacked") is None
        assert page.run(OVERLAPS) == []
        assert_calm(page)


@pytest.mark.parametrize("targets", [1, 10])
def test_one_and_ten_targets_with_odd_names_make_a_calm_page(
    page: Browser, tmp_path: Path, targets: int
) -> None:
    view = make_view(targets=targets)
    odd = [f"{text[:60]} {place}" for place, text in enumerate((*HOSTILE, "ünï-模型-😀", "a" * 60))]
    renamed = [
        msgspec.structs.replace(one, name=name) for one, name in zip(view.results.targets, odd, strict=False)
    ]
    results = msgspec.structs.replace(view.results, targets=renamed, comparisons=[])
    drawn = msgspec.structs.replace(view, results=results, curves=[], stages=[])
    for width in (400, 1400):
        show(page, drawn, tmp_path, width=width)
        assert page.run("return window.hacked") is None
        assert page.run("return document.querySelectorAll('.board tbody tr').length") >= targets
        assert_calm(page)


LOADED = "return performance.getEntriesByType('navigation')[0].loadEventEnd"


def long_view(targets: int, cases: int) -> RunView:
    names = [f"model-{place}" for place in range(targets)]
    samples, scores = make_samples(names, cases, Random(3))
    told = (
        msgspec.structs.replace(sample, text="An answer <b>of</b> some length. " * 150) for sample in samples
    )
    return build_view(
        make_results(names),
        make_spec(names),
        samples=told,
        scores=scores,
        cases=lambda benchmark, case: CaseText(question=f"{benchmark} {case}: " + "why? " * 400),
    )


@pytest.mark.parametrize(("targets", "cases"), [(2, 5000), (10, 1000)])
def test_page_of_very_many_long_answers_opens_at_once(
    page: Browser, tmp_path: Path, targets: int, cases: int
) -> None:
    view = long_view(targets, cases)
    path = HtmlReport().write(view, tmp_path)
    assert path.stat().st_size < 20_000_000
    assert view.counts.total == cases
    assert all(isinstance(answer, Answer) and answer.cut for answer in view.rows[0].answers)
    page.open(path)
    assert 0 < page.run(LOADED) < 5000, "milliseconds until the page is there"
    page.type("#search", "why")
    assert page.run("return document.getElementById('count').textContent").startswith("500 of 500")
    assert_calm(page)
