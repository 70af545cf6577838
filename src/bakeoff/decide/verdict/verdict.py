"""The verdict: constraints first, then quality with its uncertainty, in one sentence.

A missing axis is said, never assumed; a winner is named only where the data can tell it from the others, or
where it costs less and is shown to lose no more than the rule accepts.
"""

from collections.abc import Sequence

import msgspec

from bakeoff.decide.compare.differences import shown_differences
from bakeoff.decide.verdict.constraints import check_constraints
from bakeoff.decide.verdict.equivalents import Cheaper, cheapest
from bakeoff.decide.verdict.field import Evidence, Field, share_cut, share_graded, ungraded, value_of
from bakeoff.decide.verdict.frontier import frontier, missing_axes
from bakeoff.decide.verdict.sensitivity import changes, price_limit
from bakeoff.decide.verdict.surer import surer
from bakeoff.decide.verdict.turned import lowest
from bakeoff.decide.wording import gap_text, listed, share_text
from bakeoff.records import Comparison, Constraint, TargetResult, Verdict

_MOST = 0.5
_ENOUGH_GRADED = 0.9
"""Below it a reason tells how many answers were not graded."""


def decide(evidence: Evidence) -> Verdict:
    """Return the verdict, with what it hangs on."""
    verdict = _decided(evidence)
    front = frontier(evidence)
    hangs = [] if verdict.state == "invalid" else changes(evidence, verdict, _decided)
    return msgspec.structs.replace(
        verdict,
        frontier=front.names,
        dominated=front.dominated,
        changes=verdict.changes + hangs,
        missing=missing_axes(evidence),
    )


def _decided(evidence: Evidence) -> Verdict:
    constraints = [
        constraint
        for target in evidence.targets
        for constraint in check_constraints(
            target,
            evidence.rule,
            evidence.measured,
            costs=evidence.costs,
            comparisons=evidence.comparisons,
            quality=evidence.quality,
        )
    ]
    return msgspec.structs.replace(_by_rules(evidence, constraints), constraints=constraints)


def _by_rules(evidence: Evidence, constraints: list[Constraint]) -> Verdict:
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
    field = Field(
        evidence=evidence,
        metric=evidence.quality,
        known=known,
        unvalued=[t.name for t in candidates if t not in known],
        open_ones=open_ones,
        reasons=reasons,
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
        (t for t in candidates if value_of(t, metric) is not None),
        key=lambda t: value_of(t, metric) or 0.0,
        reverse=True,
    )
    said = [
        f"{t.name}: it has no value for {metric} and was not compared" for t in candidates if t not in known
    ]
    said += [f"{t.name}: none of its answers could be graded" for t in known if ungraded(t, metric)]
    said += [
        f"{t.name}: {1 - share_graded(t, metric):.0%} of its answers could not be graded and count as wrong"
        + (f" ({share_cut(t, metric):.0%} hit the token limit)" if share_cut(t, metric) else "")
        for t in known
        if not ungraded(t, metric) and share_graded(t, metric) < _ENOUGH_GRADED
    ]
    return known, reasons + said


def _refusal(field: Field) -> str:
    """Return why quality cannot choose at all; empty where it may."""
    if not field.known:
        return f"No verdict: no target has a value for {field.metric}."
    if any(t.metrics[field.metric].unit != "share" for t in field.known):
        return f"No verdict: {field.metric} is no share of right answers, so it cannot rank the targets."
    if all(ungraded(t, field.metric) for t in field.known):
        return f"No verdict: no answer could be graded, so {field.metric} says nothing."
    incumbent = field.evidence.rule.incumbent
    if any(t.name == incumbent and ungraded(t, field.metric) for t in field.known):
        return f"No verdict: no answer of {incumbent}, which runs now, could be graded."
    return ""


def _by_quality(field: Field) -> Verdict:
    top = field.unbeaten(field.known)
    if not top:
        sentence = f"No clear winner: the comparisons on {field.metric} contradict each other."
        return Verdict(
            state="inconclusive", choice=None, tied=field.names, sentence=sentence, reasons=field.reasons
        )
    best = top[0]
    others = [name for name in field.names if name != best.name]
    rows = [row for name in others if (row := field.row(best.name, name)) is not None]
    tied = [name for name in others if not field.beats(best.name, name)]
    saving = cheapest(field, best.name, _certain(field, others))
    if saving is not None:
        return _cheaper(field, best.name, saving, tied)
    if tied:
        return _no_winner(field, best.name, tied, [row for row in rows if row.b in tied])
    if not others and field.unvalued:
        whom = listed(field.unvalued)
        sentence = f"No verdict: there is no {field.metric} of {whom} to compare {best.name} with."
        return Verdict(state="inconclusive", choice=None, tied=[], sentence=sentence, reasons=field.reasons)
    if not others:
        value = share_text(best.metrics[field.metric])
        sentence = f"Run {best.name}: the only target that can be chosen, with {field.metric} {value}."
        reasons = [f"{best.name} was compared with no other target"]
        return _chosen(field, best.name, sentence, reasons)
    rows.sort(key=lambda row: abs(row.difference or 0.0))
    sentence = f"Run {best.name}: better than {listed(others)} on {field.metric}{gap_text(rows)}."
    return _chosen(field, best.name, sentence, [])


