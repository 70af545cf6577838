"""A spec as if prices, traffic or latency targets were others, for verdicts without a new run."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import inspect as mi

from bakeoff.errors import UsageError
from bakeoff.plugins import suggest
from bakeoff.prices import CLASSES, over
from bakeoff.records import BatchPrice, ModelSpec, Price, PriceBook, SloSpec, Spec
from bakeoff.spec.reader import marks_of, struct_type
from bakeoff.spec.scalars import BY_MARK, BY_TYPE, Mistake, read_bool, read_decimal
from bakeoff.spec.tree import Leaf, resolve, shown

_AMOUNTS = (*CLASSES, "request", "gpu_hour")
_KNOWN = (*_AMOUNTS, "batch", "as_batch")


def changed_spec(
    spec: Spec, prices: Mapping[str, Mapping[str, str]], traffic: float | None, slo: Mapping[str, str]
) -> Spec:
    """Return the spec with what is assumed in place of its own values.

    Args:
        spec: of a run.
        prices: by name of a target, or of a model in the price book, a text by price class. `batch` takes a
            discount, `as_batch` true or false.
        traffic: requests per second; None keeps the spec's.
        slo: latency targets as texts, for the decision rule and every benchmark that has its own.

    Raises:
        UsageError: a name or a value is wrong.
    """
    for name, given in prices.items():
        spec = _priced(spec, name, given)
    decide = spec.decide
    if traffic is not None:
        decide = msgspec.structs.replace(decide, traffic=_traffic(traffic))
    benchmarks = spec.benchmarks
    if slo:
        decide = msgspec.structs.replace(decide, slo=_slo(decide.slo or SloSpec(), slo))
        benchmarks = [
            b if b.slo is None else msgspec.structs.replace(b, slo=_slo(b.slo, slo)) for b in benchmarks
        ]
        if all(getattr(decide.slo, name) is None for name in ("ttft", "ttfa", "tpot", "e2e")):
            hint = "add one of ttft, ttfa, tpot, e2e, for example `ttft=300ms`"
            raise UsageError("--slo: a latency target needs a time", hint=hint)
    return msgspec.structs.replace(spec, decide=decide, benchmarks=benchmarks)


def _traffic(rate: float) -> float:
    if not rate > 0:
        raise UsageError(f"--traffic: {rate:g} requests/s are none", hint="for example `5/s`")
    return rate


def _priced(spec: Spec, name: str, given: Mapping[str, str]) -> Spec:
    """Return the spec with the prices of one target, or of one name in the price book."""
    top = _price(name, given)
    names = [model.name for model in spec.models]
    if name in names:
        models = [
            _with_price(model, top, spec.prices, given) if model.name == name else model
            for model in spec.models
        ]
        return msgspec.structs.replace(spec, models=models)
    entries = [
        msgspec.structs.replace(entry, price=over(entry.price, top)) if name in entry.names else entry
        for entry in spec.prices.entries
    ]
    if entries == list(spec.prices.entries):
        known = [*names, *(each for entry in spec.prices.entries for each in entry.names)]
        raise UsageError(
            f"--price: no target and no price in the book is named `{shown(name)}`.{suggest(name, known)}",
            hint=f"targets: {', '.join(names)}",
        )
    book = msgspec.structs.replace(spec.prices, entries=tuple(entries))
    return msgspec.structs.replace(spec, prices=book)


def _with_price(model: ModelSpec, top: Price, book: PriceBook, given: Mapping[str, str]) -> ModelSpec:
    price = over(model.price or Price(), top)
    if "as_batch" in given:
        price = msgspec.structs.replace(price, as_batch=top.as_batch)
    if price.as_batch and price.batch is None and not _has_batch(model, book):
        hint = f"assume one as well: `--price {model.name}.batch=0.5` is half price"
        raise UsageError(f"--price {model.name}.as_batch: `{model.name}` has no batch price", hint=hint)
    return msgspec.structs.replace(model, price=price)


def _has_batch(model: ModelSpec, book: PriceBook) -> bool:
    sent = model.model or model.name
    return any(sent in entry.names and entry.price.batch is not None for entry in book.entries)


def _price(name: str, given: Mapping[str, str]) -> Price:
    values: dict[str, Any] = {}
    for kind, text in given.items():
        flag = f"--price {name}.{kind}"
        if kind not in _KNOWN:
            near = suggest(kind, _KNOWN)
            raise UsageError(f"{flag}: there is no such price.{near}", hint=f"known: {', '.join(_KNOWN)}")
        try:
            values[kind] = _value(kind, _leaf(text, flag))
        except (Mistake, ValueError) as mistake:
            hint = mistake.hint if isinstance(mistake, Mistake) else ""
            raise UsageError(f"{flag}: {mistake}", hint=hint) from None
    return Price(**values)


def _value(kind: str, leaf: Leaf) -> Decimal | BatchPrice | bool:
    if kind == "as_batch":
        return read_bool(leaf, mi.BoolType())
    number = read_decimal(leaf, mi.DecimalType())
    if kind == "batch":
        return BatchPrice(discount=number)
    if number < 0:
        raise Mistake("a price is not negative")
    return number


def _slo(slo: SloSpec, given: Mapping[str, str]) -> SloSpec:
    fields = {field.encode_name: field.type for field in struct_type(SloSpec).fields}
    values: dict[str, Any] = {}
    for name, text in given.items():
        flag = f"--slo {name}"
        if name not in fields:
            hint = f"known: {', '.join(fields)}"
            raise UsageError(f"{flag}: there is no such target.{suggest(name, fields)}", hint=hint)
        try:
            values[name] = _number(_leaf(text, flag), fields[name])
        except Mistake as mistake:
            raise UsageError(f"{flag}: {mistake.message}", hint=mistake.hint) from None
    return msgspec.structs.replace(slo, **values)


def _number(leaf: Leaf, kind: mi.Type) -> object:
    """Return a duration, a rate or a share, as the spec's own fields are read."""
    kinds: Sequence[mi.Type] = kind.types if isinstance(kind, mi.UnionType) else (kind,)
    first = next(each for each in kinds if not isinstance(each, mi.NoneType))
    if isinstance(first, mi.Metadata):
        return BY_MARK[marks_of(first)["x-bakeoff"]](leaf, first.type)
    return BY_TYPE[type(first)](leaf, first)


def _leaf(text: str, place: str) -> Leaf:
    return Leaf(value=resolve(text), text=text, place=place)
