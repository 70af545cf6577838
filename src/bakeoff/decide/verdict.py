"""The verdict: constraints first, then quality with its uncertainty, in one sentence.

A missing axis is said, never assumed; a winner is named only where the data can tell it from the others:
the Holm-adjusted test says so, the interval leaves 0 out, and both point the same way.
"""

from collections.abc import Sequence

import msgspec

from bakeoff.decide.constraints import Measured, check_constraints
from bakeoff.decide.differences import shown_differences
from bakeoff.records import Comparison, Constraint, DecideSpec, Estimate, StageCheck, TargetResult, Verdict
from bakeoff.stats.power import paired_cases


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What a verdict is made from.

    Attributes:
        quality: name of the metric that decides, None where nothing was graded.
        measured: the measured benchmarks.
        partial: targets with more errors than tolerated, each with its share.
    """

    targets: Sequence[TargetResult]
    comparisons: Sequence[Comparison]
    checks: Sequence[StageCheck]
    rule: DecideSpec
    quality: str | None
    measured: Sequence[Measured]
    partial: dict[str, float]


class _Field(msgspec.Struct, frozen=True, kw_only=True):
    """The targets that quality may choose from, and what is said with any choice.

    Attributes:
        known: those within the rules that have a value, best first.
        open_ones: names for which some rule is neither met nor missed for certain.
    """

    evidence: Evidence
    metric: str
    known: list[TargetResult]
    open_ones: set[str]
    reasons: list[str]

    @property
    def names(self) -> list[str]:
        return [target.name for target in self.known]


def decide(evidence: Evidence) -> Verdict:
    """Return the verdict."""
    constraints = [
        c for t in evidence.targets for c in check_constraints(t, evidence.rule, evidence.measured)
    ]
    reasons = _standing_reasons(evidence, constraints)
    broken = any(not check.valid for check in evidence.checks)
    if broken and (evidence.rule.slo is not None or evidence.quality is None):
        sentence = "No verdict: the client, not the servers, was the limit of the load test."
        return Verdict(state="invalid", choice=None, tied=[], sentence=sentence, reasons=reasons)
    missed = {c.target for c in constraints if c.state == "missed"}
    open_ones = {c.target for c in constraints if c.state == "open"}
    candidates = [t for t in evidence.targets if t.name not in missed]
    if not candidates:
        return Verdict(
            state="fail", choice=None, tied=[], sentence="No target meets the rules.", reasons=reasons
        )
    if evidence.quality is None:
        return _without_quality(candidates, constraints, reasons)
    known, reasons = _comparable(candidates, evidence.quality, reasons)
    field = _Field(
        evidence=evidence, metric=evidence.quality, known=known, open_ones=open_ones, reasons=reasons
    )
    refusal = _refusal(field)
    if refusal:
        return Verdict(state="inconclusive", choice=None, tied=[], sentence=refusal, reasons=reasons)
    incumbent = evidence.rule.incumbent
    return _against_incumbent(field, incumbent) if incumbent in field.names else _by_quality(field)


def _comparable(
    candidates: list[TargetResult], metric: str, reasons: list[str]
) -> tuple[list[TargetResult], list[str]]:
    """Return the candidates that have a value, best first, and the reasons with what to say of the others."""
    known = sorted(
        (t for t in candidates if _value(t, metric) is not None),
        key=lambda t: _value(t, metric) or 0.0,
        reverse=True,
    )
    said = [
        f"{t.name}: it has no value for {metric} and was not compared" for t in candidates if t not in known
    ]
    said += [f"{t.name}: none of its answers could be graded" for t in known if _ungraded(t, metric)]
    return known, reasons + said


def _refusal(field: _Field) -> str:
    """Return why quality cannot choose at all; empty where it may."""
    if not field.known:
        return f"No verdict: no target has a value for {field.metric}."
    if any(t.metrics[field.metric].unit != "share" for t in field.known):
        return f"No verdict: {field.metric} is no share of right answers, so it cannot rank the targets."
    if all(_ungraded(t, field.metric) for t in field.known):
        return f"No verdict: no answer could be graded, so {field.metric} says nothing."
    return ""


def _by_quality(field: _Field) -> Verdict:
    top = _unbeaten(field, field.known)
    if not top:
        sentence = f"No clear winner: the comparisons on {field.metric} contradict each other."
        return Verdict(
            state="inconclusive", choice=None, tied=field.names, sentence=sentence, reasons=field.reasons
        )
    best = top[0]
    others = [name for name in field.names if name != best.name]
    rows = [row for name in others if (row := _row(field, best.name, name)) is not None]
    tied = [name for name in others if not _beats(field, best.name, name)]
    if tied:
        return _no_winner(field, best.name, tied, [row for row in rows if row.b in tied])
    if not others:
        value = _share(best.metrics[field.metric])
        sentence = f"Run {best.name}: the only target that can be chosen, with {field.metric} {value}."
        reasons = [f"{best.name} was compared with no other target"]
        return _chosen(field, best.name, sentence, reasons)
    rows.sort(key=lambda row: abs(row.difference or 0.0))
    sentence = f"Run {best.name}: better than {_and(others)} on {field.metric}{_gap_text(rows)}."
    return _chosen(field, best.name, sentence, [])


def _no_winner(field: _Field, best: str, tied: list[str], rows: list[Comparison]) -> Verdict:
    who = f"{best} cannot be told apart from" if len(tied) > 1 else f"{best} and"
    whom = _and(tied) if len(tied) > 1 else f"{tied[0]} cannot be told apart"
    return Verdict(
        state="inconclusive",
        choice=None,
        tied=[best, *tied],
        sentence=f"No clear winner: {who} {whom} on {field.metric}{_gap_text(rows)}.",
        reasons=field.reasons + _outdone(field, best, tied) + _surer(rows),
    )


def _outdone(field: _Field, best: str, tied: Sequence[str]) -> list[str]:
    """Say of each target that is neither `best` nor tied with it by how much it was shown to be worse."""
    names = [name for name in field.names if name != best and name not in tied]
    return [
        f"{name} is ruled out: worse than {best} on {field.metric}{_gap_text([_row(field, best, name)])}"
        for name in names
    ]


def _against_incumbent(field: _Field, incumbent: str) -> Verdict:
    """Switch only to a challenger shown to be better; otherwise keep what runs."""
    challengers = [t for t in field.known if t.name != incumbent]
    better = [t for t in challengers if _beats(field, t.name, incumbent)]
    if better:
        best = (_unbeaten(field, better) or better)[0].name
        row = _row(field, best, incumbent)
        tied = [t.name for t in challengers if t.name != best and not _beats(field, best, t.name)]
        sentence = f"Switch from {incumbent} to {best}: better on {field.metric}{_gap_text([row])}"
        sentence += f"; not shown to be better than {_and(tied)}." if tied else "."
        return _chosen(field, best, sentence, _outdone(field, best, [*tied, incumbent]), tied=tied)
    rows = [row for t in challengers if (row := _row(field, t.name, incumbent)) is not None]
    rows.sort(key=lambda row: -2.0 if row.difference is None else row.difference, reverse=True)
    if challengers:
        gap = _gap_text(rows)
        sentence = f"Keep {incumbent}: no challenger was shown to be better on {field.metric}{gap}."
    else:
        sentence = f"Keep {incumbent}: there is no challenger that can be chosen."
    margin = field.evidence.rule.quality.margin
    tied = [t.name for t in challengers if not _beats(field, incumbent, t.name)]
    reasons = [_noninferior(row, margin) for row in rows if margin] + _outdone(field, incumbent, tied)
    reasons += _surer([row for row in rows if row.a in tied])
    return _chosen(field, incumbent, sentence, reasons, tied=tied)


def _noninferior(row: Comparison, margin: float) -> str:
    if row.low is None:
        return f"{row.a}: not known whether it is worse than {row.b} by more than {margin:.1%}"
    verdict = "is not worse" if row.low > -margin else "may be worse"
    return f"{row.a} {verdict} than {row.b} by more than {margin:.1%} (lower bound {row.low:+.1%})"


def _without_quality(
    candidates: list[TargetResult], constraints: list[Constraint], reasons: list[str]
) -> Verdict:
    """Without graded answers only the constraints can choose."""
    missed = {c.target for c in constraints if c.state == "missed"}
    open_ones = {c.target for c in constraints if c.state == "open"}
    sure = {c.target for c in constraints if c.state == "met"}
    names = [t.name for t in candidates]
    if len(names) == 1 and missed and names[0] not in open_ones:
        return Verdict(
            state="pass",
            choice=names[0],
            tied=[],
            sentence=f"Run {names[0]}: the only one within the rules.",
            reasons=[*reasons, "quality was not measured"],
        )
    if sure and not open_ones:
        who = names[0] if len(names) == 1 else f"all of {_and(names)}"
        return Verdict(
            state="pass",
            choice=names[0] if len(names) == 1 and not missed else None,
            tied=names if len(names) > 1 else [],
            sentence=f"Within the rules: {who}. Quality was not measured.",
            reasons=reasons,
        )
    return Verdict(
        state="inconclusive",
        choice=None,
        tied=names,
        sentence=f"No verdict on quality: nothing was graded. Not ruled out: {_and(names)}.",
        reasons=reasons,
    )


def _chosen(
    field: _Field, choice: str, sentence: str, reasons: list[str], *, tied: Sequence[str] = ()
) -> Verdict:
    """Name a choice, but not as certain while one of its rules is open, and never without its flaws."""
    failing = [name for name in field.names if name in field.evidence.partial]
    if failing:
        sentence = f"{sentence.removesuffix('.')}; more samples of {_and(failing)} failed than is tolerated."
    state = "pass"
    if choice in field.open_ones:
        sentence = f"{sentence.removesuffix('.')}; whether it meets every rule is not certain yet."
        state = "inconclusive"
    return Verdict(
        state=state,
        choice=choice,
        tied=[choice, *tied] if tied else [],
        sentence=sentence,
        reasons=field.reasons + reasons,
    )


def _standing_reasons(evidence: Evidence, constraints: list[Constraint]) -> list[str]:
    reasons = [
        f"{check.benchmark} on {check.target}: {reason}"
        for check in evidence.checks
        if not check.valid
        for reason in check.reasons
    ]
    reasons += [c.text for c in constraints]
    reasons += [
        f"{name}: {share:.1%} of its samples are errors or timeouts, more than tolerated"
        for name, share in evidence.partial.items()
    ]
    return reasons + list(shown_differences(evidence.comparisons, evidence.quality, evidence.rule.level))


def _unbeaten(field: _Field, targets: list[TargetResult]) -> list[TargetResult]:
    """Return those that no other of them beats, in order; none where they beat each other in a circle."""
    return [t for t in targets if not any(_beats(field, other.name, t.name) for other in targets)]


def _beats(field: _Field, a: str, b: str) -> bool:
    """Tell whether the paired comparison shows `a` to be better than `b`."""
    row = _row(field, a, b)
    if row is None or row.difference is None or row.p_adjusted is None:
        return False
    clear = row.p_adjusted < 1 - field.evidence.rule.level and (row.low is None or row.low > 0)
    return clear and row.difference > 0


def _row(field: _Field, a: str, b: str) -> Comparison | None:
    """Return the comparison of two targets, `a` first."""
    for row in field.evidence.comparisons:
        if row.metric == field.metric and {row.a, row.b} == {a, b}:
            return row if row.a == a else _turned(row)
    return None


def _turned(row: Comparison) -> Comparison:
    return msgspec.structs.replace(
        row,
        a=row.b,
        b=row.a,
        difference=_negated(row.difference),
        low=_negated(row.high),
        high=_negated(row.low),
        only_a=row.only_b,
        only_b=row.only_a,
    )


def _negated(value: float | None) -> float | None:
    return None if value is None else 0.0 - value


def _value(target: TargetResult, metric: str) -> float | None:
    estimate = target.metrics.get(metric)
    return None if estimate is None else estimate.value


def _ungraded(target: TargetResult, metric: str) -> bool:
    """Tell whether the value stands for failed samples only."""
    answered = target.metrics.get(f"{metric}_answered")
    return answered is not None and answered.value is None


def _share(estimate: Estimate) -> str:
    value = "unknown" if estimate.value is None else f"{estimate.value:.1%}"
    interval = "interval unknown"
    if estimate.low is not None and estimate.high is not None:
        interval = f"{100 * estimate.level:g}% interval {estimate.low:.1%} to {estimate.high:.1%}"
    return f"{value} ({interval}, n = {estimate.n})"


def _gap_text(rows: Sequence[Comparison | None]) -> str:
    """Return the difference of the first row in words."""
    row = rows[0] if rows else None
    if row is None or row.difference is None:
        return ""
    text = f" ({row.a} minus {row.b}: {_points(row.difference)} points"
    if row.low is not None and row.high is not None:
        text += f", {100 * row.level:g}% interval {_points(row.low)} to {_points(row.high)}"
    if row.p_adjusted is not None:
        text += f", adjusted p = {row.p_adjusted:.2g}"
    return f"{text}, n = {row.n})"


def _points(share: float) -> str:
    # Adding 0 turns a negative zero into a plain one.
    return f"{round(100 * share, 1) + 0.0:+.1f}"


def _surer(rows: Sequence[Comparison]) -> list[str]:
    """Say how many cases would settle a gap of the size that was seen; for passes and failures only."""
    texts: list[str] = []
    for row in rows:
        if not row.difference or row.only_a is None or row.only_b is None or "McNemar" not in row.test:
            continue
        gap, disagreement = abs(row.difference), (row.only_a + row.only_b) / row.n
        needed = paired_cases(gap, disagreement, alpha=1 - row.level)
        if needed is not None and needed > row.n:
            texts.append(
                f"to tell {row.a} from {row.b} if the true gap is the {100 * gap:.1f} points seen, about "
                f"{needed:,} cases are needed (80 % power, one comparison); {row.n:,} were used"
            )
    return texts


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
