"""What stands behind the verdict in words: what it hangs on, what would make it surer, and the ranks."""

from collections.abc import Iterator, Sequence

import msgspec

from bakeoff.records import Place, Ranking, Results, Verdict
from bakeoff.reports.names import parse


class Remark(msgspec.Struct, frozen=True, kw_only=True):
    """One line under the verdict, with the word that says what it is about."""

    about: str
    text: str


class RankRow(msgspec.Struct, frozen=True, kw_only=True):
    """One target's place, as words."""

    target: str
    value: str
    rank: str
    best: str
    tied: str


class RankTable(msgspec.Struct, frozen=True, kw_only=True):
    """The targets by one metric, best first, and what the table stands on."""

    metric: str
    label: str
    rows: list[RankRow]
    note: str


def remarks(verdict: Verdict) -> list[Remark]:
    """Return what changes the choice, what it takes to be surer, who is dominated and what is not known."""
    found = [Remark(about="Changes", text=line) for line in verdict.changes]
    found += [Remark(about="Surer", text=line) for line in verdict.surer]
    found += [
        Remark(about="Dominated", text=f"{target}: {', '.join(by)} is at least as good on every axis")
        for target, by in verdict.dominated.items()
    ]
    found += [Remark(about="Not known", text=line) for line in verdict.missing]
    return found


def rank_tables(results: Results) -> list[RankTable]:
    """Return the rankings of metrics that more than two targets share; two are a comparison."""
    return [
        _table(ranking, list(results.benchmarks)) for ranking in results.rankings if len(ranking.places) > 2
    ]


def _table(ranking: Ranking, benchmarks: Sequence[str]) -> RankTable:
    note = (
        f"Ranks hold together with {ranking.level:.0%} confidence; the chance of being the best is over "
        f"resamples of {ranking.n:,} cases"
    )
    return RankTable(
        metric=ranking.metric,
        label=parse(ranking.metric, benchmarks).label,
        rows=list(_rows(ranking)),
        note=f"{note}; {ranking.note}." if ranking.note else f"{note}.",
    )


def _rows(ranking: Ranking) -> Iterator[RankRow]:
    for at, place in enumerate(ranking.places):
        yield RankRow(
            target=place.target,
            value=f"{place.value:.1%}" if 0 <= place.value <= 1 else f"{place.value:.4g}",
            rank=_rank(place),
            best="unknown" if place.best is None else _chance(place.best),
            tied="with the best" if place.tied and at else "",
        )


def _rank(place: Place) -> str:
    same = place.rank_low == place.rank_high
    return f"{place.rank_low}" if same else f"{place.rank_low} to {place.rank_high}"


def _chance(share: float) -> str:
    if 0 < share < 0.01:
        return "< 1%"
    if 0.99 < share < 1:
        return "> 99%"
    return f"{share:.0%}"
