"""Cards of the data of a spec, of a file, and of a finished run."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from bakeoff import plugins
from bakeoff.cards import lines, make_card
from bakeoff.errors import UsageError
from bakeoff.extend import Dataset
from bakeoff.plan import request_count
from bakeoff.prompts import load_cases
from bakeoff.records import BenchmarkSpec, Case, Choice, Spec
from bakeoff.records.card import DataCard
from bakeoff.spec.shape import SUFFIXES
from bakeoff.textfiles import suffixes


def cards_of_spec(spec: Spec, base: Path, only: str | None = None) -> list[DataCard]:
    """Return the card of each benchmark's cases.

    Args:
        spec: names the benchmarks.
        base: where its relative paths start.
        only: the benchmark to read; all of them by default.

    Raises:
        DataError: a data set cannot be read.
    """
    names = [benchmark.name for benchmark in spec.benchmarks]
    if only is not None and only not in names:
        raise UsageError(
            f"there is no benchmark `{only}`.{plugins.suggest(only, names)}",
            hint=f"known: {', '.join(names)}",
        )
    found: list[DataCard] = []
    for benchmark in spec.benchmarks:
        if only in {None, benchmark.name}:
            dataset: Dataset = plugins.create("datasets", benchmark.dataset.type, benchmark.dataset.options)
            cases = load_cases(benchmark, dataset, base, spec.seed, request_count(benchmark))
            found.append(_card(benchmark, cases))
    return found


def card_of_file(path: Path, kind: str | None = None) -> DataCard:
    """Return the card of a data file.

    Args:
        path: the file.
        kind: the dataset that reads it; found by the file's suffix by default.

    Raises:
        DataError: it cannot be read.
        UsageError: the suffix does not tell.
    """
    kind = kind or SUFFIXES.get(suffixes(path)[0])
    if kind is None:
        hint = f"`--type` names the dataset; known: {', '.join(plugins.names('datasets'))}"
        raise UsageError("the name does not tell what kind of data it holds", where=str(path), hint=hint)
    choice = Choice(type=kind, options={"path": path.name})
    benchmark = BenchmarkSpec(name=path.name, dataset=choice)
    dataset: Dataset = plugins.create("datasets", kind, choice.options)
    return _card(benchmark, load_cases(benchmark, dataset, path.absolute().parent, 0))


def write_cards(folder: Path, spec: Spec, cases: Mapping[str, Mapping[str, Case]]) -> list[DataCard]:
    """Write the cards of a run's stored cases as `data.json` and `data.md` into its report folder."""
    cards = [
        _card(benchmark, list(cases[benchmark.name].values()))
        for benchmark in spec.benchmarks
        if cases.get(benchmark.name)
    ]
    if cards:
        document = {"schema_version": 1, "data": cards}
        (folder / "data.json").write_bytes(msgspec.json.format(msgspec.json.encode(document), indent=1))
        (folder / "data.md").write_text(as_markdown(cards), encoding="utf-8")
    return cards


def as_markdown(cards: Sequence[DataCard]) -> str:
    """Return the cards as one page."""
    return "\n".join(["# Data", "", *(line for card in cards for line in (*lines(card), ""))])


def _card(benchmark: BenchmarkSpec, cases: Sequence[Case]) -> DataCard:
    options = benchmark.dataset.options
    source = str(options.get("path") or benchmark.dataset.type)
    return make_card(benchmark.name, cases, few_shot=benchmark.prompt.few_shot, source=source)
