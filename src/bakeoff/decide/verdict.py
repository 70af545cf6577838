"""The verdict: constraints first, then quality with its uncertainty, in one sentence.

A missing axis is said, never assumed; a winner is named only where the data can tell it from the others.
"""

from collections.abc import Sequence

import msgspec

from bakeoff.decide.constraints import Constraint, check_constraints
from bakeoff.records import Comparison, DecideSpec, Estimate, StageCheck, TargetResult, Verdict
from bakeoff.stats.power import paired_cases


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What a verdict is made from.

    Attributes:
        quality: name of the metric that decides, None where nothing was graded.
        measured: names of the measured benchmarks.
        partial: targets with more errors than tolerated, each with its share.
    """

    targets: Sequence[TargetResult]
    comparisons: Sequence[Comparison]
    checks: Sequence[StageCheck]
    rule: DecideSpec
    quality: str | None
    measured: list[str]
    partial: dict[str, float]


def decide(evidence: Evidence) -> Verdict:
    """Return the verdict."""
    constraints = [
        c for t in evidence.targets for c in check_constraints(t, evidence.rule, evidence.measured)
    ]
    reasons = _standing_reasons(evidence, constraints)
    broken = [check for check in evidence.checks if not check.valid]
    if broken and (evidence.rule.slo is not None or evidence.quality is None):
        return Verdict(
            state="invalid",
            choice=None,
            tied=[],
            sentence="No verdict: the client, not the servers, was the limit of the load test.",
            reasons=[f"{c.benchmark} on {c.target}: {reason}" for c in broken for reason in c.reasons]
            + reasons,
        )
    missed = {c.target for c in constraints if c.state == "missed"}
    open_ones = {c.target for c in constraints if c.state == "open"}
    candidates = [t for t in evidence.targets if t.name not in missed]
    if not candidates:
        return Verdict(
            state="fail", choice=None, tied=[], sentence="No target meets the rules.", reasons=reasons
        )
    if evidence.quality is None:
        return _without_quality(candidates, missed, open_ones, reasons)
    known = [t for t in candidates if _value(t, evidence.quality) is not None]
    if not known:
        sentence = f"No verdict: no target has a value for {evidence.quality}."
        return Verdict(state="inconclusive", choice=None, tied=[], sentence=sentence, reasons=reasons)
    return _by_quality(evidence, known, open_ones, reasons)


def _by_quality(
    evidence: Evidence, known: list[TargetResult], open_ones: set[str], reasons: list[str]
) -> Verdict:
    metric = evidence.quality or ""
    best = max(known, key=lambda t: _value(t, metric) or 0.0)
    incumbent = next((t for t in known if t.name == evidence.rule.incumbent), None)
    if incumbent is not None:
        return _against_incumbent(evidence, known, incumbent, open_ones, reasons)
    tied = [t.name for t in known if t is not best and not _separates(evidence, best.name, t.name)]
    if tied:
        names = _and([best.name, *tied])
        rows = [row for t in tied if (row := _row(evidence, best.name, t)) is not None]
        sentence = (
            f"No clear winner: {names} cannot be told apart on {metric}{_gap_text(rows[:1], best.name)}."
        )
        return Verdict(
            state="inconclusive",
            choice=None,
            tied=[best.name, *tied],
            sentence=sentence,
            reasons=reasons + _surer(rows),
        )
    others = [t.name for t in known if t is not best]
    value = best.metrics[metric]
    if not others:
        sentence = f"Run {best.name}: the only target that can be chosen, with {metric} {_share(value)}."
    else:
        closest = [row for name in others if (row := _row(evidence, best.name, name)) is not None]
        closest.sort(key=lambda row: abs(row.difference or 0.0))
        sentence = (
            f"Run {best.name}: better than {_and(others)} on {metric}{_gap_text(closest[:1], best.name)}."
        )
    return _checked(best.name, sentence, open_ones, reasons)


def _against_incumbent(
    evidence: Evidence,
    known: list[TargetResult],
    incumbent: TargetResult,
    open_ones: set[str],
    reasons: list[str],
) -> Verdict:
    """Switch only to a challenger shown to be better; otherwise keep what runs."""
    metric, margin = evidence.quality or "", evidence.rule.quality.margin
    better = [
        t
        for t in known
        if t is not incumbent
        and (_value(t, metric) or 0) > (_value(incumbent, metric) or 0)
        and _separates(evidence, t.name, incumbent.name)
    ]
    if better:
        best = max(better, key=lambda t: _value(t, metric) or 0.0)
        row = _row(evidence, best.name, incumbent.name)
        gap = _gap_text([row] if row else [], best.name)
        tied = [t.name for t in better if t is not best and not _separates(evidence, best.name, t.name)]
        sentence = f"Switch from {incumbent.name} to {best.name}: better on {metric}{gap}."
        verdict = _checked(best.name, sentence, open_ones, reasons)
        return msgspec.structs.replace(verdict, tied=[best.name, *tied] if tied else [])
    rows = [
        row
        for t in known
        if t is not incumbent and (row := _row(evidence, t.name, incumbent.name)) is not None
    ]
    if margin:
        reasons = reasons + [_noninferior(row, incumbent.name, margin) for row in rows]
    tied = [t.name for t in known if t is not incumbent and not _separates(evidence, t.name, incumbent.name)]
    sentence = (
        f"Keep {incumbent.name}: no challenger was shown to be better on {metric}{_gap_text(rows[:1], '')}."
    )
    verdict = _checked(incumbent.name, sentence, open_ones, reasons + _surer(rows))
    return msgspec.structs.replace(verdict, tied=[incumbent.name, *tied] if tied else [])


def _noninferior(row: Comparison, incumbent: str, margin: float) -> str:
    flipped = row.a == incumbent
    challenger = row.b if flipped else row.a
    bound = row.low if not flipped else None if row.high is None else -row.high
    if bound is None:
        return f"{challenger}: not known whether it is worse than {incumbent} by more than {margin:.1%}"
    verdict = "is not worse" if bound > -margin else "may be worse"
    return f"{challenger} {verdict} than {incumbent} by more than {margin:.1%} (lower bound {bound:+.1%})"


def _without_quality(
    candidates: list[TargetResult], missed: set[str], open_ones: set[str], reasons: list[str]
) -> Verdict:
    """Without graded answers only the constraints can choose."""
    names = [t.name for t in candidates]
    sure = [name for name in names if name not in open_ones]
    if len(names) == 1 and sure and missed:
        return Verdict(
            state="pass",
            choice=names[0],
            tied=[],
            sentence=f"Run {names[0]}: the only one within the rules.",
            reasons=[*reasons, "quality was not measured"],
        )
    return Verdict(
        state="inconclusive",
        choice=None,
        tied=names,
        sentence=f"No verdict on quality: nothing was graded. Measured: {_and(names)}.",
        reasons=reasons,
    )


def _checked(choice: str, sentence: str, open_ones: set[str], reasons: list[str]) -> Verdict:
    """Name a choice, but not as certain while one of its constraints is open."""
    if choice in open_ones:
        sentence = sentence.removesuffix(".") + "; whether it meets every rule is not certain yet."
        return Verdict(state="inconclusive", choice=choice, tied=[], sentence=sentence, reasons=reasons)
    return Verdict(state="pass", choice=choice, tied=[], sentence=sentence, reasons=reasons)


def _standing_reasons(evidence: Evidence, constraints: list[Constraint]) -> list[str]:
    reasons = [c.text for c in constraints]
    for name, share in evidence.partial.items():
        reasons.append(f"{name}: {share:.1%} of its samples are errors or timeouts, more than tolerated")
    return reasons


def _row(evidence: Evidence, a: str, b: str) -> Comparison | None:
    rows = (r for r in evidence.comparisons if r.metric == evidence.quality and {r.a, r.b} == {a, b})
    return next(rows, None)


def _separates(evidence: Evidence, a: str, b: str) -> bool:
    row = _row(evidence, a, b)
    return row is not None and row.p_adjusted is not None and row.p_adjusted < 1 - evidence.rule.level


def _value(target: TargetResult, metric: str) -> float | None:
    estimate = target.metrics.get(metric)
    return None if estimate is None else estimate.value


def _share(estimate: Estimate) -> str:
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return "unknown"
    interval = f"{estimate.level:.0%} interval {estimate.low:.1%} to {estimate.high:.1%}"
    return f"{estimate.value:.1%} ({interval}, n = {estimate.n})"


def _gap_text(rows: list[Comparison], first: str) -> str:
    """Return the difference in words, seen from `first` where it is one of the two."""
    if not rows or rows[0].difference is None:
        return ""
    row = rows[0]
    sign = -1 if row.b == first else 1
    name = f"{row.a} minus {row.b}" if sign == 1 else f"{row.b} minus {row.a}"
    text = f" ({name}: {100 * sign * row.difference:+.1f} points"
    if row.low is not None and row.high is not None:
        low, high = sorted((100 * sign * row.low, 100 * sign * row.high))
        text += f", {row.level:.0%} interval {low:+.1f} to {high:+.1f}"
    if row.p_adjusted is not None:
        text += f", adjusted p = {row.p_adjusted:.2g}"
    return f"{text}, n = {row.n})"


def _surer(rows: list[Comparison]) -> list[str]:
    """Say how many cases would settle a gap of the size that was seen."""
    texts: list[str] = []
    for row in rows:
        if not row.difference or row.only_a is None or row.only_b is None or not row.n:
            continue
        disagreement = (row.only_a + row.only_b) / row.n
        needed = (
            paired_cases(abs(row.difference), disagreement) if abs(row.difference) < disagreement else None
        )
        if needed is not None and needed > row.n:
            texts.append(
                f"to tell {row.a} from {row.b} if the true gap is the {100 * abs(row.difference):.1f} points "
                f"seen, about {needed:,} cases are needed (80 % power); {row.n:,} were used"
            )
    return texts


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
