"""Choose how each multiple choice benchmark is asked: the best way that all its targets were seen to have."""

from collections.abc import Collection, Iterable, Mapping

import msgspec

from bakeoff.errors import EndpointError
from bakeoff.plan import asked_names
from bakeoff.prompts.modes import allowed_modes
from bakeoff.records import BenchmarkSpec, Event, Spec, Target
from bakeoff.records.capabilities import Capabilities
from bakeoff.run.models import Form
from bakeoff.run.remembering import Notebook, notebook, remembered_probe
from bakeoff.wire import Client, Route

CHOSEN = "modes_chosen"
PROBED = "capabilities"


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """How benchmarks are asked.

    Attributes:
        modes: by benchmark.
        passed_over: by benchmark, why no better mode was taken.
        unasked: benchmarks that are multiple choice by the form of their rows alone.
    """

    modes: dict[str, str] = {}
    passed_over: dict[str, list[str]] = {}
    unasked: list[str] = []


class Openings(msgspec.Struct, frozen=True, kw_only=True):
    """The targets of a run, ready to be asked.

    Attributes:
        routes: by target.
        forms: of the lettered questions, by benchmark.
        book: where earlier probes are; that of the user by default.
    """

    targets: list[Target]
    routes: dict[str, Route]
    forms: Mapping[str, Form]
    client: Client
    book: Notebook | None = None


def modes_of(events: Iterable[Event]) -> dict[str, str]:
    """Return how a stored run's benchmarks were asked, as far as that was chosen."""
    return chosen_of(events).modes


def chosen_of(events: Iterable[Event]) -> Chosen:
    """Return what a stored run says of its modes."""
    found = Chosen()
    for event in events:
        if event.kind == CHOSEN:
            found = msgspec.convert(event.facts, Chosen)
    return found


def stored(chosen: Chosen, seen: Iterable[Capabilities], at: int) -> list[Event]:
    """Return the events that keep a choice and what it rests on; `at` is ns since the run's zero."""
    events = [Event(kind=PROBED, at=at, facts=msgspec.to_builtins(each)) for each in seen]
    return [*events, Event(kind=CHOSEN, at=at, facts=msgspec.to_builtins(chosen))]


async def choose_modes(
    spec: Spec, openings: Openings, before: Chosen, *, unasked: Collection[str] = ()
) -> tuple[Chosen, list[Capabilities]]:
    """Return how each multiple choice benchmark is asked, and what was seen of the targets for that.

    Args:
        spec: as read.
        openings: whom to ask.
        before: what was chosen when the run began; a resume may not mix modes.
        unasked: benchmarks that are multiple choice by the form of their rows alone.

    Raises:
        EndpointError: a target lacks what a benchmark needs.
    """
    wanted: dict[str, set[str]] = {}
    for benchmark in spec.benchmarks:
        for mode in _modes(benchmark, before):
            point = _point(mode, openings.forms[benchmark.name])
            for name in asked_names(benchmark, openings.targets) if point else ():
                wanted.setdefault(name, set()).add(point)
    seen = {
        target.name: await remembered_probe(
            openings.client,
            openings.routes[target.name],
            target,
            frozenset(wanted[target.name]),
            book=openings.book or notebook(),
        )
        for target in openings.targets
        if target.name in wanted
    }
    modes: dict[str, str] = {}
    passed_over: dict[str, list[str]] = {}
    for benchmark in spec.benchmarks:
        if benchmark.multiple_choice is None:
            continue
        names = asked_names(benchmark, openings.targets)
        lacking: list[str] = []
        for mode in _modes(benchmark, before):
            missing = _missing(mode, _point(mode, openings.forms[benchmark.name]), names, seen)
            if not missing:
                modes[benchmark.name] = mode
                break
            lacking += missing
        else:
            raise _refusal(benchmark.name, lacking, unasked=benchmark.name in unasked)
        if lacking or benchmark.name in before.passed_over:
            passed_over[benchmark.name] = before.passed_over.get(benchmark.name, lacking)
    chosen = Chosen(modes=modes, passed_over=passed_over, unasked=[b for b in modes if b in unasked])
    return chosen, list(seen.values())


def _refusal(benchmark: str, lacking: list[str], *, unasked: bool) -> EndpointError:
    what, hint = (
        "it cannot be asked as `multiple_choice` says",
        "`multiple_choice: auto` takes a way that all have; `bakeoff models probe` shows these",
    )
    if unasked:
        what = "its rows are multiple choice, and not all targets can tell how likely a choice is"
        hint = (
            "write `multiple_choice: auto` to let letters be asked for instead; to ask without choices, give "
            "the benchmark a `prompt` or `scorers`"
        )
    return EndpointError(f"{what}: {'; '.join(lacking)}", where=f"benchmark `{benchmark}`", hint=hint)


def _modes(benchmark: BenchmarkSpec, before: Chosen) -> tuple[str, ...]:
    if benchmark.multiple_choice is None:
        return ()
    known = before.modes.get(benchmark.name)
    return allowed_modes(benchmark) if known is None else (known,)


def _point(mode: str, form: Form) -> str:
    """Return what a mode needs an endpoint to do; nothing for one that everybody has."""
    if mode == "first_token":
        return f"{form}_top_logprobs"
    return {"prompt_logprobs": "prompt_logprobs", "grammar": "token_grammar"}.get(mode, "")


def _missing(mode: str, point: str, names: Iterable[str], seen: Mapping[str, Capabilities]) -> list[str]:
    """Say which targets lack a mode, and what was seen in its place."""
    return [
        f"`{name}` has no `{mode}` ({seen[name].notes.get(point, 'not seen')})"
        for name in (names if point else ())
        if getattr(seen[name], point) is not True
    ]
