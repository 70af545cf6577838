"""report.md: readable as text, with its charts as files beside it."""

import re
from pathlib import Path

import msgspec

from bakeoff.charts.style import standalone
from bakeoff.charts.svg import clip, visible
from bakeoff.records.view import Answer, Row, RunView
from bakeoff.reports import tables
from bakeoff.reports.costs import cost_table
from bakeoff.reports.decision import rank_tables, remarks
from bakeoff.reports.figures import Figure, figures
from bakeoff.reports.percentiles import COLUMNS, Percentile, PercentileTable
from bakeoff.reports.speed import Speed, speeds
from bakeoff.reports.stage_table import StageTable

ROWS = 20
_TEXT = 600
_MARKUP = re.compile(r"([\\`*\[\]<>|!~]|(?<!\w)_|_(?!\w))")


def inline(text: str) -> str:
    """Return text that Markdown shows as it is, in one line."""
    return _MARKUP.sub(r"\\\1", " ".join(visible(text).split()))


def fenced(text: str) -> str:
    """Return a block whose content cannot end it."""
    body = visible(text[:_TEXT]) + ("\n…" if len(text) > _TEXT else "")
    runs = [len(run) for run in re.findall(r"`+", body)]
    fence = "`" * max(3, *(run + 1 for run in runs), 3)
    return f"{fence}text\n{body}\n{fence}"


def _table(header: list[str], rows: list[list[str]], numeric_from: int = 1) -> list[str]:
    marks = ["---" if place < numeric_from else "---:" for place in range(len(header))]
    return [f"| {' | '.join(cells)} |" for cells in (header, marks, *rows)] + [""]


def _verdict(view: RunView) -> list[str]:
    verdict = view.results.verdict
    lines = [f"# {inline(view.results.name or view.results.run)}", ""]
    lines += [f"**{verdict.state.upper()}: {inline(verdict.sentence)}**", ""]
    lines += [f"- {inline(reason)}" for reason in verdict.reasons]
    lines += [f"- {one.about}: {inline(one.text)}" for one in remarks(verdict)]
    if verdict.tied:
        of = " from the choice" if verdict.choice else ""
        lines.append(f"- Cannot be told apart{of}: {', '.join(map(inline, verdict.tied))}")
    return [*lines, ""]


def _metrics(view: RunView, rows: list[tables.MetricRow], title: str) -> list[str]:
    if not rows:
        return [f"## {title}", "", "No metric was computed.", ""]
    header = ["metric", "unit", *map(inline, view.names)]
    body: list[list[str]] = []
    for row in rows:
        cells = [
            shown.line + (" **INVALID**" if doubt else "")
            for shown, doubt in zip(row.shown(), row.doubts, strict=True)
        ]
        body.append([inline(row.name.full), row.scale.unit, *cells])
    return [
        f"## {title}",
        "",
        f"Value, {tables.levels(view)} interval, number of samples.",
        "",
        *_table(header, body, 2),
    ]


def _outcomes(view: RunView) -> list[str]:
    table = tables.outcome_table(view)
    header = ["target", "benchmark", *table.columns, "sent"]
    rows = [
        [inline(row.target), inline(row.benchmark), *(f"{count:,}" for count in row.counts), f"{row.total:,}"]
        for row in table.rows
    ]
    return [
        "## Outcomes",
        "",
        "Every request is counted here; outcomes without a column did not occur.",
        "",
        *_table(header, rows, 2),
    ]


def _rankings(view: RunView) -> list[str]:
    lines: list[str] = []
    for one in rank_tables(view.results):
        rows = [[inline(row.target), row.value, row.rank, row.best, row.tied] for row in one.rows]
        header = ["target", inline(one.label), "rank", "chance of being the best", "tied"]
        lines += [f"## Ranking by {inline(one.metric)}", "", inline(one.note), "", *_table(header, rows)]
    return lines


def _costs(view: RunView) -> list[str]:
    table = cost_table(view.results)
    if table is None:
        return []
    header = ["target", "benchmark", *table.columns]
    rows = [[inline(row.target), inline(row.benchmark), *map(inline, row.cells)] for row in table.rows]
    notes = [f"- {inline(row.target)} in {inline(row.benchmark)}: {inline(row.note)}" for row in table.rows]
    said = "In USD; what is unknown is said, never counted as 0."
    return ["## Cost", "", said, "", *_table(header, rows, 2), *notes, ""]


def _comparisons(view: RunView) -> list[str]:
    rows = [
        [
            inline(row.comparison.metric),
            f"{inline(row.comparison.a)} minus {inline(row.comparison.b)}",
            f"{row.difference} {row.interval} {row.unit}",
            row.p,
            row.p_adjusted,
            f"{row.comparison.n:,}",
            inline(row.comparison.test),
            inline(row.reading),
        ]
        for row in tables.comparison_rows(view)
    ]
    if not rows:
        return ["## Comparisons", "", "There was nothing to compare.", ""]
    header = ["metric", "difference of", "difference", "p", "p adjusted", "pairs", "test", "reading"]
    return ["## Comparisons", "", *_table(header, rows, len(header))]


