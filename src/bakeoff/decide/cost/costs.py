"""What every target costs in every benchmark, by the token or by the hour, and for the asked traffic.

Exact sums of what the samples used, at the prices of the spec; what is unknown is said, never counted as 0.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

import msgspec

from bakeoff.decide.cost.capacity import Capacity, bounded, break_even, capacity_of, hosting
from bakeoff.decide.cost.pricing import Found, answer_prices, price_of
from bakeoff.decide.gather.collect import Collected
from bakeoff.decide.load.loads import LoadFold, headline
from bakeoff.prices import Spending, has_rates
from bakeoff.records import (
    BenchmarkSpec,
    BreakEven,
    Estimate,
    ModelSpec,
    PriceUsed,
    SloSpec,
    Spec,
    StageResult,
    Target,
    TargetCost,
    TargetResult,
)

_MONTH_SECONDS = 30 * 24 * 3600

Spendings = Mapping[tuple[str, str], Spending]


class CostInputs(msgspec.Struct, frozen=True, kw_only=True):
    """What costs are made from.

    Attributes:
        targets: with the prices that hold.
        results: the targets' estimates, for success rates and intervals.
        spent: by benchmark and target.
        quality: the metric that decides; for the success rate of what a benchmark does not grade itself.
        day: on which the prices were looked up, as YEAR-MONTH-DAY.
    """

    spec: Spec
    targets: Sequence[Target]
    results: Sequence[TargetResult]
    stages: Sequence[StageResult]
    spent: Spendings
    quality: str | None = None
    day: str | None = None

    def result(self, target: str) -> TargetResult | None:
        """Return a target's estimates."""
        return next((result for result in self.results if result.name == target), None)


def spendings(
    collected: Collected,
    folds: Mapping[tuple[str, str], LoadFold],
    stages: Sequence[StageResult],
    targets: Sequence[Target],
) -> dict[tuple[str, str], Spending]:
    """Return what was spent: of a load in the stage that stands for it, else over all samples."""
    prices = {target.name: target.price for target in targets}
    found: dict[tuple[str, str], Spending] = {}
    for place, answers in collected.items():
        fold = folds.get(place)
        if fold is not None:
            mine = [stage for stage in stages if (stage.benchmark, stage.target) == place]
            chosen = headline(mine, fold.slo)
            if chosen is not None:
                found[place] = fold.stages[chosen.stage].spending
            continue
        spending = found[place] = Spending(prices.get(place[1]))
        for sample in answers.samples:
            spending.add(sample)
    return found


def target_costs(inputs: CostInputs) -> list[TargetCost]:
    """Return the costs of every target in every benchmark that asked it."""
    rows = [
        _row(benchmark, target, inputs)
        for benchmark in inputs.spec.benchmarks
        for target in inputs.targets
        if not benchmark.models or target.name in benchmark.models
    ]
    return [_with_break_even(row, rows, inputs) for row in rows]


class _Success(msgspec.Struct, frozen=True, kw_only=True):
    """The share of tasks done right, or why it is unknown."""

    rate: Estimate | None = None
    note: str = ""


class _Case(msgspec.Struct, frozen=True, kw_only=True):
    """One target in one benchmark."""

    benchmark: BenchmarkSpec
    target: Target
    found: Found
    success: _Success
    inputs: CostInputs

    @property
    def spent(self) -> Spending:
        """Return what its samples cost."""
        return self.inputs.spent.get((self.benchmark.name, self.target.name)) or Spending(None)


def _row(benchmark: BenchmarkSpec, target: Target, inputs: CostInputs) -> TargetCost:
    model = next((m for m in inputs.spec.models if m.name == target.name), None)
    model = model or ModelSpec(name=target.name, price=target.price)
    case = _Case(
        benchmark=benchmark,
        target=target,
        found=price_of(model, target.model, inputs.spec.prices, inputs.day),
        success=_success(benchmark, target, inputs),
        inputs=inputs,
    )
    hosted = target.price is not None and target.price.gpu_hour is not None
    return _by_hour(case) if hosted else _by_token(case)


