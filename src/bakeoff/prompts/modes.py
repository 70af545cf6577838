"""The ways to ask multiple choice, best first, and which of them fit a benchmark. It asks nothing."""

from collections.abc import Mapping

import msgspec

from bakeoff import plugins
from bakeoff.errors import PluginError
from bakeoff.records import BenchmarkSpec, Choice, Spec

MODES = ("prompt_logprobs", "grammar", "first_token", "letter")
LIKELIHOOD = frozenset({"prompt_logprobs", "grammar"})
"""Modes that compare the likelihoods of whole choices; the others ask for a letter: another question."""

_TEXT = frozenset({"letter"})


def allowed_modes(benchmark: BenchmarkSpec) -> tuple[str, ...]:
    """Return the modes in which a multiple choice benchmark can be asked, best first.

    Scorers of its own, the chat form and a load under measurement leave out those that do not fit.
    """
    asked = benchmark.multiple_choice
    modes = MODES if asked == "auto" else (str(asked),)
    return tuple(mode for mode in modes if not obstacle(benchmark, mode))


def obstacle(benchmark: BenchmarkSpec, mode: str) -> str:
    """Say what in a benchmark rules a mode out; empty where nothing does."""
    if mode in LIKELIHOOD and benchmark.prompt.form == "chat":
        return "`prompt.form: chat` has no place for a choice after the prompt"
    if mode in LIKELIHOOD and benchmark.measured:
        return "a load test measures answers, and likelihoods are none"
    for scorer in benchmark.scorers:
        judged = _judged(scorer.type)
        if mode not in judged:
            what = "needs the text of an answer" if judged == _TEXT else "needs likelihoods"
            return f"the scorer `{scorer.type}` {what}"
    return ""


def _judged(scorer: str) -> frozenset[str]:
    """Return the modes whose samples a scorer can judge: by its answer's text unless its class says more."""
    try:
        found: frozenset[str] = getattr(plugins.load("scorers", scorer.removeprefix("not-")), "modes", _TEXT)
    except PluginError:
        return _TEXT
    return found


def default_scorers(mode: str) -> list[Choice]:
    """Return the scorers of a multiple choice benchmark that names none."""
    if mode == "letter":
        return [Choice(type="choice", options={"metric": "acc"})]
    if mode == "first_token":
        return [Choice(type="acc")]
    return [Choice(type="acc"), Choice(type="acc_norm")]


def with_modes(spec: Spec, modes: Mapping[str, str]) -> Spec:
    """Return the spec with each multiple choice benchmark's mode and scorers filled in.

    Args:
        spec: as read.
        modes: of benchmarks whose mode was chosen by what the endpoints can do; one that is not there stays
            `auto`, with the scorers that the best mode would have.
    """
    return msgspec.structs.replace(
        spec, benchmarks=[_with_mode(b, modes.get(b.name)) for b in spec.benchmarks]
    )


def _with_mode(benchmark: BenchmarkSpec, chosen: str | None) -> BenchmarkSpec:
    if benchmark.multiple_choice is None:
        return benchmark
    mode = chosen or benchmark.multiple_choice
    if mode == "auto" and len(allowed_modes(benchmark)) == 1:
        (mode,) = allowed_modes(benchmark)
    scorers = benchmark.scorers or default_scorers(mode)
    return msgspec.structs.replace(benchmark, multiple_choice=mode, scorers=scorers)
