"""Multiple choice in the results: the mode, and whether answers pile on one letter whatever the question."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from bakeoff.decide.gather.collect import Answers, Collected
from bakeoff.records import BenchmarkSpec, Case, Event
from bakeoff.stats.intervals import clopper_pearson

_LEVEL = 0.99
_LETTERED = frozenset({"first_token", "letter"})
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def choice_facts(
    benchmark: BenchmarkSpec, cases: Mapping[str, Case], collected: Collected, events: Sequence[Event]
) -> dict[str, Any]:
    """Return what a reader must know of a multiple choice benchmark; nothing for any other.

    Args:
        benchmark: with its mode.
        cases: as they were asked.
        collected: graded answers.
        events: of the run.
    """
    if benchmark.multiple_choice is None:
        return {}
    facts: dict[str, Any] = {
        "mode": benchmark.multiple_choice,
        "right answers": _sorted(Counter(str(case.reference) for case in cases.values())),
        "answers": {
            target: _sorted(_letters(answers))
            for (name, target), answers in collected.items()
            if name == benchmark.name
        },
    }
    nothing: dict[str, Any] = {}
    chosen = next((event.facts for event in reversed(events) if event.kind == "modes_chosen"), nothing)
    if benchmark.name in chosen.get("unasked", ()):
        facts["chosen by"] = "the form of the rows: a question, choices, an answer"
    ages = [
        event.facts["age_s"] for event in events if event.kind == "capabilities" and event.facts.get("age_s")
    ]
    if ages:
        facts["probed"] = (
            f"up to {max(ages) / 3600:.1f} h before the run; `bakeoff models probe --fresh` asks anew"
        )
    passed_over: Sequence[str] = chosen.get("passed_over", {}).get(benchmark.name, ())
    if passed_over:
        facts["passed over"] = passed_over
    return {"multiple choice": facts}


def choice_warnings(benchmark: BenchmarkSpec, cases: Mapping[str, Case], collected: Collected) -> list[str]:
    """Say of which targets the answers pile on one letter, more than chance makes of shuffled choices.

    Likelihoods know no letters: there is no place to prefer.
    """
    if benchmark.multiple_choice not in _LETTERED:
        return []
    expected = _expected(cases.values())
    found: list[str] = []
    for (name, target), answers in collected.items():
        letters = _letters(answers)
        if name != benchmark.name or not letters:
            continue
        letter, count = max(letters.items(), key=lambda each: each[1])
        n, share = letters.total(), expected.get(letter, 0.0)
        # The likeliest of several letters is looked at, so the level is shared by all.
        level = 1 - (1 - _LEVEL) / max(1, len(expected))
        if clopper_pearson(count, n, level=level).low > share:
            found.append(
                f"{name} on {target}: {count} of {n} answers are {letter}, where shuffled choices would give "
                f"about {share * n:.0f}: the model prefers it, so its accuracy says less of the questions"
            )
    return found


def _letters(answers: Answers) -> Counter[str]:
    """Count the letters that the first scorer read."""
    first = next(iter(answers.scores.values()), None)
    scores = first.values() if first else ()
    return Counter(score.parsed for score in scores if score.parsed is not None and score.parsed in _LETTERS)


def _expected(cases: Iterable[Case]) -> dict[str, float]:
    """Return the share of each letter where every choice of a row is equally likely."""
    sums: dict[str, float] = {}
    total = 0
    for case in cases:
        value: object = case.fields.get("choices")
        size = len(cast("list[object]", value)) if isinstance(value, list) else 0
        total += 1
        for letter in _LETTERS[:size]:
            sums[letter] = sums.get(letter, 0.0) + 1 / size
    return {letter: value / total for letter, value in sums.items()}


def _sorted(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items()))
