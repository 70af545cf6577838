"""Which price holds for a target: the spec's own, over that of the price book on the day of the run.

Names are compared letter by letter; a name that merely begins like another is another model.
"""

from collections.abc import Iterable, Sequence

import msgspec

from bakeoff import clock
from bakeoff.plugins import suggest
from bakeoff.prices import batched, has_rates, is_complete, over
from bakeoff.records import Event, ModelSpec, Price, PriceBook, PriceEntry, PriceUsed, Rates, Spec, Target


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """The price of a target, or why there is none.

    Attributes:
        used: the price with its origin, None where there is none.
        problem: what is missing or out of date, empty where nothing is.
        hint: what to do about it.
    """

    price: Price | None = None
    used: PriceUsed | None = None
    problem: str = ""
    hint: str = ""


def day_of(events: Iterable[Event]) -> str | None:
    """Return the day on which a run began, in UTC; None where it does not say."""
    for event in events:
        anchor = event.facts.get("anchor") if event.kind == "run_started" else None
        if anchor:
            return clock.day_of(anchor["wall_ns"])
    return None


def entry_of(book: PriceBook, name: str, day: str | None) -> PriceEntry | None:
    """Return the entry that prices a name on a day; without a day, the latest one."""
    named = [entry for entry in book.entries if name in entry.names]
    if day is None:
        return max(named, key=lambda entry: entry.since or "", default=None)
    return next((entry for entry in named if entry.holds_on(day)), None)


def price_of(model: ModelSpec, name: str, book: PriceBook, day: str | None) -> Found:
    """Return the price of a model.

    A model with an hourly price of its own is hosted and takes nothing from the book. One without any price
    is charged by the models that answer, where the book has none under its own name.

    Args:
        model: its `price` goes over the book's, class by class.
        name: the name that is sent in its requests.
        book: the prices by name.
        day: on which the price must hold; None for any.
    """
    own = model.price
    if own is not None and own.gpu_hour is not None:
        used = PriceUsed(model=name, price=own, origin="the spec", day=day)
        return Found(price=own, used=used)
    entry = entry_of(book, name, day)
    if entry is None and own is None:
        return _by_answers(book, name, day)
    price = own or Price()
    origin = "the spec"
    if entry is not None:
        price = over(entry.price, own or Price())
        origin = book.file or "the price book"
        origin += ", and the spec" if own is not None else ""
    if price.answering:
        price = msgspec.structs.replace(
            price, models=_models(book, day, waiting=price.as_batch) | price.models
        )
    if price.as_batch:
        waiting = batched(price) if has_rates(price) else price
        if waiting is None:
            hint = f"give `price.batch` to `{model.name}`, or leave `as_batch` out"
            return Found(problem=f"`{name}` has no batch price", hint=hint)
        price = waiting
    used = PriceUsed(
        model=name,
        price=msgspec.structs.replace(price, models={}),
        origin=origin,
        source="" if entry is None else entry.source or book.source,
        since=None if entry is None else entry.since,
        until=None if entry is None else entry.until,
        day=day,
    )
    gap = _gap(price, name)
    return Found(price=price, used=used, problem=gap, hint="give both `input` and `output`" if gap else "")


def answer_prices(price: Price, names: Iterable[str], book: PriceBook, day: str | None) -> list[PriceUsed]:
    """Return the prices of the models that gave a router's answers."""
    found: list[PriceUsed] = []
    for name in names:
        entry = entry_of(book, name, day)
        rates = price.models[name]
        found.append(
            PriceUsed(
                model=name,
                price=Price(**{field: getattr(rates, field) for field in Rates.__struct_fields__}),
                origin="the spec" if entry is None else book.file or "the price book",
                source="" if entry is None else entry.source or book.source,
                since=None if entry is None else entry.since,
                until=None if entry is None else entry.until,
                day=day,
            )
        )
    return found


def with_prices(targets: Sequence[Target], spec: Spec, day: str | None) -> list[Target]:
    """Return the targets with the prices that the spec gives them now; notes say what is out of date."""
    models = {model.name: model for model in spec.models}
    found: list[Target] = []
    for target in targets:
        model = models.get(target.name)
        if model is None:
            found.append(target)
            continue
        priced = price_of(model, target.model, spec.prices, day)
        stale = (f"{priced.problem}; {priced.hint}",) if priced.problem and priced.hint else ()
        notes = target.notes + tuple(note for note in stale if note not in target.notes)
        found.append(msgspec.structs.replace(target, price=priced.price, notes=notes))
    return found


def _by_answers(book: PriceBook, name: str, day: str | None) -> Found:
    """Price each answer as the model that gave it; with no price under the target's own name that is all."""
    named = [entry for entry in book.entries if name in entry.names]
    if named:
        ends = max(
            (entry.until for entry in named if entry.until and entry.until < (day or "")), default=None
        )
        when = f"expired on {ends}" if ends else f"begins on {min(entry.since or '' for entry in named)}"
        hint = f"add its price of {day} to the price book" + (
            ", or a later `until` where it still holds" if ends else ", or an earlier `since` where it held"
        )
        return Found(problem=f"the price of `{name}` in {book.file or 'the price book'} {when}", hint=hint)
    price = Price(answering=True, models=_models(book, day, waiting=False)) if book.entries else None
    known = [each for entry in book.entries for each in entry.names]
    where = f" and {book.file or 'the price book'} has none" if book.entries else ""
    near = suggest(name, known).strip().rstrip("?.")
    problem = f"`{name}` has no price in the spec{where}" + (f" ({near}?)" if near else "")
    return Found(price=price, problem=problem)


def _models(book: PriceBook, day: str | None, *, waiting: bool) -> dict[str, Rates]:
    """Return the book's prices by every name."""
    found: dict[str, Rates] = {}
    for entry in book.entries:
        price = batched(entry.price) if waiting else entry.price
        if price is not None and is_complete(price) and (day is None or entry.holds_on(day)):
            rates = Rates(**{field: getattr(price, field) for field in Rates.__struct_fields__})
            found.update(dict.fromkeys(entry.names, rates))
    return found


def _gap(price: Price, name: str) -> str:
    """Say which price is missing, empty where every request can be charged."""
    if price.gpu_hour is not None or price.answering or is_complete(price):
        return ""
    if price.input is None and price.output is None:
        return f"`{name}` has no price for `input` and `output`"
    return f"`{name}` has no price for `{'input' if price.input is None else 'output'}`"
