"""The speed of each load benchmark: stages, percentiles and charts, chosen once for all formats."""

import msgspec

from bakeoff.records.view import RunView
from bakeoff.reports import percentiles
from bakeoff.reports.doubts import why
from bakeoff.reports.figures import Figure
from bakeoff.reports.load import Load, load_of
from bakeoff.reports.load_figures import box_figures, curve_figures, stage_figures
from bakeoff.reports.stage_table import StageTable, stage_table

STAGES = 12


class InvalidStage(msgspec.Struct, frozen=True, kw_only=True):
    """A stage whose client was the limit, why, and what to do."""

    stage: str
    target: str
    reasons: str


class StageCharts(msgspec.Struct, frozen=True, kw_only=True):
    """The charts of one stage, all targets in each; `invalid` names those whose client was the limit."""

    stage: str
    invalid: list[str]
    figures: list[Figure]


class Speed(msgspec.Struct, frozen=True, kw_only=True):
    """One load benchmark; `left` stages have no charts of their own."""

    benchmark: str
    invalid: list[InvalidStage]
    table: StageTable | None
    percentiles: list[percentiles.PercentileTable]
    figures: list[Figure]
    stages: list[StageCharts]
    left: int = 0

    def drawn(self) -> list[Figure]:
        """Return all charts of the benchmark."""
        return [*self.figures, *(figure for stage in self.stages for figure in stage.figures)]


def _speed(load: Load) -> Speed:
    stages = list(dict.fromkeys(stage.stage for stage in load.stages))
    return Speed(
        benchmark=load.benchmark,
        invalid=[
            InvalidStage(
                stage=check.stage,
                target=check.target,
                reasons=why(check),
            )
            for check in load.checks
            if not check.valid
        ],
        table=stage_table(load.results) if load.results else None,
        percentiles=percentiles.tables(load.results),
        figures=[*curve_figures(load), *box_figures(load)],
        stages=[
            StageCharts(
                stage=stage,
                invalid=load.invalid(stage),
                figures=stage_figures(load, stage, f"{load.key}-{place}"),
            )
            for place, stage in enumerate(stages[:STAGES], 1)
        ],
        left=max(len(stages) - STAGES, 0),
    )


def speeds(view: RunView) -> list[Speed]:
    """Return a section for every load benchmark of which there is something to show."""
    found: list[Speed] = []
    for place, benchmark in enumerate(view.loads, 1):
        load = load_of(view, benchmark, str(place))
        if load.results or load.stages:
            found.append(_speed(load))
    return found
