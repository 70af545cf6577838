"""Show the stages of a load test: a table for people, one document for programs."""

from collections.abc import Callable
from typing import Any

import click
import msgspec

from bakeoff.cli._server_side import print_server, server_json
from bakeoff.cli._terminal import say
from bakeoff.records.result import Distribution, StageResult
from bakeoff.run.finish import Finished

_TIMES = ("ttft", "ttfa", "itl", "tpot", "e2e", "lag", "service", "chunk_gap")

_MARKS = ("mean", "p50", "p90", "p95", "p99", "p999", "max")


class _Stages(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The document of `bakeoff perf --json`; `slo_rate` has, for a load in steps, what each target bore."""

    run: str
    stages: list[dict[str, object]]
    schema_version: int = msgspec.field(default_factory=lambda: 1)
    slo_rate: dict[str, float | None] = {}


def presented(*, as_json: bool, matrix: bool) -> Callable[[Finished], None]:
    """Return what prints a load test; that of a matrix also leaves its table as files."""
    show = stages_json if as_json else print_stages

    def present(finished: Finished) -> None:
        show(finished)
        if matrix:
            from bakeoff.run.exporting import export_table

            for path in export_table(finished.folder):
                say(f"table    {path}", err=as_json)

    return present


def stages_json(finished: Finished) -> None:
    """Print every stage as one JSON document."""
    rows = [_plain(stage) for stage in finished.results.stages]
    borne = [(t.name, n, e) for t in finished.results.targets for n, e in t.metrics.items()]
    found = {target: one.value for target, name, one in borne if name.endswith(".slo_rate")}
    click.echo(msgspec.json.encode(_Stages(run=str(finished.folder), stages=rows, slo_rate=found)).decode())


def _plain(stage: StageResult) -> dict[str, object]:
    """Return a stage with plain numbers, intervals beside them, and its client's facts with their verdict."""
    row: dict[str, Any] = msgspec.to_builtins(stage)
    for name, value in row.items():
        if isinstance(getattr(stage, name), Distribution):
            row[name] = {key: value[key] for key in value if key not in {"bounds", "level"}}
    share = stage.slo_attainment
    row["slo_attainment"] = None if share is None else share.value
    row["slo_attainment_interval"] = None if share is None else [share.low, share.high]
    client = stage.client
    if client is not None:
        row["client"] = {"valid": client.valid, "reasons": client.reasons, **client.facts}
    row["server"] = server_json(stage.server)
    return row


def print_stages(finished: Finished) -> None:
    """Print a table of percentiles for each stage, then what any run prints."""
    from bakeoff.cli._show import print_finished

    for stage in finished.results.stages:
        _print(stage)
    say()
    print_finished(finished)


def _print(stage: StageResult) -> None:
    outcomes = ", ".join(f"{count:,} {name}" for name, count in sorted(stage.outcomes.items()))
    asked = f" of {stage.asked_rate:.4g} asked" if stage.asked_rate else ""
    rates = f"{_rate(stage.request_rate)} requests/s{asked}, {_rate(stage.output_token_rate)} tokens/s"
    say("\n" + " · ".join((stage.benchmark, stage.target, stage.stage)), bold=True, nl=False)
    say(f"  {outcomes}; {rates}")
    say(f"  {'ms':<10}{'n':>9}" + "".join(f"{name:>10}" for name in _MARKS))
    for name in _TIMES:
        values: Distribution | None = getattr(stage, name)
        if values is not None:
            marks = "".join(f"{1000 * getattr(values, mark):>10.2f}" for mark in _MARKS)
            say(f"  {name:<10}{values.n:>9,}{marks}")
    print_server(stage.server)
    if stage.slo_attainment is not None and stage.slo_attainment.value is not None:
        share = stage.slo_attainment
        bounds = "" if share.low is None or share.high is None else f" [{share.low:.1%}, {share.high:.1%}]"
        say(f"  latency targets met: {share.value:.1%}{bounds} of {share.n}")
    if not stage.valid and stage.client is not None:
        for reason in stage.client.reasons:
            say(f"  INVALID: {reason}", fg="red")


def _rate(value: float | None) -> str:
    return "unknown" if value is None else f"{value:,.1f}"
