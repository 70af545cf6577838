"""What one load stage measured: distributions, rates over the steady window, and the client's own check.

One pass over the samples, eight bytes a number; gaps between tokens are counted, not kept.
"""

from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate
from typing import overload

import msgspec

from bakeoff.decide.gather.failures import Failures
from bakeoff.decide.load.rates import rate_bounds
from bakeoff.decide.load.served import FIGURES, ServedFold
from bakeoff.engine.tally import in_step, steady_window
from bakeoff.extend import SampleMetric
from bakeoff.metrics._batches import in_flight
from bakeoff.prices import Spending
from bakeoff.records import Estimate, Sample, StageCheck, Target
from bakeoff.records.result import Bounds, Distribution, ServerStage, StageResult
from bakeoff.records.scraped import ServerMetrics
from bakeoff.stats.histogram import Histogram, PackedHistogram
from bakeoff.stats.intervals import clopper_pearson, quantile_interval
from bakeoff.stats.quantiles import quantile, summarise

_TIMES = ("ttft", "ttfa", "tpot", "e2e", "lag", "service")
_TOKENS = ("prompt_tokens", "output_tokens", "cached_tokens")
_SHARES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999}
_NS = 1e9

Measure = Callable[[Sample], float | None]

COUNTED = frozenset({"tokens", "USD"})
"""Units of which a mean is given; of times, quantiles."""


