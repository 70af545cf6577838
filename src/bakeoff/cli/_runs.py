"""What `bakeoff runs` prints: stored runs, and those of a service."""

from typing import TYPE_CHECKING

from bakeoff.cli._terminal import print_document, say, table

if TYPE_CHECKING:
    from pathlib import Path

    from bakeoff.client import RunHandle, RunInfo
    from bakeoff.run.listing import RunDetails, RunSummary


def print_list(found: "list[RunSummary]", out: "Path", *, as_json: bool) -> None:
    """Print the runs of a folder."""
    if as_json:
        print_document({"schema_version": 1, "runs": found})
    elif not found:
        say(f"no run under `{out}`; `bakeoff quickstart` or `bakeoff run` makes one")
    else:
        rows = [(one.id, one.state, f"{one.samples:,}", one.verdict or "-") for one in found]
        say(table(("run", "state", "samples", "verdict"), rows))


def print_details(found: "RunDetails") -> None:
    """Print what a stored run is made of."""
    one = found.run
    _facts(
        ("run", one.path),
        ("name", one.name),
        ("started", one.started),
        ("state", one.state),
        ("verdict", f"{one.verdict}: {one.sentence}" if one.verdict else "-"),
        ("plan", found.plan_hash),
        ("seed", str(found.seed)),
        ("command", found.command),
    )
    say()
    rows = [(t.name, t.model, t.where or "-", t.engine or "unknown") for t in found.targets]
    say(table(("target", "model", "where", "engine"), rows))
    say()
    counts = [
        (c.benchmark, c.target, f"{c.stored:,} of {c.planned:,}", _counts(c.outcomes)) for c in found.counts
    ]
    say(table(("benchmark", "target", "samples", "outcomes"), counts))
    say()
    say(table(("file", "bytes"), [(name, f"{size:,}") for name, size in found.files.items()]))


def print_list_there(found: "list[RunInfo]", url: str, *, as_json: bool) -> None:
    """Print runs of a service."""
    if as_json:
        print_document({"schema_version": 1, "runs": found})
        return
    if not found:
        say(f"no run at {url}; `bakeoff run` starts one")
        return
    rows = [
        (one.id, one.name, one.state, f"{one.progress.done:,}", (one.outcome and one.outcome.verdict) or "-")
        for one in found
    ]
    say(table(("run", "name", "state", "samples", "verdict"), rows))


def print_run_there(found: "RunHandle") -> None:
    """Print what a service says of a run."""
    one, outcome = found.info, found.info.outcome
    part = one.progress
    _facts(
        ("run", found.url),
        ("name", one.name),
        ("created", one.created_at),
        ("started", one.started_at or "-"),
        ("finished", one.finished_at or "-"),
        ("state", one.state),
        ("samples", f"{part.done:,} of {part.total:,}, {part.failed:,} failed"),
        ("verdict", f"{outcome.verdict}: {outcome.sentence}" if outcome and outcome.verdict else "-"),
    )
    if one.error is not None:
        _facts(("error", one.error.message), ("hint", one.error.hint or "-"))


def _facts(*facts: tuple[str, str]) -> None:
    for name, text in facts:
        say(f"{name:<8} {text}")


def _counts(outcomes: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in outcomes.items()) or "-"
