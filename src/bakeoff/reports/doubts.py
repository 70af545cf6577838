"""Which figures of a run come from a load stage whose client was the limit.

Every format says it beside the figure, so that a reader of one table or of one file is not misled.
"""

from bakeoff.records import Estimate, StageCheck
from bakeoff.records.view import RunView
from bakeoff.reports.names import SPEED, MetricName

_TIMED = SPEED | {"output_token_rate", "slo_attainment", "slo_rate"}


def why(check: StageCheck) -> str:
    """Return the reasons of an invalid stage in one line."""
    return "; ".join(check.reasons) or "no reason was given"


def doubt(view: RunView, target: str, name: MetricName, estimate: Estimate | None) -> str:
    """Return why a figure says nothing about the server; empty where it does.

    A load of several stages has the figures of one of them, which their note names.
    """
    if estimate is None or estimate.value is None or name.base not in _TIMED:
        return ""
    place = (name.benchmark, target)
    broken = [c for c in view.results.checks if not c.valid and (c.benchmark, c.target) == place]
    if not broken:
        return ""
    stages = {stage.stage for stage in view.results.stages if (stage.benchmark, stage.target) == place}
    if len(stages) > 1:
        broken = [check for check in broken if estimate.note == f"stage {check.stage}"]
    return next((f"invalid stage {check.stage}: {why(check)}" for check in broken), "")