class StageFold:
    """Gather the samples of one target in one stage, in any order.

    Args:
        metrics: of single samples, by name, `slo_attainment` among them where there are latency targets.
        target: whose samples these are.

    Attributes:
        values: by metric, of the samples that have it.
        cases: by metric that is a count or a cost, the case of each value.
        outcomes: number of samples by outcome.
        models: number of samples by the name under which the server answered.
        failures: why samples failed.
        served: what the server said of itself.
        spending: what the samples cost.
    """

    def __init__(self, metrics: dict[str, SampleMetric], target: Target) -> None:
        self._target = target
        self._figures = [name for name in metrics if name in FIGURES]
        self.served = ServedFold()
        self.values = {name: array("d") for name in metrics}
        self.cases: dict[str, list[str]] = {n: [] for n, m in metrics.items() if m.unit in COUNTED}
        measures = {name: self._measure(name, metric) for name, metric in metrics.items()}
        self._itl = measures.pop("itl", _unknown)
        self._slo = measures.pop("slo_attainment", None)
        self._of_server = [measures.pop(name) for name in self._figures]
        self._measures = list(measures.values())
        self.outcomes: Counter[str] = Counter()
        self.models: Counter[str] = Counter()
        self.failures = Failures()
        self.spending = Spending(target.price)
        self._sends, self._ends, self._answers = array("q"), array("q"), array("q")
        self._spans = (array("q"), array("q"), array("q"))
        self._token_gaps: Counter[int] = Counter()
        self._chunk_gaps: Counter[int] = Counter()
        self._absorbed = {"itl": Histogram(), "chunk_gap": Histogram()}
        self._met = self._judged = 0
        self._met_ends = array("q")
        self._uncounted = False

    def add(self, sample: Sample) -> None:
        """Take one sample."""
        self.outcomes[sample.outcome] += 1
        if sample.model:
            self.models[sample.model] += 1
        self.spending.add(sample)
        self.failures.add(sample)
        for measure in self._measures:
            measure(sample)
        if sample.server is not None:
            for measure in self._of_server:
                measure(sample)
            self.served.add(sample)
        self._sends.append(sample.scheduled_at)
        whole = self._itl(sample) is not None
        if sample.chunk_us:
            (self._token_gaps if whole else self._chunk_gaps).update(sample.chunk_us)
        if self._slo is not None:
            self._judge(sample, self._slo(sample))
        if sample.done_at is not None:
            self._ends.append(sample.done_at)
        if sample.ok and sample.done_at is not None:
            self._answers.append(sample.done_at)
            tokens = sample.usage.completion
            self._uncounted |= tokens is None
            begin = sample.first_token_at if sample.first_token_at is not None else sample.done_at
            end = sample.done_at if sample.last_token_at is None else sample.last_token_at
            for column, value in zip(self._spans, (begin, end, tokens or 0), strict=True):
                column.append(value)

    def _measure(self, name: str, metric: SampleMetric) -> Measure:
        """Return what measures a sample, keeps the value and returns it: a million samples go through it."""
        measure, target, keep = metric.measure, self._target, self.values[name].append
        keep_case = self.cases[name].append if name in self.cases else None

        def take(sample: Sample) -> float | None:
            value = measure(sample, target)
            if value is not None:
                keep(value)
                if keep_case is not None:
                    keep_case(sample.case)
            return value

        return take

    def absorb(self, gaps: Mapping[str, PackedHistogram]) -> None:
        """Take the gaps, in ns, of samples that do not keep their own."""
        for name, packed in gaps.items():
            self._absorbed[name].absorb(packed)

    def _judge(self, sample: Sample, value: float | None) -> None:
        if value is None:
            return
        self._judged += 1
        if value == 1.0:
            self._met += 1
            if sample.done_at is not None:
                self._met_ends.append(sample.done_at)

    def result(
        self,
        *,
        benchmark: str,
        stage: str,
        load: dict[str, object],
        check: StageCheck | None,
        metrics: ServerMetrics | None = None,
    ) -> StageResult:
        """Return what the stage measured."""
        window = steady_window(self._sends, self._ends, in_step(load))
        begin, end = window or self._whole()
        seconds = (end - begin) / _NS
        wanted = (*_TIMES, *_TOKENS)
        summaries = {name: _summary(self.values[name]) for name in wanted if name in self.values}
        rate = _per_second(self._answers, begin, end)
        rate_low, rate_high = rate_bounds(self._answers, begin, end)
        e2e = summaries.get("e2e")
        zero = min(self._sends, default=0)
        return StageResult(
            benchmark=benchmark,
            target=self._target.name,
            stage=stage,
            load=dict(load),
            outcomes=dict(self.outcomes),
            itl=_gaps([self._token_gaps], [self._absorbed["itl"]]),
            chunk_gap=_gaps([self._token_gaps, self._chunk_gaps], list(self._absorbed.values())),
            request_rate=rate,
            request_rate_low=rate_low,
            request_rate_high=rate_high,
            output_token_rate=None if self._uncounted else self._token_rate(begin, end),
            asked_rate=_asked(load),
            slo_attainment=self._attainment(),
            goodput=_per_second(self._met_ends, begin, end) if self._judged else None,
            seconds=seconds if seconds > 0 else None,
            concurrency_mean=rate * e2e.mean if rate is not None and e2e is not None else None,
            streams=self._streams(begin, end),
            client=check,
            server=self._server(metrics),
            steady_from=(begin - zero) / _NS if window else None,
            steady_to=(end - zero) / _NS if window else None,
            **summaries,
        )

    def _streams(self, begin: int, end: int) -> float | None:
        """Return how many answers were streamed at a time; where nothing was, that is unknown."""
        return in_flight(zip(*self._spans[:2], strict=True), begin, end) or None

    def _server(self, metrics: ServerMetrics | None) -> ServerStage | None:
        summaries = {name: _summary(self.values[name]) for name in sorted(self._figures)}
        return self.served.result(summaries, metrics)

    def _whole(self) -> tuple[int, int]:
        begin = min(self._sends, default=0)
        return begin, max(self._answers, default=begin)

    def _token_rate(self, begin: int, end: int) -> float | None:
        """Return tokens per second; an answer's tokens count for the part of its stream within the window."""
        if end <= begin or not self._answers:
            return None
        total = 0.0
        for first, last, tokens in zip(*self._spans, strict=True):
            if last <= first:
                total += tokens * (begin < last <= end)
            else:
                total += tokens * max(0, min(last, end) - max(first, begin)) / (last - first)
        return total / ((end - begin) / _NS)

    def _attainment(self) -> Estimate | None:
        if not self._judged:
            return None
        exact = clopper_pearson(self._met, self._judged)
        return Estimate(
            value=self._met / self._judged,
            unit="share",
            n=self._judged,
            low=exact.low,
            high=exact.high,
            note="exact",
        )


def _unknown(_sample: Sample) -> float | None:
    return None


