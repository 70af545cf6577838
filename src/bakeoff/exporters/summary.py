"""summary.md: the verdict on half a page, for the summary of a CI step or a pull request."""

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from bakeoff.charts.numbers import places, plain, probability, scale_for
from bakeoff.charts.svg import visible
from bakeoff.records import Comparison, Results
from bakeoff.records.imported import StoredRun

_MARKUP = re.compile(r"([\\`*\[\]<>|!~]|(?<!\w)_|_(?!\w))")
_ROWS = 30
_DIGITS = 12


class Summary(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Markdown for `$GITHUB_STEP_SUMMARY` and its like: the verdict, the rules and the comparisons."""

    def write(self, run: StoredRun, folder: Path) -> list[Path]:
        """Write `summary.md`."""
        path = folder / "summary.md"
        lines = [*_verdict(run.results), *_rules(run.results), *_comparisons(run.results)]
        path.write_text("\n".join([*lines, *_sources(run.results)]) + "\n", encoding="utf-8")
        return [path]


def _verdict(results: Results) -> Iterator[str]:
    verdict = results.verdict
    yield f"## {verdict.state.upper()}: {_inline(results.name or results.run)}"
    yield ""
    yield f"**{_inline(verdict.sentence)}**" if verdict.sentence else "No verdict."
    yield ""
    told = {row.text for row in verdict.constraints}
    lines = [*(reason for reason in verdict.reasons if reason not in told), *verdict.surer]
    lines += [f"Warning: {warning}" for warning in results.warnings]
    yield from (f"- {_inline(line)}" for line in lines)
    if lines:
        yield ""


def _rules(results: Results) -> Iterator[str]:
    yield "### Rules"
    yield ""
    rows = results.verdict.constraints
    if not rows:
        yield "The rule asks nothing of a single target."
        yield ""
        return
    yield "| target | rule | state | chance that it holds | what was seen |"
    yield "| --- | --- | --- | ---: | --- |"
    for row in rows:
        cells = (row.target, row.name, row.state, _chance(row.chance), row.text)
        yield f"| {' | '.join(map(_inline, cells))} |"
    yield ""


def _comparisons(results: Results) -> Iterator[str]:
    # Slices follow from the whole; a summary has no room for them.
    rows = [row for row in results.comparisons if "@" not in row.metric]
    if not rows:
        return
    yield "### Comparisons"
    yield ""
    yield "| metric | difference of | difference | interval | adjusted p | n | test |"
    yield "| --- | --- | ---: | --- | ---: | ---: | --- |"
    for row in rows[:_ROWS]:
        yield _compared(row)
    if len(rows) > _ROWS:
        yield ""
        yield f"{len(rows) - _ROWS} more are in the report."
    yield ""


def _compared(row: Comparison) -> str:
    scale = scale_for(row.unit, [row.difference, row.low, row.high])
    unit = "points" if row.unit == "share" else scale.unit
    value, low, high = (
        None if each is None else each * scale.factor for each in (row.difference, row.low, row.high)
    )
    digits = 0 if value is None else places(value, low, high)
    sign = "+" if value is not None and value > 0 else ""
    known = low is not None and high is not None
    cells = (
        row.metric,
        f"{row.a} minus {row.b}",
        "unknown" if value is None else f"{sign}{plain(value, digits)} {unit}",
        f"{row.level:.0%}: {plain(low, digits)} to {plain(high, digits)}" if known else "",
        probability(row.p_adjusted),
        f"{row.n:,}",
        row.test,
    )
    return f"| {' | '.join(map(_inline, cells))} |"


def _sources(results: Results) -> Iterator[str]:
    facts = [f"run `{results.run}`", f"plan `{results.plan_hash[:_DIGITS]}`"]
    if results.rule_hash:
        facts.append(f"rule `{results.rule_hash[:_DIGITS]}`")
    yield ", ".join(facts)


def _chance(chance: float | None) -> str:
    if chance is None:
        return "unknown"
    if 0 < chance < 0.001 or 0.999 < chance < 1:
        return "< 0.1%" if chance < 0.5 else "> 99.9%"
    return f"{chance:.1%}"


def _inline(text: str) -> str:
    """Return text that Markdown shows as it is, in one line."""
    return _MARKUP.sub(r"\\\1", " ".join(visible(text).split()))