def _by_token(case: _Case) -> TargetCost:
    spent, traffic = case.spent, case.inputs.spec.decide.traffic
    used = _used(case)
    row = TargetCost(
        target=case.target.name, benchmark=case.benchmark.name, basis="tokens", traffic=traffic, prices=used
    )
    unknown = _unknown(case)
    if unknown or spent.total is None:
        return msgspec.structs.replace(row, note=unknown)
    each = spent.total / spent.priced
    interval = _interval(case)
    row = _per_success(row, each, case.success)
    return msgspec.structs.replace(
        row,
        per_1k_requests=float(1000 * each),
        per_1k_requests_low=_times(None if interval is None else interval.low, 1000),
        per_1k_requests_high=_times(None if interval is None else interval.high, 1000),
        per_1m_tokens=float(1_000_000 * spent.total / spent.output) if spent.output else None,
        per_month=None if traffic is None else float(each * Decimal(traffic) * _MONTH_SECONDS),
        note="; ".join([f"n = {spent.priced} requests", *_left_out(spent), *_notes(case)]),
    )


def _by_hour(case: _Case) -> TargetCost:
    capacity, told = _capacity(case)
    traffic = case.inputs.spec.decide.traffic
    price = case.target.price
    row = TargetCost(
        target=case.target.name,
        benchmark=case.benchmark.name,
        basis="hardware",
        traffic=traffic,
        capacity=capacity.requests,
        capacity_low=capacity.low,
        capacity_high=capacity.high,
        capacity_below=capacity.below,
        prices=_used(case),
        note="; ".join(part for part in (told, capacity.note) if part),
    )
    if capacity.requests is None or price is None or price.gpu_hour is None:
        return row
    cost = hosting(price.gpu_hour, capacity.requests, traffic)
    assert cost.per_request is not None
    if cost.replicas is None:
        how = f"at full load, the least it can cost: ${price.gpu_hour:f} per hour of a server"
    else:
        servers = "1 server" if cost.replicas == 1 else f"{cost.replicas} servers"
        how = f"{traffic:g} requests/s on {servers} at ${price.gpu_hour:f} per hour"
        how += f", {cost.utilisation:.0%} used"
    prices = "token prices of a hosted target are not used" if has_rates(price) else ""
    notes = [part for part in (how, row.note, prices, *_notes(case)) if part]
    tokens = capacity.tokens
    row = _per_success(row, cost.per_request, case.success)
    return msgspec.structs.replace(
        row,
        per_1k_requests=float(1000 * cost.per_request),
        per_1m_tokens=None if tokens is None else float(1_000_000 * cost.per_request / Decimal(tokens)),
        per_month=None if cost.per_month is None else float(cost.per_month),
        replicas=cost.replicas,
        utilisation=cost.utilisation,
        note="; ".join(notes),
    )


def _capacity(case: _Case) -> tuple[Capacity, str]:
    """Return what one server holds, by this benchmark or else by the first measured one that tells."""
    stages = case.inputs.stages
    rule = case.inputs.spec.decide.slo

    def of(benchmark: BenchmarkSpec) -> Capacity:
        mine = [s for s in stages if (s.benchmark, s.target) == (benchmark.name, case.target.name)]
        return capacity_of(mine, _slo(benchmark, rule))

    if case.benchmark.measured:
        return of(case.benchmark), ""
    others = [b for b in case.inputs.spec.benchmarks if b.measured]
    for other in others:
        found = of(other)
        if found.requests is not None:
            return found, f"throughput of {other.name}, whose requests may be longer or shorter"
    return (of(others[0]) if others else capacity_of((), rule)), ""


def _slo(benchmark: BenchmarkSpec, rule: SloSpec | None) -> SloSpec | None:
    return benchmark.slo or rule