def merged_checks(checks: Iterable[StageCheck]) -> StageCheck | None:
    """Return one check for a stage that several processes sent: valid only where all are."""
    found = list(checks)
    if not found:
        return None
    first = found[0]
    facts = dict(first.facts)
    for name in ("loop_delay_p99_s", "lag_p99_s", "cpu_share", "clock_step_s"):
        values = [value for each in found if isinstance(value := each.facts.get(name), float)]
        facts[name] = max(values) if values else None
    for name in ("cpu_s", "asked_rate", "sent_rate"):
        spent = [value for each in found if isinstance(value := each.facts.get(name), float)]
        facts[name] = sum(spent, 0.0) if spent or name == "cpu_s" else None
    facts["processes"] = float(len(found))
    reasons = list(dict.fromkeys(reason for each in found for reason in each.reasons))
    return msgspec.structs.replace(
        first, valid=all(each.valid for each in found), reasons=reasons, facts=facts
    )


def _summary(values: "array[float]") -> Distribution | None:
    if not values:
        return None
    ordered = array("d", sorted(values))
    found = summarise(ordered)
    bounds = {name: _bounds(ordered, share) for name, share in _SHARES.items()}
    return Distribution(
        n=found.n,
        mean=found.mean,
        p50=found.p50,
        p90=found.p90,
        p95=found.p95,
        p99=found.p99,
        p999=found.p999,
        min=found.min,
        max=found.max,
        bounds=bounds,
    )


def _bounds(ordered: "array[float]", share: float) -> Bounds:
    found = quantile_interval(ordered, share)
    return Bounds(low=found.low, high=found.high)


def _gaps(counted: Sequence[Counter[int]], absorbed: Sequence[Histogram]) -> Distribution | None:
    """Return the summary, in seconds, of gaps in microseconds that samples kept and of histograms in ns."""
    if not any(each.n for each in absorbed):
        return _counted(sum(counted, Counter[int]()))
    merged = Histogram()
    for each in absorbed:
        merged.absorb(each.pack())
    for gaps in counted:
        for value, count in gaps.items():
            merged.record(value * 1000, count)
    marks = dict(zip(_SHARES, merged.quantiles(_SHARES.values()), strict=True))
    return Distribution(
        n=merged.n,
        mean=merged.mean / _NS,
        p50=marks["p50"] / _NS,
        p90=marks["p90"] / _NS,
        p95=marks["p95"] / _NS,
        p99=marks["p99"] / _NS,
        p999=marks["p999"] / _NS,
        min=(merged.min or 0) / _NS,
        max=(merged.max or 0) / _NS,
    )


def _counted(gaps: Counter[int]) -> Distribution | None:
    """Return the summary of gaps in microseconds that were counted by value, in seconds."""
    n = gaps.total()
    if not n:
        return None
    ordered = _Counted(gaps)
    at = {name: quantile(ordered, share) / 1e6 for name, share in _SHARES.items()}
    return Distribution(
        n=n,
        mean=sum(value * count for value, count in gaps.items()) / n / 1e6,
        p50=at["p50"],
        p90=at["p90"],
        p95=at["p95"],
        p99=at["p99"],
        p999=at["p999"],
        min=ordered[0] / 1e6,
        max=ordered[n - 1] / 1e6,
    )


class _Counted(Sequence[float]):
    """Counted values as one sorted sequence, without ever making it."""

    def __init__(self, counts: Counter[int]) -> None:
        self._values = sorted(counts)
        self._ends = list(accumulate(counts[value] for value in self._values))

    def __len__(self) -> int:
        return self._ends[-1]

    @overload
    def __getitem__(self, index: int) -> float: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[float]: ...
    def __getitem__(self, index: int | slice) -> float | Sequence[float]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        return self._values[bisect_right(self._ends, index)]


def _per_second(ends: "array[int]", begin: int, end: int) -> float | None:
    if end <= begin:
        return None
    return sum(begin < each <= end for each in ends) / ((end - begin) / _NS)


def _asked(load: dict[str, object]) -> float | None:
    rate = load.get("rate")
    return float(rate) if isinstance(rate, int | float) else None
