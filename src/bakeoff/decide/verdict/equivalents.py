"""Choose by cost among targets that are shown not to be worse by more than the accepted loss.

The rule's margin is what makes this possible: without one, "not shown to be different" is no licence to
switch.
"""

from collections.abc import Sequence

import msgspec

from bakeoff.decide.verdict.field import Field, shown_above
from bakeoff.decide.verdict.turned import compared, lowest
from bakeoff.decide.wording import usd_text
from bakeoff.records import TargetCost


class Cheaper(msgspec.Struct, frozen=True, kw_only=True):
    """A target that may stand for another at a lower price.

    Attributes:
        bound: how much worse it may be at most, as a difference.
        times: how many times as much the other costs.
        text: the saving in words.
    """

    name: str
    bound: float
    times: float
    text: str


def cheapest(field: Field, reference: str, others: Sequence[str]) -> Cheaper | None:
    """Return the cheapest of the others that loses less than the margin and is shown to cost less.

    Args:
        field: with a rule that has a margin; None is returned without one.
        reference: what the others are held against.
        others: names of targets that meet the rules.
    """
    margin = field.evidence.rule.quality.margin
    if margin <= 0 or not others:
        return None
    found: list[Cheaper] = []
    for name in others:
        bound = lowest(field.row(name, reference), len(others))
        saving = _saving(field, name, reference)
        if bound is not None and bound > -margin and saving is not None:
            times, text = saving
            found.append(Cheaper(name=name, bound=bound, times=times, text=text))
    return max(found, key=lambda one: one.times, default=None)


def cost_rows(field: Field, a: str, b: str) -> tuple[TargetCost, TargetCost] | None:
    """Return what two targets cost in one benchmark: the deciding one, else the first that has both."""
    costs = {(c.target, c.benchmark): c for c in field.evidence.costs if c.per_1k_requests is not None}
    own = field.metric.partition(".")[0]
    names = dict.fromkeys([own, *(benchmark for _, benchmark in costs)])
    for benchmark in names:
        if (a, benchmark) in costs and (b, benchmark) in costs:
            return costs[a, benchmark], costs[b, benchmark]
    return None


def _saving(field: Field, a: str, b: str) -> tuple[float, str] | None:
    """Return how many times as much `b` costs, and the words for it; None where no more is shown."""
    rows = cost_rows(field, a, b)
    if rows is None:
        return None
    own, other = rows
    low, high = own.per_1k_requests or 0.0, other.per_1k_requests or 0.0
    if low <= 0 or high <= low:
        return None
    tested = compared(field.evidence.comparisons, f"{own.benchmark}.cost", b, a)
    if tested is not None and not shown_above(tested, field.evidence.rule.level):
        return None
    text = f"{usd_text(low)} instead of {usd_text(high)} per 1,000 requests in {own.benchmark}"
    return high / low, text
