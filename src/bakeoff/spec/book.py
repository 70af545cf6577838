"""The price book of a spec: read from its own file, and checked for names that two entries price."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from bakeoff.errors import SpecError
from bakeoff.prices import negatives
from bakeoff.records import PriceBook, PriceEntry
from bakeoff.spec.reader import below
from bakeoff.spec.tree import Leaf, Map, is_null, leaf, parse_yaml, shown

KEY = "prices"
_LONGEST_BOOK = 10_000_000
_START = "start with `entries:`, a list of `{model: …, price: {input: …, output: …}}`"


class Flaw(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with a book, and the path of it in the spec."""

    path: str
    message: str
    hint: str


def with_book(root: Map, base: Path) -> tuple[Map, list[SpecError]]:
    """Return the tree with the content of its price book in place of the file's name.

    Args:
        root: the spec's tree.
        base: where relative paths start.
    """
    named = root.entries.get(KEY)
    if not isinstance(named, Leaf) or is_null(named):
        return root, []
    try:
        book = parse_yaml(_text(base / Path(named.text).expanduser(), named, base), Path(named.text).name)
    except SpecError as error:
        hint = _START if "models" in error.hint or "init" in error.hint else error.hint
        return root.drop(KEY), [SpecError(error.message, where=error.where, hint=hint)]
    file = leaf(named.text, named.place)
    return root.put(KEY, book.put("file", file, named.place), named.place), []


def _text(path: Path, named: Leaf, base: Path) -> str:
    problem = "it is too large"
    try:
        with path.open("rb") as file:
            data = file.read(_LONGEST_BOOK + 1)
        if len(data) <= _LONGEST_BOOK:
            return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        problem = "the text is not UTF-8"
    except (OSError, ValueError) as error:
        problem = (error.strerror if isinstance(error, OSError) else None) or str(error)
    raise SpecError(
        f"{KEY}: the price book `{shown(named.text)}` cannot be read: {problem}",
        where=named.place,
        hint=f"paths start at `{base}`",
    )


def flaws(book: PriceBook) -> Iterator[Flaw]:
    """Yield what is wrong with a book: prices below zero, and names with two prices on one day."""
    known: dict[str, list[PriceEntry]] = {}
    for at, entry in enumerate(book.entries):
        path = below(below(KEY, "entries"), at)
        for key in negatives(entry.price):
            yield Flaw(path=below(path, f"price.{key}"), message="a price is not negative", hint="")
        for name in dict.fromkeys(entry.names):
            rival = next((one for one in known.get(name, ()) if _overlap(one, entry)), None)
            if rival is not None:
                whose = f"that of `{shown(rival.model)}`{_span(rival)}"
                message = f"`{shown(name)}` has two prices at once: this entry and {whose}"
                yield Flaw(path=path, message=message, hint="remove one, or part them by `since` and `until`")
            known.setdefault(name, []).append(entry)


def _overlap(one: PriceEntry, other: PriceEntry) -> bool:
    first = max(one.since or "", other.since or "")
    return all(each.until is None or first <= each.until for each in (one, other))


def _span(entry: PriceEntry) -> str:
    since = f" since {entry.since}" if entry.since else ""
    return since + (f" until {entry.until}" if entry.until else "")
