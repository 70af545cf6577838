"""What every report draws from: results, the rows of answers and the latency curves of one run.

A view is plain data of bounded size, whatever the number of samples; it knows no format.
"""

import msgspec

from bakeoff.records.card import DataCard
from bakeoff.records.result import Results


class CaseText(msgspec.Struct, frozen=True, kw_only=True):
    """A case as a reader sees it; `reference` is None where there is no right answer."""

    question: str
    reference: str | None = None
    slices: dict[str, str] = {}


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One target's answer to one case, from its first repeat.

    Attributes:
        outcome: the sample's outcome; "missing" where no sample was found.
        passed: whether all grades passed; None where nothing was graded with yes or no.
        passes: how many of the `grades` (repeats times scorers) passed.
        value: mean of the grades' values, None where there is none.
        cut: characters of `text` and `thinking` that were left out for length.
    """

    target: str
    text: str = ""
    thinking: str = ""
    outcome: str = "missing"
    passed: bool | None = None
    passes: int = 0
    grades: int = 0
    value: float | None = None
    reason: str = ""
    ttft_s: float | None = None
    e2e_s: float | None = None
    completion_tokens: int | None = None
    error: str = ""
    cut: int = 0


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One case with every target's answer, in the order of the targets."""

    benchmark: str
    case: str
    question: str
    reference: str | None
    slices: dict[str, str]
    answers: list[Answer]
    differs: bool

    @property
    def failed(self) -> bool:
        """Tell whether some target gave no complete answer or one that did not pass."""
        return any(answer.outcome != "ok" or answer.passed is False for answer in self.answers)


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """The distribution of one latency metric of one target, as points of its cumulative curve.

    Attributes:
        seconds: ascending latencies.
        shares: for each, the share of all `total` requests that were answered within it, so a
            target with failures never reaches 1.
        n: requests that have the latency.
        total: requests sent, failed ones included.
    """

    benchmark: str
    stage: str
    target: str
    metric: str
    seconds: list[float]
    shares: list[float]
    n: int
    total: int


class SloLine(msgspec.Struct, frozen=True, kw_only=True):
    """A latency target of a benchmark, in seconds, and the share of requests that must meet all of them."""

    benchmark: str
    metric: str
    seconds: float
    attainment: float = 0.95


class Box(msgspec.Struct, frozen=True, kw_only=True):
    """Five numbers of one metric, in seconds.

    Attributes:
        n: values that they stand for.
        requests: the evenly chosen requests that the values come from; None for all of the stage.
    """

    metric: str
    n: int
    min: float
    q1: float
    median: float
    q3: float
    max: float
    requests: int | None = None


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """Some requests of a stage, evenly chosen out of `total`, as columns in the order of their due times.

    All times are seconds from the stage's first due request; None where there was no such moment.
    """

    due: list[float]
    sent: list[float | None]
    first: list[float | None]
    done: list[float | None]
    ok: list[bool]
    total: int


class Cells(msgspec.Struct, frozen=True, kw_only=True):
    """Time to first token over prompt length: the centre and the count of every cell that is not empty.

    `n` requests are in the cells; `cells` is how many cells the area has, 0 where each request stands alone.
    """

    tokens: list[float]
    seconds: list[float]
    counts: list[int]
    n: int
    cells: int = 0


class Activity(msgspec.Struct, frozen=True, kw_only=True):
    """A stage over time, in slices of `width` seconds from its first due request.

    Attributes:
        in_flight: requests in flight, on average over the slice.
        sent: requests sent per second.
        finished: complete answers per second.
    """

    width: float
    in_flight: list[float]
    sent: list[float]
    finished: list[float]


class StageView(msgspec.Struct, frozen=True, kw_only=True):
    """What one target's requests of one stage looked like.

    Attributes:
        stamped_by: requests by who took their arrival stamps.
        counted_by: requests by who counted their tokens, "nobody" included.
    """

    benchmark: str
    stage: str
    target: str
    total: int
    boxes: list[Box] = []
    timeline: Timeline | None = None
    cells: Cells | None = None
    activity: Activity | None = None
    stamped_by: dict[str, int] = {}
    counted_by: dict[str, int] = {}


class RowCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How many cases were graded, and how many of them the targets answered differently."""

    total: int = 0
    differ: int = 0


class RunView(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a report shows of one run.

    Attributes:
        benchmarks: names, in the order of the spec.
        loads: those of them that measure speed under a load.
        rows: cases with answers, those where the targets differ first, at most a stated number.
        counts: all cases, also those beyond `rows`.
        stages: the load stages, in the order in which they ran.
        command: repeats the run.
        data: the cards of the graded benchmarks' cases.
    """

    results: Results
    benchmarks: list[str]
    loads: list[str] = []
    rows: list[Row] = []
    counts: RowCounts = RowCounts()
    curves: list[Curve] = []
    slos: list[SloLine] = []
    stages: list[StageView] = []
    incumbent: str | None = None
    quality_metric: str | None = None
    command: str = ""
    data: list[DataCard] = []

    @property
    def names(self) -> list[str]:
        """Return the targets' names; a target's place here is its colour and mark everywhere."""
        return [target.name for target in self.results.targets]
