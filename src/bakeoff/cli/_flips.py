"""The cases on which targets differ, as text: what one lost that another won comes first."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bakeoff.cli._terminal import say, table

if TYPE_CHECKING:
    from bakeoff.decide.compare.flips import Flip
    from bakeoff.run.compare import Compared


def print_flips(found: "Compared", rows: int) -> None:
    """Print at most so many differing cases: of two targets by who lost them, of more with all values."""
    names = [target.name for target in found.targets]
    if not found.flips:
        say("the targets differ on no case")
    elif len(names) == 2:
        _print_two(found.flips, names, rows)
    else:
        _print_many(found, names, rows)
    say()


def _print_two(flips: "Sequence[Flip]", names: Sequence[str], rows: int) -> None:
    a, b = names
    lost = [flip for flip in flips if flip.gap(a, b) < 0]
    won = [flip for flip in flips if flip.gap(a, b) > 0]
    for loser, winner, group in ((a, b, lost), (b, a, won)):
        if not group:
            say(f"no case that {loser} lost and {winner} won")
            continue
        say(f"{_cases(len(group))} that {loser} lost and {winner} won" + (":" if rows else ""))
        lines = [(_name(flip), *(_value(flip.values[name]) for name in names)) for flip in group[:rows]]
        if lines:
            say(table(("case", *names), lines))
        _print_more(len(group), rows)


def _print_many(found: "Compared", names: Sequence[str], rows: int) -> None:
    flips, against = found.flips, found.against
    if against is None:
        say(f"{_cases(len(flips))} on which targets differ" + (":" if rows else ""))
    else:
        lost = sum(any(flip.gap(name, against) < 0 for name in names) for flip in flips)
        say(f"{_cases(lost)} that {against} won and another lost, of {len(flips):,} that differ from it")
        flips = sorted(flips, key=lambda flip: min(flip.gap(name, against) for name in names))
    lines = [(_name(flip), *(_value(flip.values[name]) for name in names)) for flip in flips[:rows]]
    if lines:
        say(table(("case", *names), lines))
    _print_more(len(flips), rows)


def _print_more(count: int, rows: int) -> None:
    if 0 < rows < count:
        say(f"… and {count - rows:,} more: --rows {count}, or --json")


def _cases(count: int) -> str:
    return f"{count:,} case" + ("" if count == 1 else "s")


def _name(flip: "Flip") -> str:
    return f"{flip.benchmark}/{flip.case}"


def _value(value: float | None) -> str:
    return "-" if value is None else {1.0: "right", 0.0: "wrong"}.get(value, f"{value:.2f}")
