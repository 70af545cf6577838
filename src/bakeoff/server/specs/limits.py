"""Refuse limits that nobody could keep, by name and before anything is sent."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

import msgspec

from bakeoff import clock
from bakeoff.decide.cost.pricing import price_of
from bakeoff.prices import has_rates
from bakeoff.run.benches import make_benches
from bakeoff.run.execute import Prepared
from bakeoff.run.models import Candidate
from bakeoff.server.faults import RefusedError
from bakeoff.server.jobs.job import JobLimits

_HOW = "give it a `price`, or limit `requests` or `seconds`"


def check_limits(limits: JobLimits, prepared: Prepared, *, asked: bool = True) -> None:
    """Refuse a limit on money or tokens where what is asked has no price, or tells no tokens.

    Args:
        limits: of the job.
        prepared: its plan.
        asked: whether its models are asked at all; else only its judges are.

    Raises:
        RefusedError: names all that has no price.
    """
    if limits.usd is None and limits.tokens is None:
        return
    problems = list(_judges(prepared, money=limits.usd is not None))
    if limits.usd is not None and asked:
        problems = [*_models(prepared), *problems]
    if problems:
        name = "usd" if limits.usd is not None else "tokens"
        raise RefusedError(f"limits.{name} cannot be kept: {'; '.join(problems)}", hint=_HOW)


def _models(prepared: Prepared) -> Iterator[str]:
    today = clock.wall_iso()[:10]
    for candidate in prepared.candidates:
        if problem := _unpriced(prepared, candidate, today):
            yield f"the model `{candidate.model.name}` {problem}"


def _unpriced(prepared: Prepared, candidate: Candidate, today: str) -> str:
    found = price_of(candidate.model, candidate.target.model, prepared.loaded.spec.prices, today)
    price = found.price
    if price is None:
        return "has no price"
    if price.answering:
        return "" if price.models else "is charged by the models that answer, and none of them has a price"
    if has_rates(price):
        return f"has a price that says too little: {found.problem}" if found.problem else ""
    return "is charged by the hour alone"


def _judges(prepared: Prepared, *, money: bool) -> Iterator[str]:
    """Yield what is wrong with scorers that ask; what rows bring along is known when it has graded."""
    for name, bench in make_benches(prepared.loaded.spec, prepared.cases).items():
        for named in bench.scorers:
            for asker in _askers(named.scorer):
                if asker.get("counts") is False:
                    yield f"the scorer `{named.name}` of `{name}` tells neither tokens nor cost"
                elif money and not asker.get("price"):
                    yield f"the judge `{asker.get('model')}` of `{name}` has no price"


def _askers(value: object) -> Iterator[Mapping[str, Any]]:
    """Yield the options of everything inside a scorer that asks an endpoint."""
    if isinstance(value, msgspec.Struct):
        options: dict[str, Any] = {name: getattr(value, name) for name in value.__struct_fields__}
        # One that asks for vectors has no price and hears of no tokens.
        yield from _askers(options if "price" in options else options | {"counts": False})
    elif isinstance(value, Mapping):
        members = cast("Mapping[str, Any]", value)
        if members.get("endpoint"):
            yield members
        for each in members.values():
            yield from _askers(each)
    elif isinstance(value, (list, tuple)):
        for each in cast("list[Any]", value):
            yield from _askers(each)
