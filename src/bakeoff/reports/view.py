"""Build a run's view in one pass over its scores and one over its samples.

Memory is bounded by the number of cases and by some 50 bytes per sample, not by texts: an answer is
kept only where its case was chosen to be shown.
"""

from collections.abc import Callable, Collection, Iterable

import msgspec

from bakeoff.records import Results, Sample, Score, SloSpec, Spec
from bakeoff.records.view import Answer, CaseText, Curve, Row, RowCounts, RunView, SloLine, StageView
from bakeoff.reports.fit import fitted
from bakeoff.reports.grades import Grades
from bakeoff.reports.stages import StageReading

CELLS = 500
_SLO_METRICS = ("ttft", "ttfa", "tpot", "e2e")
_StageKey = tuple[str, str, str]


class Caps(msgspec.Struct, frozen=True, kw_only=True):
    """How many cases a report shows, and how many characters of each text."""

    rows: int = 500
    text: int = 4000


class _Reading:
    """What one pass over the samples collects."""

    def __init__(self, graded: dict[str, Grades], caps: Caps) -> None:
        self.graded = graded
        self.caps = caps
        self.stages: dict[_StageKey, StageReading] = {}
        self.answers: dict[tuple[str, str, str], tuple[int, Answer]] = {}
        self.shown = {name: grades.chosen for name, grades in graded.items()}

    def take(self, sample: Sample) -> None:
        key = (sample.benchmark, sample.stage, sample.target)
        stage = self.stages.get(key)
        if stage is None:
            stage = self.stages[key] = StageReading()
        stage.add(sample)
        shown = self.shown.get(sample.benchmark)
        if shown is None:
            return
        if sample.case not in shown and not self.graded[sample.benchmark].add_ungraded(sample.case):
            return
        place = (sample.benchmark, sample.case, sample.target)
        known = self.answers.get(place)
        if known is None or sample.repeat <= known[0]:
            self.answers[place] = (sample.repeat, _answer(sample, self.caps.text))


def _seconds(sample: Sample, moment: int | None) -> float | None:
    return None if moment is None else (moment - sample.scheduled_at) / 1e9


def _answer(sample: Sample, most: int) -> Answer:
    cut = max(len(sample.text) - most, 0) + max(len(sample.thinking) - most, 0)
    return Answer(
        target=sample.target,
        text=sample.text[:most],
        thinking=sample.thinking[:most],
        outcome=sample.outcome,
        ttft_s=_seconds(sample, sample.first_token_at),
        e2e_s=_seconds(sample, sample.done_at),
        completion_tokens=sample.usage.completion,
        error=sample.error[:most],
        cut=cut,
    )


_Drawn = tuple[list[StageView], list[Curve]]


def _stages(readings: dict[_StageKey, StageReading], benchmarks: list[str], names: list[str]) -> _Drawn:
    """Return every stage and its curves: benchmarks and targets as in the spec, stages as they ran."""
    order = list(dict.fromkeys(stage for _, stage, _ in readings))
    known = [key for key in readings if key[0] in benchmarks and key[2] in names]
    views: list[StageView] = []
    curves: list[Curve] = []
    for benchmark, stage, target in sorted(
        known, key=lambda key: (benchmarks.index(key[0]), order.index(key[1]), names.index(key[2]))
    ):
        reading = readings[benchmark, stage, target]
        view, drawn = reading.finish(benchmark, stage, target, most_cells=max(CELLS // len(names), 1))
        views.append(view)
        curves += drawn
    return views, curves


def _rows(reading: _Reading, names: list[str], cases: Callable[[str, str], CaseText]) -> list[Row]:
    rows: list[Row] = []
    for benchmark, grades in reading.graded.items():
        for case in grades.shown_cases():
            text = cases(benchmark, case)
            answers = [
                grades.graded_answer(
                    case, reading.answers.get((benchmark, case, name), (0, Answer(target=name)))[1]
                )
                for name in names
            ]
            rows.append(
                Row(
                    benchmark=benchmark,
                    case=case,
                    question=text.question,
                    reference=text.reference,
                    slices=text.slices,
                    answers=answers,
                    differs=grades.differs(case),
                )
            )
    # Python's sort is stable: within each kind the cases keep the order of the run.
    rows.sort(key=lambda row: (not row.differs, not row.failed))
    return fitted(rows[: reading.caps.rows], reading.caps.text)


def _countable(view: StageView, results: Results) -> StageView:
    """Return the stage without its course over time where the samples do not tell it."""
    place = (view.benchmark, view.target, view.stage)
    known = next((s for s in results.stages if (s.benchmark, s.target, s.stage) == place), None)
    if known is None or known.seconds is not None:
        return view
    return msgspec.structs.replace(view, timeline=None, activity=None)


def _slos(spec: Spec) -> list[SloLine]:
    lines: list[SloLine] = []
    for benchmark in spec.benchmarks:
        # A benchmark's own targets win; the decision's hold where the speed is measured.
        slo: SloSpec | None = benchmark.slo or (spec.decide.slo if benchmark.measured else None)
        if slo is None:
            continue
        for metric in _SLO_METRICS:
            seconds: float | None = getattr(slo, metric)
            if seconds is not None:
                line = SloLine(
                    benchmark=benchmark.name, metric=metric, seconds=seconds, attainment=slo.attainment
                )
                lines.append(line)
    return lines


def _command(results: Results) -> str:
    command = results.environment.get("command")
    return command if isinstance(command, str) and command else f"bakeoff run runs/{results.run}/spec.yaml"


def build_view(
    results: Results,
    spec: Spec,
    *,
    samples: Iterable[Sample],
    scores: Iterable[Score],
    cases: Callable[[str, str], CaseText],
    caps: Caps = Caps(),  # noqa: B008  a frozen struct
    excluded: Collection[str] = ("warmup",),
) -> RunView:
    """Return the view of a run.

    Args:
        results: the estimates, comparisons and verdict.
        spec: the spec with all defaults filled in.
        samples: all samples, read once.
        scores: all scores, read once, before the samples.
        cases: gives question, reference and slices of a benchmark's case; asked for shown cases only.
        caps: bounds of what is shown.
        excluded: stages that are no part of any number.
    """
    names = [target.name for target in results.targets]
    benchmarks = [benchmark.name for benchmark in spec.benchmarks]
    graded = {one.name: Grades(names, caps.rows) for one in spec.benchmarks if one.scorers}
    for score in scores:
        grades = graded.get(score.benchmark)
        if grades is None:
            grades = graded[score.benchmark] = Grades(names, caps.rows)
        if score.stage not in excluded:
            grades.add(score)
    for grades in graded.values():
        grades.choose()
    reading = _Reading(graded, caps)
    for sample in samples:
        if sample.stage not in excluded:
            reading.take(sample)
    stages, curves = _stages(reading.stages, benchmarks, names)
    loads = [one.name for one in spec.benchmarks if one.measured or one.name not in graded]
    return RunView(
        results=results,
        benchmarks=benchmarks,
        loads=loads,
        rows=_rows(reading, names, cases),
        counts=RowCounts(
            total=sum(grades.total for grades in graded.values()),
            differ=sum(grades.differing for grades in graded.values()),
        ),
        curves=curves,
        slos=_slos(spec),
        stages=[_countable(stage, results) for stage in stages if stage.benchmark in loads],
        incumbent=spec.decide.incumbent,
        quality_metric=spec.decide.quality.metric,
        command=_command(results),
    )
