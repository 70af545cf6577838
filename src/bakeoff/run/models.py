"""From the spec's models to targets: choose deployers, fetch weights, and fill in what is known of each."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec

from bakeoff import clock, plugins
from bakeoff.decide.cost.pricing import price_of
from bakeoff.deployers import weights_cache
from bakeoff.extend import Deployer
from bakeoff.prompts import merged
from bakeoff.records import BenchmarkSpec, Choice, ModelSpec, Spec, Target, Weights
from bakeoff.spec import at_base

Form = Literal["chat", "completion"]

_PROVIDERS: dict[Form, str] = {"chat": "openai_chat", "completion": "openai_completions"}


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A model of the spec with its deployer, its weights and the target it becomes."""

    model: ModelSpec
    deployer: Deployer
    weights: Weights
    target: Target


async def prepare(spec: Spec, base: Path, tell: Callable[[str], None]) -> list[Candidate]:
    """Fetch and check what every model needs; nothing is started.

    Args:
        spec: names the models.
        base: where relative paths of weights start.
        tell: called with a line before each model.
    """
    found: list[Candidate] = []
    for model in spec.models:
        choice = model.deploy or Choice(type="none" if model.endpoint else "local")
        deployer: Deployer = plugins.create("deployers", choice.type, choice.options)
        tell(f"preparing {model.name}")
        placed = at_base(model, base)
        weights = await asyncio.to_thread(deployer.prepare, placed, weights_cache())
        found.append(
            Candidate(
                model=placed, deployer=deployer, weights=weights, target=target_of(model, weights, spec)
            )
        )
    return found


def target_of(model: ModelSpec, weights: Weights, spec: Spec) -> Target:
    """Return the target that a model becomes with its weights."""
    provider = model.provider.type if model.provider else _PROVIDERS["chat"]
    return Target(
        name=model.name,
        provider=provider,
        model=weights.model,
        endpoint=model.endpoint,
        source=None if model.endpoint else model.source,
        engine=model.engine or weights.engine,
        precision=model.precision or weights.precision,
        chat_template=weights.chat_template,
        sampling=merged(spec.sampling, model.params),
        stream=model.stream,
        price=price_of(model, weights.model, spec.prices, clock.wall_iso()[:10]).price,
        notes=weights.notes,
    )


def common_form(benchmark: BenchmarkSpec, candidates: list[Candidate]) -> Form:
    """Return the one form in which a benchmark asks all targets, so that the comparison is fair.

    `auto` is chat unless some target has no chat template or speaks the completion protocol only: a base
    model asked through a made-up template would be judged by the template.
    """
    if benchmark.prompt.form != "auto":
        return benchmark.prompt.form
    for candidate in candidates:
        if candidate.target.chat_template is False or candidate.target.provider == _PROVIDERS["completion"]:
            return "completion"
    return "chat"


def provider_choice(candidate: Candidate, form: Form) -> Choice:
    """Return the provider of a target for a form: the spec's own where it speaks that form."""
    own = candidate.model.provider
    if own is not None and plugins.create("providers", own.type, own.options).form == form:
        return own
    return Choice(type=_PROVIDERS[form])
