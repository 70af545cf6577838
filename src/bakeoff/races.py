"""What a race asks: of which benchmark, in which random order, and after which cases it looks.

Knows no answers and no tests.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from random import Random

import msgspec

from bakeoff.errors import UsageError
from bakeoff.prompts import conversations
from bakeoff.prompts.modes import silent
from bakeoff.records import BenchmarkSpec, Case, PlannedRace, RaceRule, Spec


class RacedOrder(msgspec.Struct, frozen=True, kw_only=True):
    """The order of a race: ids of cases, conversation by conversation, and after how many it looks."""

    asked: list[list[str]]
    ends: list[int]


def planned_race(spec: Spec) -> PlannedRace | None:
    """Return the race that the decision rule asks for; None without one, or where nobody could be dropped.

    Raises:
        UsageError: the benchmark that decides cannot be raced.
    """
    rule = spec.decide.race
    if rule is False:
        return None
    benchmark, metric = _deciding(spec)
    if benchmark is None or len(benchmark.models or spec.models) < 2:
        return None
    if benchmark.measured or not (graded(benchmark) or silent(benchmark)):
        raise UsageError(
            f"the benchmark `{benchmark.name}` is not graded case by case, so it cannot be raced",
            hint="name a graded benchmark in `decide.quality.metric`, or leave `decide.race` out",
        )
    limit = next((name for name in ("seconds", "errors") if getattr(benchmark.load, name) is not None), None)
    if limit is not None:
        raise UsageError(
            f"the benchmark `{benchmark.name}` has `load.{limit}`, which ends each target's part on its own",
            hint=f"leave out `load.{limit}` or `decide.race`",
        )
    incumbent = spec.decide.incumbent
    names = benchmark.models or [model.name for model in spec.models]
    return PlannedRace(
        benchmark=benchmark.name,
        metric=metric,
        rule=RaceRule() if rule is True else rule,
        level=spec.decide.level,
        lead=spec.decide.quality.margin,
        incumbent=incumbent if incumbent in names else None,
        open_rules=tuple(_open_rules(spec, None if metric is None else f"{benchmark.name}.{metric}")),
    )


def open_rules_note(race: PlannedRace) -> str:
    """Say whom a race may drop although the rule may choose it in the end; empty where there is nobody."""
    if not race.open_rules:
        return ""
    rules = ", ".join(f"`{rule}`" for rule in race.open_rules)
    return (
        f"where {rules} should rule out whoever leads on {race.benchmark}, a target that the race "
        "has dropped is judged by the cases that it was asked"
    )


def asked_race(race: PlannedRace) -> dict[str, object]:
    """Return what names a race in a plan's hash: what it could not say at first only where it says it."""
    plain: dict[str, object] = msgspec.to_builtins(race)
    del plain["open_rules"]  # what is asked does not hang on them
    return {key: value for key, value in plain.items() if value or key not in {"lead", "incumbent"}}


def _open_rules(spec: Spec, raced: str | None) -> Iterator[str]:
    """Yield the parts of the rule that may exclude a target that is better on what is raced.

    Its own floor is none of them: whoever is worse is below it, too.
    """
    rule = spec.decide
    if rule.slo is not None and any(benchmark.measured for benchmark in spec.benchmarks):
        yield "decide.slo"
    if rule.budget is not None and any(each is not None for each in msgspec.structs.astuple(rule.budget)):
        yield "decide.budget"
    for number, one in enumerate(rule.rules):
        floor = one.at_least is not None and one.metric != raced
        loss = one.margin is not None and rule.incumbent is not None
        if floor or loss or one.at_most is not None:
            yield f"decide.rules[{number}]"


def graded(benchmark: BenchmarkSpec) -> bool:
    """Tell whether the answers of a benchmark are graded."""
    return bool(benchmark.scorers) or benchmark.multiple_choice is not None


def _deciding(spec: Spec) -> tuple[BenchmarkSpec | None, str | None]:
    """Return the benchmark that decides, and its metric where that is named."""
    metric = spec.decide.quality.metric
    if metric is None:
        return next((each for each in spec.benchmarks if graded(each)), None), None
    named = [each for each in spec.benchmarks if metric.startswith(f"{each.name}.")]
    found = max(named, key=lambda each: len(each.name), default=None)
    return found, None if found is None else metric.removeprefix(f"{found.name}.")


def raced_order(
    race: PlannedRace, cases: Sequence[Case], rng: Random, *, most: int | None = None
) -> RacedOrder:
    """Return the cases in random order and the steps they are asked in; what belongs together stays so.

    Args:
        race: says how long a step is.
        cases: in the order of the data set.
        rng: makes the order.
        most: so many conversations are asked at most.
    """
    group_of = groups(cases)
    units: dict[str, list[list[str]]] = {}
    for turns in conversations(cases):
        units.setdefault(group_of[turns[0].id], []).append([case.id for case in turns])
    order = list(units.values())
    rng.shuffle(order)
    flat = [(number, turns) for number, unit in enumerate(order) for turns in unit][:most]
    asked = [turns for _, turns in flat]
    sizes = list(accumulate(map(len, asked)))
    # A look comes after a whole group only.
    closing = [at for at in range(len(flat)) if at + 1 == len(flat) or flat[at + 1][0] != flat[at][0]]
    ends: list[int] = []
    for at in closing:
        if sizes[at] >= _due(race.rule, len(ends), sizes[ends[-1] - 1] if ends else 0, sizes[-1]):
            ends.append(at + 1)
    if asked and ends[-1:] != [len(asked)]:
        ends.append(len(asked))
    return RacedOrder(asked=asked, ends=ends)


def _due(rule: RaceRule, taken: int, size: int, total: int) -> float:
    """Return after how many cases the next look comes, when so many were taken at `size` cases."""
    if rule.method == "anytime":
        return size + rule.step
    return total * (taken + 1) / rule.looks


def groups(cases: Iterable[Case]) -> dict[str, str]:
    """Return for each case the name of what it stands or falls with: its cluster, else its conversation."""
    found: dict[str, str] = {}
    for turns in conversations(cases):
        cluster = next((case.cluster for case in turns if case.cluster), None)
        # The prefixes keep a case's id from meaning a cluster of the same name.
        name = f"case {turns[0].id}" if cluster is None else f"cluster {cluster}"
        found.update((case.id, name) for case in turns)
    return found