def _success(benchmark: BenchmarkSpec, target: Target, inputs: CostInputs) -> _Success:
    """Return the share of right answers: the benchmark's own, for hosted targets else the deciding one."""
    result = inputs.result(target.name)
    metrics: dict[str, Estimate] = {} if result is None else result.metrics
    quality = inputs.quality or ""
    start = f"{benchmark.name}."
    hosted = target.price is not None and target.price.gpu_hour is not None
    if benchmark.scorers:
        name = quality if quality.startswith(start) else next((m for m in metrics if m.startswith(start)), "")
    elif hosted:
        name = quality
    else:
        return _Success()
    rate = metrics.get(name)
    if rate is None or rate.value is None:
        return _Success()
    if rate.unit != "share":
        return _Success(note=f"{name} is no share of right answers, so a success has no price")
    if rate.value == 0:
        return _Success(note=f"no answer was right by {name}, so a success has no price")
    return _Success(rate=rate, note=f"successes by {name} of {rate.value:.1%}")


def _per_success(row: TargetCost, each: Decimal, success: _Success) -> TargetCost:
    rate = success.rate
    if rate is None or not rate.value:
        return row

    def at(share: float | None) -> float | None:
        return float(1000 * each) / share if share else None

    return msgspec.structs.replace(
        row,
        per_1k_successes=at(rate.value),
        per_1k_successes_low=at(rate.high),
        per_1k_successes_high=at(rate.low),
    )


def _unknown(case: _Case) -> str:
    """Return why the cost of a target by the token is unknown; empty where it is known."""
    spent, found = case.spent, case.found
    if spent.unpriced:
        names = ", ".join(f"`{name or 'no name'}` ({count})" for name, count in spent.unpriced.items())
        return f"unknown: the price book has no price for models that answered: {names}"
    if case.target.price is None or (found.problem and not spent.priced):
        hint = found.hint or "add `price` to the model, or its name to a price book"
        return f"unknown: {found.problem or 'it has no price'}; {hint}"
    if spent.priced:
        return ""
    return "unknown: " + ("no answer came with token counts" if spent.requests else "no request was sent")


def _left_out(spent: Spending) -> Iterator[str]:
    """Say what is in no sum because nobody told its tokens."""
    if spent.failed:
        yield f"{spent.failed} failed without token counts and are left out"
    uncounted = spent.requests - spent.priced - spent.failed
    if uncounted:
        yield f"{uncounted} answers came without token counts that add up and are left out"
    if spent.retries:
        yield f"{spent.retries} earlier tries, whose tokens nobody told, are left out"


def _notes(case: _Case) -> Iterator[str]:
    if case.success.note:
        yield case.success.note
    price = case.target.price
    if price is not None and price.as_batch:
        yield "at batch prices, for answers that may wait"
    models = case.spent.models
    if models:
        yield "priced by the models that answered: " + ", ".join(f"{k} ({v})" for k, v in models.items())


def _used(case: _Case) -> list[PriceUsed]:
    price, book = case.target.price, case.inputs.spec.prices
    own = [] if case.found.used is None else [case.found.used]
    if price is None or not price.answering:
        return own
    return own + answer_prices(price, case.spent.models, book, case.inputs.day)


def _interval(case: _Case) -> Estimate | None:
    result = case.inputs.result(case.target.name)
    return None if result is None else result.metrics.get(f"{case.benchmark.name}.cost")


def _times(value: float | None, factor: int) -> float | None:
    return None if value is None else max(0.0, value * factor)


def _with_break_even(row: TargetCost, rows: Sequence[TargetCost], inputs: CostInputs) -> TargetCost:
    """Return a hosted target's costs with the traffic from which they are lower than those of others."""
    price = next((t.price for t in inputs.targets if t.name == row.target), None)
    if row.basis != "hardware" or row.capacity is None or price is None or price.gpu_hour is None:
        return row
    hour, capacity, ends = price.gpu_hour, row.capacity, (row.capacity_low, row.capacity_high)

    def against(each: Decimal, name: str) -> BreakEven:
        # A server that may do nothing at all has no lower end to reckon with.
        low, high = (break_even(hour, end, each, name) if end else None for end in ends)
        return bounded(break_even(hour, capacity, each, name), low, high)

    found = [
        against(Decimal(repr(other.per_1k_requests)) / 1000, other.target)
        for other in rows
        if other.benchmark == row.benchmark and other.basis == "tokens" and other.per_1k_requests is not None
    ]
    return msgspec.structs.replace(row, break_even=found)
