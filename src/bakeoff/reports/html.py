"""report.html: one file that asks for nothing from outside and works without its script.

Every text is escaped by the template engine; the page's own policy forbids whatever it did not bring.
"""

import base64
import hashlib
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from bakeoff import cards
from bakeoff.charts import svg
from bakeoff.charts.numbers import quantity
from bakeoff.charts.style import css
from bakeoff.charts.whisker import Span, whisker
from bakeoff.records.card import DataCard
from bakeoff.records.view import Answer, RunView
from bakeoff.reports import tables
from bakeoff.reports.costs import cost_table
from bakeoff.reports.decision import rank_tables, remarks
from bakeoff.reports.figures import Figure, figures
from bakeoff.reports.names import define
from bakeoff.reports.percentiles import COLUMNS
from bakeoff.reports.speed import Speed, speeds

if TYPE_CHECKING:
    from jinja2 import Environment, Template


class _State(msgspec.Struct, frozen=True, kw_only=True):
    key: str
    word: str
    sign: str


_STATES = {
    "pass": _State(key="pass", word="Pass", sign="✓"),
    "fail": _State(key="fail", word="Fail", sign="✗"),
    "inconclusive": _State(key="inconclusive", word="Inconclusive", sign="≈"),
    "invalid": _State(key="invalid", word="Invalid measurement", sign="!"),
}


def _asset(name: str) -> str:
    return (files("bakeoff.reports") / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _shown_safely(value: object) -> object:
    """Make control characters visible in whatever the template prints; finished markup stays."""
    return svg.visible(value) if type(value) is str else value


def _environment() -> "Environment":
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415  slow to import, needed for this report only

    return Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown_safely,
    )


@cache
def _template() -> "Template":
    return _environment().from_string(_asset("page.html"))


def _marks(count: int) -> str:
    """Return the marks of all series once; `_mark` refers to them.

    Each is of the class `bk` itself, since a rule does not look out of the copy that `use` makes.
    """
    drawn = "".join(f'<g id="mark-{place}" class="bk">{svg.mark(place, 6, 6)}</g>' for place in range(count))
    return f'<svg width="0" height="0" aria-hidden="true"><defs>{drawn}</defs></svg>'


def _mark(series: int) -> str:
    return (
        f'<svg class="bk mark {svg.series_class(series)}" viewBox="0 0 12 12" aria-hidden="true">'
        f'<use href="#mark-{series}"/></svg>'
    )


def _cell_whisker(row: tables.MetricRow, series: int) -> str:
    estimate = row.estimates[series]
    if estimate is None or estimate.value is None:
        return ""
    span = Span(value=estimate.value, low=estimate.low, high=estimate.high)
    return whisker(span, row.low, row.high, series=series)


def _difference_whisker(row: tables.ComparisonRow) -> str:
    one = row.comparison
    if one.difference is None or one.low is None or one.high is None:
        return ""
    reach = max(abs(one.low), abs(one.high), abs(one.difference)) or 1.0
    return whisker(Span(value=one.difference, low=one.low, high=one.high), -reach, reach, zero=True)


def _grade(answer: Answer) -> str:
    badges: list[str] = []
    if answer.outcome != "ok":
        badges.append(f'<span class="badge odd">{svg.esc(answer.outcome)}</span>')
    count = f" {answer.passes}/{answer.grades}" if answer.grades > 1 else ""
    if answer.passed is not None:
        kind, word = ("yes", "✓ passed") if answer.passed else ("no", "✗ not passed")
        badges.append(f'<span class="badge {kind}">{word}{count}</span>')
    elif answer.value is None:
        badges.append('<span class="badge">not graded</span>')
    if answer.value is not None and answer.value not in (0.0, 1.0):
        badges.append(f'<span class="badge">value {answer.value:.3g}</span>')
    return "".join(badges)


def _marked(draw: Callable[..., str]) -> Callable[..., str]:
    """Return a drawing function whose output the template takes as finished markup."""
    from markupsafe import Markup  # noqa: PLC0415  comes with jinja2

    def drawn(*args: Any) -> str:  # noqa: ANN401  passes through
        return Markup(draw(*args))  # noqa: S704  our own SVG, whose texts are escaped where they are drawn

    return drawn


class _Drawing(msgspec.Struct, frozen=True, kw_only=True):
    """A figure whose markup the template takes as finished."""

    title: str
    caption: str
    measured: str
    svg: str


def _drawing(figure: Figure) -> _Drawing:
    from markupsafe import Markup  # noqa: PLC0415  comes with jinja2

    return _Drawing(
        title=figure.title,
        caption=figure.caption,
        measured=figure.measured,
        svg=Markup(figure.svg),  # noqa: S704  our own SVG, whose texts are escaped where they are drawn
    )


def _speed(speed: Speed) -> dict[str, Any]:
    return {
        "benchmark": speed.benchmark,
        "invalid": speed.invalid,
        "table": speed.table,
        "percentiles": speed.percentiles,
        "figures": [_drawing(figure) for figure in speed.figures],
        "stages": [
            {
                "stage": one.stage,
                "invalid": one.invalid,
                "figures": [_drawing(figure) for figure in one.figures],
            }
            for one in speed.stages
        ],
        "left": speed.left,
    }


def _data(card: DataCard) -> dict[str, Any]:
    return {"card": card, "tables": cards.tables(card), "remark": cards.remark(card)}


def _context(view: RunView) -> dict[str, Any]:
    from markupsafe import Markup  # noqa: PLC0415  comes with jinja2

    style = css() + _asset("page.css")
    script = _asset("page.js")
    word = view.results.verdict.state
    sent = sum(sum(counts.values()) for target in view.results.targets for counts in target.outcomes.values())
    return {
        "view": view,
        "state": _STATES.get(word, _State(key="other", word=word, sign="?")),
        "css": Markup(style),  # noqa: S704  our own file
        "script": Markup(script),  # noqa: S704  our own file
        "policy": _policy(style, script),
        "sent": sent,
        "levels": tables.levels(view),
        "headline": tables.headline(view),
        "outcomes": tables.outcome_table(view),
        "comparisons": tables.comparison_rows(view),
        "costs": cost_table(view.results),
        "rankings": rank_tables(view.results),
        "remarks": remarks(view.results.verdict),
        "figures": [_drawing(one) for one in figures(view)],
        "speeds": [_speed(one) for one in speeds(view)],
        "percentile_columns": COLUMNS,
        "define": define,
        "warnings": tables.warnings(view),
        "metrics": tables.metric_rows(view),
        "facts": tables.facts(view),
        "data": [_data(card) for card in view.data],
        "marks": _marked(_marks),
        "mark": _marked(_mark),
        "whisker": _marked(_cell_whisker),
        "difference": _marked(_difference_whisker),
        "grade": _marked(_grade),
        "quantity": quantity,
    }


def render(view: RunView) -> str:
    """Return the whole page."""
    return _template().render(_context(view)).lstrip()


class HtmlReport(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A single page with everything a decision needs."""

    def write(self, view: RunView, folder: Path) -> Path:
        """Write `report.html`."""
        path = folder / "report.html"
        path.write_text(render(view), encoding="utf-8")
        return path
