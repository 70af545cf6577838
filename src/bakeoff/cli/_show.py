"""Print a finished run: verdict first, then the table, warnings, and where the files are."""

from bakeoff.cli._rows import rows
from bakeoff.cli._terminal import print_document, say, table
from bakeoff.records import Results
from bakeoff.reports.costs import cost_table
from bakeoff.reports.decision import remarks
from bakeoff.run.finish import Finished

_STATES = {"pass": "green", "fail": "red", "inconclusive": "yellow", "invalid": "red"}


def print_json(results: Results) -> None:
    """Print results as one JSON document."""
    print_document(results)


def print_finished(finished: Finished) -> None:
    """Print a run for a person."""
    results = finished.results
    verdict = results.verdict
    say(f"{verdict.state.upper()}  ", fg=_STATES.get(verdict.state), bold=True, nl=False)
    say(verdict.sentence, bold=True)
    for reason in verdict.reasons:
        say(f"  - {reason}")
    for one in remarks(verdict):
        say(f"  - {one.about.lower()}: {one.text}")
    say()
    print_table(results)
    _print_costs(results)
    say()
    _print_warnings(results)
    say(f"run      {finished.folder}")
    for name in ("html", "md", "csv", "json"):
        if name in finished.files:
            say(f"report   {finished.files[name].resolve()}")
            break


def print_table(results: Results) -> None:
    """Print metrics by target, with intervals and n."""
    made, cut = rows(results)
    names = [target.name for target in results.targets]
    say(table(("metric", *names), [(row.label, *row.cells) for row in made]))
    levels = {e.level for target in results.targets for e in target.metrics.values() if e.low is not None}
    level = f"{max(levels):.0%} " if len(levels) == 1 else ""
    more = f"; {cut} more slices in the report" if cut else ""
    say(f"value [{level}interval] n=samples; the report has every metric{more}", dim=True)


def _print_costs(results: Results) -> None:
    """Print what the targets cost, where there is a price."""
    costs = cost_table(results)
    if costs is None:
        return
    many = len({row.benchmark for row in costs.rows}) > 1
    labels = [f"{row.target} ({row.benchmark})" if many else row.target for row in costs.rows]
    rows = [(label, *row.cells) for label, row in zip(labels, costs.rows, strict=True)]
    say()
    say(table(("USD", *costs.columns), rows))
    for label, row in zip(labels, costs.rows, strict=True):
        say(f"{label}: {row.note}", dim=True)


def _print_warnings(results: Results) -> None:
    for warning in results.warnings:
        say(f"warning: {warning}", fg="yellow")
    told = " ".join(results.verdict.reasons)
    for check in results.checks:
        for reason in check.reasons:
            if reason not in told:
                say(f"invalid: {check.benchmark} on {check.target}: {reason}", fg="red")
    for target in results.targets:
        for note in target.notes:
            say(f"note: {target.name}: {note}")
