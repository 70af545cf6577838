"""Refuse a run whose budget could never be judged, by name and before anything is sent."""

from collections.abc import Sequence

from bakeoff import clock
from bakeoff.decide.cost.pricing import Found, price_of
from bakeoff.errors import SpecError, SpecErrorGroup
from bakeoff.records import Spec
from bakeoff.run.models import Candidate

_HOW = "give the model `price: {input: …, output: …}`, or its exact name a price in the file of `prices`"


def check_prices(spec: Spec, candidates: Sequence[Candidate]) -> None:
    """Refuse targets without a price where `decide.budget` needs one.

    Raises:
        SpecErrorGroup: names every such target, with what to do.
    """
    budget = spec.decide.budget
    if budget is None or all(getattr(budget, name) is None for name in budget.__struct_fields__):
        return
    errors: list[SpecError] = []
    today = clock.wall_iso()[:10]
    for candidate in candidates:
        found = price_of(candidate.model, candidate.target.model, spec.prices, today)
        problem = _problem(found)
        if problem:
            message = f"decide.budget needs the price of `{candidate.model.name}`: {problem}"
            errors.append(SpecError(message, hint=found.hint or _HOW))
    if errors:
        raise SpecErrorGroup(errors)


def _problem(found: Found) -> str:
    price = found.price
    if not found.problem and price is not None and price.answering and not price.models:
        return "its answers are charged by the models that give them, and no price of a model is known"
    return found.problem
