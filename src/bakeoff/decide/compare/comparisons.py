"""Compare targets by their grades on the same cases, adjusted for how many comparisons are made."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from bakeoff.decide.compare.conclusions import (
    Basis,
    beyond_numbers,
    paired_conclusions,
    unpaired_conclusions,
)
from bakeoff.decide.compare.pairs import Pair, adjusted, families
from bakeoff.decide.compare.rows import blank_row, paired_row, unpaired_row
from bakeoff.decide.compare.sides import Side, make_side, part_of
from bakeoff.decide.gather.collect import Collected, slices
from bakeoff.records import BenchmarkSpec, Case, Comparison, DecideSpec
from bakeoff.stats.paired import compare_passes, compare_scores
from bakeoff.stats.unpaired import Passes, UnpairedResult, compare_means, compare_rates


def quality_comparisons(
    collected: Collected,
    benchmark: BenchmarkSpec,
    cases: dict[str, Case],
    targets: Sequence[str],
    rule: DecideSpec,
    *,
    only_incumbent: bool = False,
) -> list[Comparison]:
    """Compare pairs of targets on each scorer's metric and its slices, Holm-adjusted within families.

    Args:
        collected: graded answers.
        benchmark: whose answers are compared.
        cases: of the benchmark, by id.
        targets: names, in order.
        rule: names the incumbent and the level.
        only_incumbent: compare with the incumbent alone.
    """
    ask = families(targets, rule.incumbent, only_incumbent=only_incumbent)
    if not ask:
        return []
    scorers = dict.fromkeys(s for t in targets for s in _scorers(collected, benchmark.name, t))
    parts = slices(cases.values())
    graded = _Graded(benchmark=benchmark.name, level=rule.level)
    found: list[Comparison] = []
    for scorer in scorers:
        sides: dict[str, Side] = {}
        for target in targets:
            answers = collected.get((benchmark.name, target))
            if answers is not None and answers.graded.get(scorer):
                sides[target] = make_side(target, answers, scorer, cases, errors_count=benchmark.errors_count)
        for family in ask:
            found += adjusted(_rows(graded, sides, family))
        found += _slice_comparisons(graded, sides, ask, parts)
    return found


class _Graded(msgspec.Struct, frozen=True, kw_only=True):
    """What all comparisons of one benchmark's grades share."""

    benchmark: str
    level: float


def _rows(graded: _Graded, sides: Mapping[str, Side], family: Sequence[Pair]) -> list[Comparison]:
    return [_compare(graded, sides[a], sides[b]) for a, b in family if a in sides and b in sides]


def _slice_comparisons(
    graded: _Graded,
    sides: Mapping[str, Side],
    ask: Sequence[Sequence[Pair]],
    parts: Mapping[str, frozenset[str]],
) -> list[Comparison]:
    """Compare within each slice, Holm-adjusted over all slices of one name: looking at many is one family.

    A name with one slice alone says what the whole says.
    """
    found: dict[str, list[list[Comparison]]] = {}
    for label, members in parts.items():
        own = {target: part_of(side, label, members) for target, side in sides.items()}
        own = {target: side for target, side in own.items() if side.values}
        lists = found.setdefault(label.partition("=")[0], [[] for _ in ask])
        for rows, family in zip(lists, ask, strict=True):
            rows += [row for row in _rows(graded, own, family) if row.n]
    return [
        row
        for lists in found.values()
        if sum(map(len, lists)) > 1
        for rows in lists
        for row in adjusted(rows)
    ]


def _scorers(collected: Collected, benchmark: str, target: str) -> list[str]:
    answers = collected.get((benchmark, target))
    return list(answers.graded) if answers else []


