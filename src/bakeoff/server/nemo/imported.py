"""The results of another NeMo server as an imported run: its estimates, and no samples, which it keeps."""

import shutil
from pathlib import Path
from typing import Any

import msgspec

from bakeoff.records import Target
from bakeoff.records.imported import Imported, ImportedBenchmark, Reported
from bakeoff.run.folder import list_folders
from bakeoff.run.importing import write_imported
from bakeoff.server.nemo.estimates import estimates
from bakeoff.server.remotes.steps import RESULT, Order, Steps
from bakeoff.spec.foreign import slug

TOOL = "nemo-evaluator"
_REPORTED = f"as reported by {TOOL}"


def import_result(folder: Path, runs: Path, order: Order, steps: Steps) -> Path:
    """Write the results in a job's folder into a run directory under `runs` and return it; once.

    Args:
        folder: of the job.
        runs: where its run is; what an attempt before this one has not finished goes.
        order: what was asked.
        steps: when, and as which job of the other server.
    """
    if found := list_folders(runs):
        return found[-1]
    shutil.rmtree(runs, ignore_errors=True)
    result: dict[str, Any] = msgspec.json.decode((folder / RESULT).read_bytes())
    return write_imported([_part(result, folder / RESULT, order, steps)], runs, slug(order.name, "nemo"))


def rows_of(result: dict[str, Any]) -> int:
    """Return of how many rows a result is, as far as it tells."""
    return sum(max((each.n for each in found.values()), default=0) for found in estimates(result).values())


def _part(result: dict[str, Any], path: Path, order: Order, steps: Steps) -> Imported:
    target = Target(
        name=slug(order.name, "model"), provider="unknown", model=order.model, endpoint=order.endpoint
    )
    names: dict[str, str] = {}
    for task in estimates(result):
        name = slug(task, "task")
        while name in names.values():
            name += "-2"
        names[task] = name
    reported = [
        Reported(
            benchmark=names[task],
            target=target.name,
            metrics={name: _told(each) for name, each in found.items()},
        )
        for task, found in estimates(result).items()
    ]
    return Imported(
        tool=TOOL,
        targets=(target,),
        benchmarks=tuple(
            ImportedBenchmark(name=name, measured=False, metrics=("e2e",)) for name in names.values()
        ),
        reported=reported,
        sources=(path,),
        wall_ns=None if steps.submitted_at is None else steps.submitted_at * 1000,
        notes=[
            f"evaluated by the NeMo server {order.remote.url} as its job {steps.job}, which keeps the answers"
        ],
    )


def _told(each: Any) -> Any:  # noqa: ANN401  an estimate
    how = {"Wilson": "Wilson's interval", "t": "Student's t"}.get(each.note)
    return msgspec.structs.replace(each, note=_REPORTED if how is None else f"{_REPORTED}; {how}")
