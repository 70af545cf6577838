"""From a run directory to results and reports; no request, no model.

What computes and draws is imported when a run has ended: no first request waits for it.
"""

import contextlib
import gc
from collections.abc import Generator, Sequence
from pathlib import Path

import msgspec

from bakeoff import plugins
from bakeoff.decide.verdict.rule_hash import rule_hash
from bakeoff.extend import Report
from bakeoff.prompts.modes import with_modes
from bakeoff.records import Case, Event, Plan, Results, Sample, Score, Spec
from bakeoff.records.view import CaseText
from bakeoff.run.folder import RunFacts, read_cases, read_events, read_facts, read_plan
from bakeoff.run.modes import modes_of
from bakeoff.stores.jsonl import read_records

Cases = dict[str, dict[str, Case]]
"""By benchmark and id."""

REPORTS = ("json", "csv", "md", "html")

_DIGITS = 12

_EXITS = {"fail": 3, "inconclusive": 6, "invalid": 7}


class Finished(msgspec.Struct, frozen=True, kw_only=True):
    """A run with its results and the files that tell them."""

    folder: Path
    results: Results
    samples: int
    files: dict[str, Path]

    def exit_code(self, *, tolerance: float, gate: bool, allow_invalid: bool = False) -> int:
        """Return the exit code: invalid, then too many errors, then with `gate` the verdict's own."""
        from bakeoff.decide.results import error_share  # noqa: PLC0415  not before the first request

        state = self.results.verdict.state
        if state == "invalid" and not allow_invalid:
            return _EXITS["invalid"]
        if error_share(self.results) > tolerance:
            return 5
        if state == "invalid":
            # An invalid load gives no verdict, so no gate is passed by it.
            state = "inconclusive"
        return _EXITS.get(state, 0) if gate else 0


@contextlib.contextmanager
def _uncollected() -> Generator[None]:
    """Keep the cyclic collector away: it walks over all records again and again, which make no cycles."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def make_results(folder: Path, spec: Spec) -> Results:
    """Compute a run's results from what is stored."""
    with _uncollected():
        return _results(folder, spec, list(read_events(folder)), read_plan(folder), read_cases(folder))


def _results(folder: Path, spec: Spec, events: Sequence[Event], plan: Plan, cases: Cases) -> Results:
    from bakeoff.decide.results import RunData, build_results  # noqa: PLC0415  not before the first request

    spec = with_modes(spec, modes_of(events))
    facts: RunFacts = read_facts(events, folder)
    results = build_results(
        RunData(
            run=folder.name,
            spec=spec,
            plan=plan,
            targets=plan.targets,
            cases=cases,
            samples=read_records(folder, Sample),
            scores=read_records(folder, Score),
            events=events,
            environment=facts.environment,
        )
    )
    return _with_rule(results, rule_hash(spec.decide), facts.rule_hash)


def _with_rule(results: Results, rule: str, planned: str) -> Results:
    """Return the results with the name of their rule, and a warning where it is not the planned one."""
    warnings = [other_rule(rule, planned)] if planned and planned != rule else []
    return msgspec.structs.replace(
        results, rule_hash=rule, planned_rule_hash=planned, warnings=warnings + results.warnings
    )


def other_rule(rule: str, planned: str) -> str:
    """Return the warning that a verdict does not stand on the rule of the plan."""
    return (
        f"decided by another rule ({rule[:_DIGITS]}) than the one that the run was started with "
        f"({planned[:_DIGITS]})"
    )


def finish(folder: Path, spec: Spec, formats: tuple[str, ...] = REPORTS) -> Finished:
    """Compute the results and write the reports."""
    with _uncollected():
        return _finished(folder, spec, formats)


def _finished(folder: Path, spec: Spec, formats: tuple[str, ...]) -> Finished:
    from bakeoff.reports import build_view  # noqa: PLC0415  not before the first request
    from bakeoff.run.cards import write_cards  # noqa: PLC0415  not before the first request

    events = list(read_events(folder))
    spec = with_modes(spec, modes_of(events))
    plan, cases = read_plan(folder), read_cases(folder)
    results = _results(folder, spec, events, plan, cases)
    facts = read_facts(events, folder)

    def text(benchmark: str, case: str) -> CaseText:
        return _case_text(cases.get(benchmark, {}).get(case))

    view = build_view(
        results,
        spec,
        samples=read_records(folder, Sample),
        scores=read_records(folder, Score),
        cases=text,
        excluded=frozenset(stage.name for stage in plan.stages if stage.warmup),
    )
    report_folder = folder / "report"
    report_folder.mkdir(exist_ok=True)
    cards = write_cards(report_folder, spec, cases)
    view = msgspec.structs.replace(view, command=facts.command, data=cards)
    files: dict[str, Path] = {}
    for name in formats:
        report: Report = plugins.create("reports", name, {})
        files[name] = report.write(view, report_folder)
    samples = sum(sum(counts.values()) for t in results.targets for counts in t.outcomes.values())
    return Finished(folder=folder, results=results, samples=samples, files=files)


def _case_text(case: Case | None) -> CaseText:
    if case is None:
        return CaseText(question="(the case is not stored with the run)")
    for name in ("input", "prompt", "question"):
        if isinstance(asked := case.fields.get(name), str):
            break
    else:
        asked = (
            "\n".join(f"{m.role}: {m.content}" for m in case.messages)
            or msgspec.json.encode(case.fields).decode()
        )
    reference = None if case.reference is None else str(case.reference)
    return CaseText(question=asked, reference=reference, slices=case.slices)
