"""Write a stored run in another tool's format; no request, no model."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bakeoff import plugins
from bakeoff.extend import Exporter
from bakeoff.records import Results, Sample, Score
from bakeoff.records.imported import StoredRun
from bakeoff.run.finish import make_results
from bakeoff.run.folder import read_cases, read_events, read_facts, read_plan
from bakeoff.run.stored import load_stored
from bakeoff.spec import LoadedSpec
from bakeoff.stores.jsonl import read_records


def export_run(run: Path, name: str, folder: Path, options: dict[str, Any] | None = None) -> list[Path]:
    """Write the run into `folder` in the format `name` and return the files.

    Raises:
        PluginError: there is no such format, or an option of it is wrong.
        UsageError: the run holds nothing that the format could say.
    """
    exporter: Exporter = plugins.create("exporters", name, options or {})
    stored = stored_run(run)
    folder.mkdir(parents=True, exist_ok=True)
    return exporter.write(stored, folder)


def stored_run(folder: Path) -> StoredRun:
    """Return a run as exporters see it."""
    loaded = load_stored(folder, {}, secrets_needed=False)
    return told_run(folder, loaded, make_results(folder, loaded.spec))


def told_run(folder: Path, loaded: LoadedSpec, results: Results) -> StoredRun:
    """Return a run with these results as exporters see it."""

    def samples() -> Iterator[Sample]:
        return read_records(folder, Sample)

    def scores() -> Iterator[Score]:
        return read_records(folder, Score)

    return StoredRun(
        results=results,
        spec=loaded.spec,
        plan=read_plan(folder),
        samples=samples,
        scores=scores,
        wall_ns=read_facts(read_events(folder), folder).anchor.wall_ns,
        cases=lambda: read_cases(folder),
        base=loaded.base,
        folder=folder,
    )


def export_table(run: Path) -> list[Path]:
    """Write the consolidated table of a bundle into the run: as CSV, and as Excel where openpyxl is there."""
    folder = run / "export"
    excel = ["excel"] if find_spec("openpyxl") else []
    return [path for name in ("matrix", *excel) for path in export_run(run, name, folder)]
