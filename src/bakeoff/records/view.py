"""What every report draws from: results, the rows of answers and the latency curves of one run.

A view is plain data of bounded size, whatever the number of samples; it knows no format.
"""

import msgspec

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
    """A latency target of a benchmark, in seconds."""

    benchmark: str
    metric: str
    seconds: float


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
        command: repeats the run.
    """

    results: Results
    benchmarks: list[str]
    loads: list[str] = []
    rows: list[Row] = []
    counts: RowCounts = RowCounts()
    curves: list[Curve] = []
    slos: list[SloLine] = []
    incumbent: str | None = None
    quality_metric: str | None = None
    command: str = ""

    @property
    def names(self) -> list[str]:
        """Return the targets' names; a target's place here is its colour and mark everywhere."""
        return [target.name for target in self.results.targets]