def _pictures(drawn: list[Figure]) -> list[str]:
    lines: list[str] = []
    for figure in drawn:
        words = f"{figure.caption} {figure.measured}".strip()
        lines += [f"![{inline(figure.title)}](report-{figure.key}.svg)", "", inline(words), ""]
    return lines


def _charts(drawn: list[Figure]) -> list[str]:
    return ["## Charts", "", *_pictures(drawn)]


def _stages(table: StageTable) -> list[str]:
    header = ["stage", "target", "load"]
    header += [f"{column.label} ({column.unit})" if column.unit else column.label for column in table.columns]
    rows = [
        [
            inline(row.stage) + ("" if row.valid else " **INVALID**"),
            inline(row.target),
            inline(row.load),
            *(inline(cell.line) for cell in row.cells),
        ]
        for row in table.rows
    ]
    return _table(header, rows, 3)


def _percentile(cell: Percentile) -> str:
    return inline(f"{cell.value} {cell.interval}")


def _percentiles(table: PercentileTable) -> list[str]:
    rows = [
        [
            inline(row.stage) + ("" if row.valid else " **INVALID**"),
            inline(row.target),
            row.n,
            *map(_percentile, row.cells),
        ]
        for row in table.rows
    ]
    return [f"**{table.label}**, {table.unit}", "", *_table(["stage", "target", "n", *COLUMNS], rows, 2)]


def _speed(speed: Speed) -> list[str]:
    lines = [f"## Speed: {inline(speed.benchmark)}", ""]
    for one in speed.invalid:
        reasons = inline(one.reasons)
        lines.append(f"- **INVALID: {inline(one.stage)} on {inline(one.target)}**: {reasons}")
    lines += [""] if speed.invalid else []
    if speed.table is not None:
        lines += _stages(speed.table)
    lines += _pictures(speed.figures)
    if speed.percentiles:
        lines += ["### Percentiles of every stage", ""]
    for table in speed.percentiles:
        lines += _percentiles(table)
    for stage in speed.stages:
        lost = f" **INVALID on {', '.join(map(inline, stage.invalid))}**" if stage.invalid else ""
        lines += [f"### Stage {inline(stage.stage)}{lost}", "", *_pictures(stage.figures)]
    if speed.left:
        lines += [f"{speed.left} further stages have no charts of their own here.", ""]
    return lines


def _grade(answer: Answer) -> str:
    if answer.passed is None:
        graded = "not graded" if answer.value is None else f"value {answer.value:.3g}"
    else:
        graded = "passed" if answer.passed else "did not pass"
    return graded if answer.outcome == "ok" else f"{answer.outcome}, {graded}"


def _row(row: Row) -> list[str]:
    lines = [f"### {inline(row.benchmark)} / {inline(row.case)}", "", fenced(row.question), ""]
    if row.reference is not None:
        lines += [f"Reference: {inline(clip(row.reference, 300))}", ""]
    for answer in row.answers:
        lines += [f"**{inline(answer.target)}**: {_grade(answer)}", ""]
        lines += [fenced(answer.text or answer.error or "(no answer)"), ""]
    return lines


def _rows(view: RunView) -> list[str]:
    chosen = [row for row in view.rows if row.differs][:ROWS]
    counts = view.counts
    lines = ["## Where the models differ", ""]
    lines += [f"{counts.differ:,} of {counts.total:,} cases; {len(chosen)} are shown here.", ""]
    return lines + [line for row in chosen for line in _row(row)]


def _measured(view: RunView) -> list[str]:
    lines = ["## How it was measured", ""]
    lines += [f"- {inline(fact.name)}: {inline(fact.value)}" for fact in tables.facts(view)]
    for target in view.results.targets:
        engine = inline(target.engine or "unknown")
        notes = "".join(f" {inline(note)}." for note in target.notes)
        lines.append(f"- {inline(target.name)}: model {inline(target.model)}, engine {engine}.{notes}")
    return [*lines, "", "Repeat it:", "", fenced(view.command), ""]


class MarkdownReport(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A report for pull requests and terminals."""

    def write(self, view: RunView, folder: Path) -> Path:
        """Write `report.md` and its charts `report-*.svg`."""
        drawn, measured = figures(view), speeds(view)
        for old in folder.glob("report-*.svg"):
            old.unlink()
        for figure in [*drawn, *(figure for speed in measured for figure in speed.drawn())]:
            (folder / f"report-{figure.key}.svg").write_text(standalone(figure.svg), encoding="utf-8")
        found = tables.warnings(view)
        lines = [
            *_verdict(view),
            *_metrics(view, tables.headline(view), "Results"),
            *(line for speed in measured for line in _speed(speed)),
            *_outcomes(view),
            *_rankings(view),
            *_comparisons(view),
            *_costs(view),
            *_charts(drawn),
            *(["## Warnings", "", *(f"- {inline(warning)}" for warning in found), ""] if found else []),
            *_rows(view),
            *_metrics(view, tables.metric_rows(view), "All metrics"),
            *_measured(view),
        ]
        path = folder / "report.md"
        path.write_text("\n".join(lines), encoding="utf-8")
        return path
