"""The ways to ask multiple choice, best first, and which of them a benchmark can be asked in. It asks nothing."""

from collections.abc import Mapping

import msgspec

from bakeoff.records import BenchmarkSpec, Choice, Spec

MODES = ("prompt_logprobs", "grammar", "first_token", "letter")
LIKELIHOOD = frozenset({"prompt_logprobs", "grammar"})
"""Modes that compare the likelihoods of whole choices; the others ask for a letter, which is another question."""

_NEEDS = {"acc": LIKELIHOOD | {"first_token"}, "acc_norm": LIKELIHOOD}
_TEXT = frozenset({"letter"})


def allowed_modes(benchmark: BenchmarkSpec) -> tuple[str, ...]:
    """Return the modes in which a multiple choice benchmark can be asked, best first.

    Scorers of its own, the chat form and a load under measurement leave out those that do not fit.
    """
    asked = benchmark.multiple_choice
    return tuple(mode for mode in (MODES if asked == "auto" else (str(asked),)) if not obstacle(benchmark, mode))


def obstacle(benchmark: BenchmarkSpec, mode: str) -> str:
    """Say what in a benchmark rules a mode out; empty where nothing does."""
    if mode in LIKELIHOOD and benchmark.prompt.form == "chat":
        return "`prompt.form: chat` has no place for a choice after the prompt"
    if mode in LIKELIHOOD and benchmark.measured:
        return "a load test measures answers, and likelihoods are none"
    for scorer in benchmark.scorers:
        if mode not in _NEEDS.get(scorer.type, _TEXT):
            what = "needs likelihoods" if scorer.type in _NEEDS else "needs the text of an answer"
            return f"the scorer `{scorer.type}` {what}"
    return ""


def default_scorers(mode: str) -> list[Choice]:
    """Return the scorers of a multiple choice benchmark that names none."""
    if mode == "letter":
        return [Choice(type="choice", options={"metric": "acc"})]
    if mode == "first_token":
        return [Choice(type="acc")]
    return [Choice(type="acc"), Choice(type="acc_norm")]


def settled(spec: Spec, modes: Mapping[str, str]) -> Spec:
    """Return the spec with each multiple choice benchmark's mode and scorers filled in.

    Args:
        spec: as read.
        modes: of benchmarks whose mode was chosen by what the endpoints can do; one that is not there stays
            `auto`, with the scorers that the best mode would have.
    """
    return msgspec.structs.replace(spec, benchmarks=[_settled(b, modes.get(b.name)) for b in spec.benchmarks])


def _settled(benchmark: BenchmarkSpec, chosen: str | None) -> BenchmarkSpec:
    if benchmark.multiple_choice is None:
        return benchmark
    mode = chosen or benchmark.multiple_choice
    if mode == "auto" and len(allowed_modes(benchmark)) == 1:
        (mode,) = allowed_modes(benchmark)
    scorers = benchmark.scorers or default_scorers(mode)
    return msgspec.structs.replace(benchmark, multiple_choice=mode, scorers=scorers)
