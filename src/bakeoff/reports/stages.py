"""What one pass over a load's samples leaves behind: columns of numbers, and a few requests as they were.

It costs some 50 bytes a sample and no object; what leaves it is of bounded size.
"""

import math
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import repeat

import msgspec

from bakeoff.metrics.itl import token_gaps
from bakeoff.records import Sample
from bakeoff.records.view import Activity, Box, Cells, Curve, StageView, Timeline
from bakeoff.stats.quantiles import quantile

LATENCIES = ("ttft", "e2e")
POINTS = 200
MOST_KEPT = 240
_MOST_SLICES = 120
_FEWEST_SLICES = 10
_LOG_FROM = 20  # the same spread from which the charts' axes are logarithmic
_NS = 1e9


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    """One chosen request; times in ns."""

    due: int
    sent: int | None
    first: int | None
    done: int | None
    ok: bool
    tokens: "array[float] | None"
    chunks: "array[float] | None"


class StageReading:
    """Collect one target's samples of one stage."""

    def __init__(self) -> None:
        self.total = 0
        self._ttft = array("d")
        self._e2e = array("d")
        self._prompt = array("i")  # beside each ttft; -1 is unknown
        self._sent = array("q")
        self._ended = array("q")
        self._answered = array("q")
        self._first_due: int | None = None
        self._kept: list[_Kept] = []
        self._stride = 1
        self._stamped: Counter[str] = Counter()
        self._counted: Counter[str | None] = Counter()

    def add(self, sample: Sample) -> None:
        """Take one sample."""
        if self.total % self._stride == 0:
            self._keep(sample)
        self.total += 1
        due, done = sample.scheduled_at, sample.done_at
        if self._first_due is None or due < self._first_due:
            self._first_due = due
        if sample.sent_at is not None and done is not None:
            self._sent.append(sample.sent_at)
            self._ended.append(done)
        if sample.outcome != "ok":
            return
        self._stamped[sample.stamped_by] += 1
        self._counted[sample.usage.counted_by] += 1
        if sample.first_token_at is not None:
            self._ttft.append((sample.first_token_at - due) / _NS)
            prompt = sample.usage.prompt
            self._prompt.append(-1 if prompt is None else prompt)
        if done is not None:
            self._e2e.append((done - due) / _NS)
            self._answered.append(done)

    def _keep(self, sample: Sample) -> None:
        gaps = token_gaps(sample)
        apart = sample.chunk_us if gaps is None and sample.ok and sample.chunk_us else None
        self._kept.append(
            _Kept(
                due=sample.scheduled_at,
                sent=sample.sent_at,
                first=sample.first_token_at,
                done=sample.done_at,
                ok=sample.outcome == "ok",
                tokens=None if gaps is None else array("d", gaps),
                chunks=None if apart is None else array("d", (gap / 1e6 for gap in apart)),
            )
        )
        if len(self._kept) > MOST_KEPT:
            # Every second one goes, and from here on every second one comes: the choice stays even.
            self._kept = self._kept[::2]
            self._stride *= 2

    def finish(
        self, benchmark: str, stage: str, target: str, *, most_cells: int
    ) -> tuple[StageView, list[Curve]]:
        """Return the stage as a view, and its latency curves."""
        columns = {"ttft": sorted(self._ttft), "e2e": sorted(self._e2e)}
        boxes = [_box(name, values) for name, values in columns.items() if values]
        view = StageView(
            benchmark=benchmark,
            stage=stage,
            target=target,
            total=self.total,
            boxes=[*boxes, *self._gap_boxes()],
            timeline=self._timeline(),
            cells=cells(self._prompt, self._ttft, most=most_cells),
            activity=self._activity(),
            stamped_by=dict(self._stamped),
            counted_by={name or "nobody": count for name, count in self._counted.items()},
        )
        return view, [self._curve(view, name, values) for name, values in columns.items()]

    def _curve(self, view: StageView, metric: str, ordered: list[float]) -> Curve:
        count = len(ordered)
        if count <= POINTS:
            ranks = list(range(1, count + 1))
        else:
            ranks = sorted({1, *(-(-count * step // POINTS) for step in range(1, POINTS + 1))})
        return Curve(
            benchmark=view.benchmark,
            stage=view.stage,
            target=view.target,
            metric=metric,
            seconds=[ordered[rank - 1] for rank in ranks],
            shares=[rank / self.total for rank in ranks],
            n=count,
            total=self.total,
        )

    def _gap_boxes(self) -> Iterator[Box]:
        for metric, pools in (
            ("itl", [kept.tokens for kept in self._kept if kept.tokens]),
            ("chunk_gap", [kept.chunks for kept in self._kept if kept.chunks]),
        ):
            values = sorted(gap for pool in pools for gap in pool)
            if values:
                yield _box(metric, values, requests=None if self._stride == 1 else len(pools))

    def _timeline(self) -> Timeline | None:
        zero = self._first_due
        if zero is None:
            return None
        rows = sorted(self._kept, key=lambda kept: kept.due)
        return Timeline(
            due=[(row.due - zero) / _NS for row in rows],
            sent=[_after(zero, row.sent) for row in rows],
            first=[_after(zero, row.first) for row in rows],
            done=[_after(zero, row.done) for row in rows],
            ok=[row.ok for row in rows],
            total=self.total,
        )

    def _activity(self) -> Activity | None:
        if self._first_due is None or not self._ended:
            return None
        zero, span = self._first_due, max(self._ended) - self._first_due
        if span <= 0:
            return None
        slices = min(max(len(self._ended) // 4, _FEWEST_SLICES), _MOST_SLICES)
        width = span / slices
        up, down = _open(self._sent, zero, width, slices), _open(self._ended, zero, width, slices)
        per_second = _NS / width
        return Activity(
            width=width / _NS,
            in_flight=[max(a - b, 0.0) for a, b in zip(up, down, strict=True)],
            sent=[count * per_second for count in _counts(self._sent, zero, width, slices)],
            finished=[count * per_second for count in _counts(self._answered, zero, width, slices)],
        )


def _after(zero: int, moment: int | None) -> float | None:
    return None if moment is None else (moment - zero) / _NS


def _box(metric: str, ordered: Sequence[float], *, requests: int | None = None) -> Box:
    return Box(
        metric=metric,
        n=len(ordered),
        min=ordered[0],
        q1=quantile(ordered, 0.25),
        median=quantile(ordered, 0.5),
        q3=quantile(ordered, 0.75),
        max=ordered[-1],
        requests=requests,
    )


def _counts(moments: "array[int]", zero: int, width: float, slices: int) -> list[int]:
    counts = [0] * slices
    last = slices - 1
    for moment in moments:
        counts[min(max(int((moment - zero) / width), 0), last)] += 1
    return counts


def _open(moments: "array[int]", zero: int, width: float, slices: int) -> list[float]:
    """Return, for each slice, how many of the moments lay before it, those inside it by their share of it."""
    part = [0.0] * slices
    whole = [0] * (slices + 1)
    last = slices - 1
    for moment in moments:
        at = max((moment - zero) / width, 0.0)
        place = min(int(at), last)
        part[place] += place + 1 - at
        whole[place + 1] += 1
    before = 0
    totals: list[float] = []
    for place in range(slices):
        before += whole[place]
        totals.append(before + part[place])
    return totals


class _Grid(msgspec.Struct, frozen=True, kw_only=True):
    """Equal steps over a range of values, in their logarithm where they spread wide."""

    low: float
    step: float
    steps: int
    log: bool

    def place(self, value: float) -> int:
        """Return the step that holds the value."""
        shaped = math.log(value) if self.log else value
        return min(int((shaped - self.low) / self.step), self.steps - 1)


def _grid(low: float, high: float, steps: int) -> _Grid:
    log = low > 0 and high / low > _LOG_FROM
    first, last = (math.log(low), math.log(high)) if log else (low, high)
    return _Grid(low=first, step=(last - first) / steps or 1.0, steps=steps, log=log)


def cells(prompts: "array[int]", seconds: "array[float]", *, most: int) -> Cells | None:
    """Return each request by prompt length and time, put into at most `most` cells where there are more.

    Args:
        prompts: tokens of each prompt, -1 where nobody counted.
        seconds: times beside them.
        most: the most points that leave here.
    """
    known = sum(prompt >= 0 for prompt in prompts)
    if not known:
        return None
    pairs = ((prompt, time) for prompt, time in zip(prompts, seconds, strict=True) if prompt >= 0)
    if known <= most:
        both = sorted(pairs)
        return Cells(
            tokens=[float(prompt) for prompt, _ in both],
            seconds=[time for _, time in both],
            counts=list(repeat(1, known)),
            n=known,
        )
    lengths = [prompt for prompt in prompts if prompt >= 0]
    columns = max(int(math.sqrt(most * 1.5)), 1)
    across = _grid(min(lengths), max(lengths), columns)
    up = _grid(min(seconds), max(seconds), max(most // columns, 1))
    totals: dict[int, tuple[int, float, float]] = {}
    for prompt, time in pairs:
        place = across.place(prompt) * up.steps + up.place(time)
        count, tokens, total = totals.get(place, (0, 0.0, 0.0))
        totals[place] = (count + 1, tokens + prompt, total + time)
    found = [totals[place] for place in sorted(totals)]
    return Cells(
        tokens=[tokens / count for count, tokens, _ in found],
        seconds=[time / count for count, _, time in found],
        counts=[count for count, _, _ in found],
        n=known,
        cells=across.steps * up.steps,
    )
