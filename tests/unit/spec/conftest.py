"""A spec file in a temporary folder, and a catalog that needs no installed plugin."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bakeoff.datasets.csv import CsvFile
from bakeoff.datasets.jsonl import JsonLines
from bakeoff.datasets.lm_eval import LmEvalTask
from bakeoff.datasets.synthetic import Synthetic
from bakeoff.datasets.text import TextLines
from bakeoff.datasets.trace import Trace
from bakeoff.errors import PluginError, SpecErrorGroup
from bakeoff.loads.concurrent import Concurrent
from bakeoff.loads.poisson import Poisson
from bakeoff.scorers.lm_eval import LmEvalScorer
from bakeoff.spec import LoadedSpec, load_spec


class Nothing(msgspec.Struct, frozen=True, kw_only=True):
    """An implementation without options."""

    metric: str = "accuracy"


class Exact(msgspec.Struct, frozen=True, kw_only=True):
    """A scorer whose metric can be named."""

    metric: str = "exact"


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """A scorer with options of every kind, one of them checked by the scorer itself."""

    value: str | list[str] = "{{reference}}"
    at_least: int = 1
    fold: bool = True

    def __post_init__(self) -> None:
        if self.value == "":
            raise ValueError("`value` is empty")

    @property
    def metric(self) -> str:
        return "accuracy"


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """A deployer."""

    threads: int | None = None


FAMILIES: dict[str, dict[str, type[Any]]] = {
    "deployers": {"local": Server, "none": Nothing},
    "providers": {"openai_chat": Nothing},
    "datasets": {
        "csv": CsvFile,
        "jsonl": JsonLines,
        "lm_eval": LmEvalTask,
        "synthetic": Synthetic,
        "text": TextLines,
        "trace": Trace,
    },
    "loads": {"concurrent": Concurrent, "poisson": Poisson},
    "scorers": {"words": Words, "exact": Exact, "lm_eval": LmEvalScorer},
    "metrics": {"ttft": Nothing, "e2e": Nothing},
}


class SmallCatalog:
    """A few implementations by name; `broken` is a scorer whose package is missing."""

    def names(self, family: str) -> list[str]:
        return sorted([*FAMILIES[family], *(["broken"] if family == "scorers" else [])])

    def load(self, family: str, name: str) -> Any:
        if name == "broken":
            raise PluginError("`broken` of the scorers needs the package `x`", hint="pip install x")
        return FAMILIES[family][name]


@pytest.fixture(scope="session")
def catalog() -> SmallCatalog:
    """Return the small catalog."""
    return SmallCatalog()


Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes a spec beside a data file."""
    (tmp_path / "cases.jsonl").write_text('{"input": "a"}\n')
    (tmp_path / "model.gguf").write_bytes(b"GGUF")

    def to(text: str, name: str = "bakeoff.yaml") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return to


@pytest.fixture
def load(write: Write, catalog: SmallCatalog) -> Callable[..., LoadedSpec]:
    """Return a function that loads a spec text."""

    def run(text: str, env: Mapping[str, str] | None = None, **options: Any) -> LoadedSpec:
        return load_spec(write(text), env or {}, catalog=catalog, **options)

    return run


@pytest.fixture
def mistakes(load: Callable[..., LoadedSpec]) -> Callable[..., list[str]]:
    """Return a function that gives the mistakes of a spec text, each as `LINE message` and its hint."""

    def run(text: str, env: Mapping[str, str] | None = None, **options: Any) -> list[str]:
        with pytest.raises(SpecErrorGroup) as caught:
            load(text, env, **options)
        return [f"{error.where} {error.message} | {error.hint}" for error in caught.value.errors]

    return run
