"""Print a finished run: verdict first, then the table, warnings, and where the files are."""

from collections.abc import Iterable

import click
import msgspec

from bakeoff.records import Estimate, Results
from bakeoff.run.finish import Finished

_STATES = {"pass": "green", "fail": "red", "inconclusive": "yellow", "invalid": "red"}
_NONE = "-"
_HIDDEN = ("_lowest", "_highest", ".p90", ".p99")


def print_json(results: Results) -> None:
    """Print results as one JSON document."""
    click.echo(msgspec.json.encode(results).decode())


def print_finished(finished: Finished) -> None:
    """Print a run for a person."""
    results = finished.results
    verdict = results.verdict
    click.echo()
    click.secho(f"{verdict.state.upper()}  ", fg=_STATES.get(verdict.state), bold=True, nl=False)
    click.secho(verdict.sentence, bold=True)
    for reason in verdict.reasons:
        click.echo(f"  - {reason}")
    click.echo()
    print_table(results)
    for warning in results.warnings:
        click.secho(f"warning: {warning}", fg="yellow")
    for check in results.checks:
        for reason in check.reasons:
            click.secho(f"invalid: {check.benchmark} on {check.target}: {reason}", fg="red")
    for target in results.targets:
        for note in target.notes:
            click.echo(f"note: {target.name}: {note}")
    click.echo(f"run      {finished.folder}")
    if "html" in finished.files:
        click.echo(f"report   {finished.files['html'].resolve()}")


def print_table(results: Results) -> None:
    """Print metrics by target, with intervals and n."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(
        box=box.SIMPLE, pad_edge=False, caption="value [interval] n; times in ms", caption_justify="left"
    )
    table.add_column("metric")
    for target in results.targets:
        table.add_column(target.name, justify="right")
    for name in _names(results):
        cells = [_cell(target.metrics.get(name)) for target in results.targets]
        if any(cell != _NONE for cell in cells):
            table.add_row(name, *cells)
    Console().print(table)


def _names(results: Results) -> Iterable[str]:
    names: dict[str, None] = {}
    for target in results.targets:
        names.update(dict.fromkeys(target.metrics))
    return [name for name in names if not name.endswith(_HIDDEN)]


def _cell(estimate: Estimate | None) -> str:
    if estimate is None:
        return _NONE
    if estimate.value is None:
        return "unknown" if estimate.n else _NONE
    scale, digits = _form(estimate.unit)
    text = f"{estimate.value * scale:.{digits}f}"
    if estimate.unit == "share":
        text += "%"
    if estimate.low is not None and estimate.high is not None:
        text += f" [{estimate.low * scale:.{digits}f}, {estimate.high * scale:.{digits}f}]"
    return f"{text} {estimate.n}"


def _form(unit: str) -> tuple[float, int]:
    """Return scale and decimals of a unit in the terminal: percent, milliseconds, dollars to 6 places."""
    forms = {"share": (100.0, 1), "s": (1000.0, 1), "USD": (1.0, 6)}
    return forms.get(unit, (1.0, 1))