def _compare(graded: _Graded, a: Side, b: Side) -> Comparison:
    """Compare two targets on the cases that both have a value for; else as two samples, and say so."""
    blank = _blank(graded, a, b)
    if not a.answered and not b.answered:
        text = f"no answer of {a.target} or of {b.target} could be graded: nothing can be concluded"
        return msgspec.structs.replace(blank, note=text)
    if not a.values or not b.values:
        text = f"no answer of {(b if a.values else a).target} could be graded: nothing can be concluded"
        return msgspec.structs.replace(blank, note=text)
    names, left, right = _side_by_side(a, b)
    if not names:
        return _unpaired(graded, blank, a, b)
    clusters = a.clusters_of(names)
    if a.binary and b.binary:
        passes = ([value == 1.0 for value in values] for values in (left, right))
        result = compare_passes(*passes, clusters=clusters, level=graded.level)
    elif refusal := beyond_numbers(left, right):
        return msgspec.structs.replace(blank, note=refusal)
    else:
        result = compare_scores(left, right, clusters=clusters, level=graded.level)
    basis = Basis(a=left, b=right, shares=blank.unit == "share")
    notes = [*_left_out(a, b, len(names)), *paired_conclusions(result, basis), *_ungraded(a, b)]
    return paired_row(blank, result, notes, _with_repeats(result.test, a, b))


def _side_by_side(a: Side, b: Side) -> tuple[list[str], list[float], list[float]]:
    """Return the cases that both have a value for, and the values of each."""
    names = list(a.values)
    if names == list(b.values):
        return names, list(a.values.values()), list(b.values.values())
    names = [name for name in names if name in b.values]
    return names, [a.values[name] for name in names], [b.values[name] for name in names]


def _blank(graded: _Graded, a: Side, b: Side) -> Comparison:
    return blank_row(
        f"{graded.benchmark}.{a.metric}",
        (a.target, b.target),
        unit="share" if a.shares and b.shares else "score",
        level=graded.level,
    )


def _unpaired(graded: _Graded, blank: Comparison, a: Side, b: Side) -> Comparison:
    """Compare two targets that answered different cases."""
    left, right = list(a.values.values()), list(b.values.values())
    if refusal := beyond_numbers(left, [0.0] * len(left)) or beyond_numbers(right, [0.0] * len(right)):
        return msgspec.structs.replace(blank, note=refusal)
    clustered = any(own is not None and len(set(own)) < len(own) for own in (a.clusters, b.clusters))
    found: UnpairedResult
    if a.binary and b.binary and not clustered:
        found = compare_rates(
            Passes(passed=round(sum(left)), n=len(left)),
            Passes(passed=round(sum(right)), n=len(right)),
            level=graded.level,
        )
    else:
        found = compare_means(left, right, clusters_a=a.clusters, clusters_b=b.clusters, level=graded.level)
    notes = [*unpaired_conclusions(found, "cases"), *_ungraded(a, b)]
    return unpaired_row(blank, found, notes, _with_repeats(found.test, a, b))


def _with_repeats(test: str, a: Side, b: Side) -> str:
    """Say that the test took the mean of each case's repeats, so that it holds for new cases and new answers.

    What varies from case to case and what varies from answer to answer both move these means, so whoever
    redraws the means redraws both.
    """
    return f"{test}, repeats averaged within cases" if a.several or b.several else test


def _left_out(a: Side, b: Side, n: int) -> Iterator[str]:
    count = len(a.values) + len(b.values) - 2 * n
    if count:
        yield f"{count:,} cases are left out because only one of the two has a value"


def _ungraded(a: Side, b: Side) -> Iterator[str]:
    """Say which answers have no grade, since they then stand for failures and not for wrong answers."""
    for side in (a, b):
        lost = sum(side.lost.values())
        if not side.answered and lost:
            yield f"no answer of {side.target} could be graded, so the difference tells of failures alone"
        elif lost:
            yield f"{lost:,} answers of {side.target} have no grade and count as wrong"
        if side.unusable:
            yield f"{side.unusable:,} grades of {side.target} are NaN or infinite, which is no grade"