def _no_winner(field: Field, best: str, tied: list[str], rows: list[Comparison]) -> Verdict:
    who = f"{best} cannot be told apart from" if len(tied) > 1 else f"{best} and"
    whom = listed(tied) if len(tied) > 1 else f"{tied[0]} cannot be told apart"
    return Verdict(
        state="inconclusive",
        choice=None,
        tied=[best, *tied],
        sentence=f"No clear winner: {who} {whom} on {field.metric}{gap_text(rows)}.",
        reasons=field.reasons + _outdone(field, best, tied),
        surer=surer(field, rows),
    )


def _certain(field: Field, names: Sequence[str]) -> list[str]:
    """Return the names whose rules are all met for certain."""
    return [name for name in names if name not in field.open_ones]


def _cheaper(field: Field, reference: str, saving: Cheaper, tied: Sequence[str]) -> Verdict:
    """Choose a target for its cost that loses no more than is accepted."""
    margin = field.evidence.rule.quality.margin
    start = f"Switch from {reference} to" if reference == field.evidence.rule.incumbent else "Run"
    sentence = (
        f"{start} {saving.name}: it costs less ({saving.text}) and is not worse than {reference} on "
        f"{field.metric} by more than {margin:.1%} (lower bound {saving.bound:+.1%})."
    )
    others = [name for name in (reference, *tied) if name != saving.name]
    shown = [name for name in others if not field.beats(name, saving.name)]
    chosen = _chosen(field, saving.name, sentence, [], tied=shown)
    return msgspec.structs.replace(chosen, changes=[price_limit(saving)])


def _outdone(field: Field, best: str, tied: Sequence[str]) -> list[str]:
    """Say of each target that is neither `best` nor tied with it by how much it was shown to be worse."""
    names = [name for name in field.names if name != best and name not in tied]
    return [
        f"{name} is ruled out: worse than {best} on {field.metric}{gap_text([field.row(best, name)])}"
        for name in names
    ]


def _against_incumbent(field: Field, incumbent: str) -> Verdict:
    """Switch only to a challenger shown to be better; otherwise keep what runs."""
    challengers = [t for t in field.known if t.name != incumbent]
    better = [t for t in challengers if field.beats(t.name, incumbent)]
    if better:
        best = (field.unbeaten(better) or better)[0].name
        row = field.row(best, incumbent)
        tied = [t.name for t in challengers if t.name != best and not field.beats(best, t.name)]
        sentence = f"Switch from {incumbent} to {best}: better on {field.metric}{gap_text([row])}"
        sentence += f"; not shown to be better than {listed(tied)}." if tied else "."
        return _chosen(field, best, sentence, _outdone(field, best, [*tied, incumbent]), tied=tied)
    rows = [row for t in challengers if (row := field.row(t.name, incumbent)) is not None]
    rows.sort(key=lambda row: -2.0 if row.difference is None else row.difference, reverse=True)
    saving = cheapest(field, incumbent, _certain(field, [t.name for t in challengers]))
    if saving is not None:
        return _cheaper(field, incumbent, saving, [])
    if challengers:
        gap = gap_text(rows)
        sentence = f"Keep {incumbent}: no challenger was shown to be better on {field.metric}{gap}."
    else:
        sentence = f"Keep {incumbent}: there is no challenger that can be chosen."
    margin = field.evidence.rule.quality.margin
    tied = [t.name for t in challengers if not field.beats(incumbent, t.name)]
    reasons = [_noninferior(row, margin, len(rows)) for row in rows if margin]
    reasons += _outdone(field, incumbent, tied)
    kept = _chosen(field, incumbent, sentence, reasons, tied=tied)
    return msgspec.structs.replace(kept, surer=surer(field, [row for row in rows if row.a in tied]))


def _noninferior(row: Comparison, margin: float, tests: int) -> str:
    low = lowest(row, tests)
    if low is None:
        return f"{row.a}: not known whether it is worse than {row.b} by more than {margin:.1%}"
    verdict = "is not worse" if low > -margin else "may be worse"
    return f"{row.a} {verdict} than {row.b} by more than {margin:.1%} (lower bound {low:+.1%})"


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
        who = names[0] if len(names) == 1 else f"all of {listed(names)}"
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
        sentence=f"No verdict on quality: nothing was graded. Not ruled out: {listed(names)}.",
        reasons=reasons,
    )


def _chosen(
    field: Field, choice: str, sentence: str, reasons: list[str], *, tied: Sequence[str] = ()
) -> Verdict:
    """Name a choice, but not as certain while one of its rules is open, and never without its flaws."""
    failing = [name for name in field.names if name in field.evidence.partial]
    if failing:
        sentence = (
            f"{sentence.removesuffix('.')}; more samples of {listed(failing)} failed than is tolerated."
        )
    state = "pass"
    if choice in field.open_ones:
        sentence = f"{sentence.removesuffix('.')}; whether it meets every rule is not certain yet."
        state = "inconclusive"
    unknown = _mostly_unknown(field, choice)
    if unknown:
        sentence = f"{sentence.removesuffix('.')}; {unknown}."
        state = "inconclusive"
    return Verdict(
        state=state,
        choice=choice,
        tied=[choice, *tied] if tied else [],
        sentence=sentence,
        reasons=field.reasons + reasons,
    )


def _mostly_unknown(field: Field, choice: str) -> str:
    """Say whose answers are mostly not known, so that they cannot carry a verdict; empty where all are.

    Failures speak against a target that is not chosen. A token limit of ours speaks against none.
    """
    cut = [t.name for t in field.known if share_cut(t, field.metric) > _MOST]
    if cut:
        return f"most answers of {listed(cut)} hit the token limit"
    lost = [t for t in field.known if t.name == choice and share_graded(t, field.metric) < 1 - _MOST]
    return f"most answers of {choice} could not be graded" if lost else ""


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
