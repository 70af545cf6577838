"""The ways to ask multiple choice, best first, and which of them fit a benchmark. It asks nothing."""

from collections.abc import Mapping

import msgspec

from bakeoff import plugins
from bakeoff.errors import PluginError
from bakeoff.records import BenchmarkSpec, Choice, Spec

MODES = ("prompt_logprobs", "grammar", "first_token", "letter")
LIKELIHOOD = frozenset({"prompt_logprobs", "grammar"})
"""Modes that compare the likelihoods of whole choices; the others ask for a letter: another question."""

BY_LIKELIHOOD = "likelihood"
"""The asked mode that stands for the best of `LIKELIHOOD`, as `auto` does for the best of all."""

_TEXT = frozenset({"letter"})
_ASKED = {"auto": MODES, BY_LIKELIHOOD: tuple(mode for mode in MODES if mode in LIKELIHOOD)}


def allowed_modes(benchmark: BenchmarkSpec) -> tuple[str, ...]:
    """Return the modes in which a multiple choice benchmark can be asked, best first.

    Scorers of its own, the chat form and a load under measurement leave out those that do not fit.
    """
    return tuple(mode for mode in meant(benchmark) if not obstacle(benchmark, mode))


def meant(benchmark: BenchmarkSpec) -> tuple[str, ...]:
    """Return the modes that a benchmark's `multiple_choice` stands for, best first."""
    asked = str(benchmark.multiple_choice)
    return _ASKED.get(asked, (asked,))


def silent(benchmark: BenchmarkSpec) -> bool:
    """Tell whether a benchmark says nothing of how its rows are asked or judged, so that these may say it."""
    prompt = benchmark.prompt
    spoken = prompt.template or prompt.messages or prompt.form == "chat" or benchmark.scorers
    return benchmark.multiple_choice is None and not benchmark.measured and not spoken


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
            as it was asked for, with the scorers that the best mode would have.
    """
    return msgspec.structs.replace(
        spec, benchmarks=[with_mode(b, modes.get(b.name)) for b in spec.benchmarks]
    )


def with_mode(benchmark: BenchmarkSpec, chosen: str | None = None) -> BenchmarkSpec:
    """Return a benchmark with its mode, where that is settled or `chosen`, and its scorers filled in."""
    if benchmark.multiple_choice is None and chosen is None:
        return benchmark
    mode = chosen or str(benchmark.multiple_choice)
    if mode in _ASKED and len(allowed_modes(benchmark)) == 1:
        (mode,) = allowed_modes(benchmark)
    scorers = benchmark.scorers or default_scorers(mode)
    return msgspec.structs.replace(benchmark, multiple_choice=mode, scorers=scorers)
