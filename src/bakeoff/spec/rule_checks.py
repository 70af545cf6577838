"""What types cannot say of a decision rule: which metrics there are, and which parts need each other."""

import re
from collections.abc import Iterator, Mapping, Sequence

from bakeoff.plugins import suggest
from bakeoff.records import BudgetRule, DecideSpec, MetricRule
from bakeoff.spec.book import Flaw
from bakeoff.spec.reader import Catalog, below, struct_type
from bakeoff.spec.tree import shown

_OF_GRADES = re.compile(
    r"_(answered|lowest|highest|majority|between_cases|within_cases|pass_(at|all)_[0-9]+)$"
)
_OF_LOADS = ("goodput", "slo_attainment", "slo_rate")
_PERCENTILES = ("p50", "p90", "p95", "p99")


def rule_flaws(rule: DecideSpec, path: str, *, sent: bool) -> Iterator[Flaw]:
    """Yield what is wrong with a rule apart from its metrics' names.

    Args:
        rule: the rule.
        path: where it stands.
        sent: it is for requests that are still to be sent, so that what it lacks cannot come from elsewhere.
    """
    for index, one in enumerate(rule.rules):
        here = below(below(path, "rules"), index)
        if one.at_least is None and one.at_most is None and one.margin is None:
            yield Flaw(path=here, message="it asks for nothing", hint="add `at_least`, `at_most` or `margin`")
        if one.at_least is not None and one.at_most is not None and one.at_least > one.at_most:
            message = f"nothing is at least {one.at_least:g} and at most {one.at_most:g}"
            yield Flaw(path=here, message=message, hint="swap the two")
        if one.margin is not None and rule.incumbent is None:
            message = "a margin is a loss against an incumbent, and there is none"
            yield Flaw(path=below(here, "margin"), message=message, hint=f"name it in `{path}.incumbent`")
    budget = rule.budget or BudgetRule()
    for name in budget.__struct_fields__:
        amount = getattr(budget, name)
        if amount is not None and amount < 0:
            yield Flaw(path=f"{path}.budget.{name}", message="a budget is not negative", hint="")
    if sent and budget.usd_per_month is not None and rule.traffic is None:
        message = "what a month costs depends on the traffic, which is not stated"
        yield Flaw(path=f"{path}.budget.usd_per_month", message=message, hint=f"add `{path}.traffic: 5/s`")


def metric_flaw(
    rule: MetricRule, path: str, benchmark: str, graded: Sequence[str], catalog: Catalog
) -> Flaw | None:
    """Return what is wrong with the name of a rule's metric.

    Args:
        rule: its metric is of the benchmark.
        path: where it stands.
        benchmark: the benchmark's name.
        graded: metrics of the benchmark's scorers.
        catalog: for the metrics that need none.
    """
    name = rule.metric.removeprefix(f"{benchmark}.").partition("@")[0]
    units = _units(catalog)
    if name in graded or name in _OF_LOADS or _OF_GRADES.sub("", name) in graded:
        return None
    base, _, percentile = name.rpartition(".")
    if units.get(base) == "s" and percentile in _PERCENTILES:
        return None
    if name not in units:
        known = sorted([*graded, *_OF_LOADS, *_spelled(units)])
        message = f"the benchmark `{benchmark}` has no metric `{shown(name)}`.{suggest(name, known)}"
        return Flaw(path=path, message=message, hint=f"known: {', '.join(known)}")
    if units[name] == "s" and not (rule.at_least is None and rule.at_most is None):
        hint = f"for example `{rule.metric}.p95`; known: {', '.join(_PERCENTILES)}"
        return Flaw(path=path, message=f"`{rule.metric}` has no one value: name a percentile", hint=hint)
    return None


def _units(catalog: Catalog) -> dict[str, str]:
    return {name: _unit(catalog.load("metrics", name)) for name in catalog.names("metrics")}


def _unit(metric: type) -> str:
    fields = {field.name: field.default for field in struct_type(metric).fields}
    return str(fields.get("unit", ""))


def _spelled(units: Mapping[str, str]) -> Iterator[str]:
    for name, unit in units.items():
        yield f"{name}.p95" if unit == "s" else name
