"""The contracts of the families: one Protocol each.

An implementation is a frozen struct whose fields are its options, named by an entry point
`bakeoff.<family>`. Options arrive validated; an implementation never sees the spec file.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Protocol, runtime_checkable

from bakeoff.records import (
    Call,
    Case,
    Deployment,
    Estimate,
    Event,
    Exchange,
    Grade,
    ModelSpec,
    Request,
    Response,
    Sample,
    Schedule,
    Score,
    Target,
    Weights,
)
from bakeoff.records.imported import Imported, StoredRun
from bakeoff.records.outside import OutsideLoad, Taken
from bakeoff.records.steps import Step, StepResult
from bakeoff.records.view import RunView


class Provider(Protocol):
    """A wire protocol: how a request becomes an HTTP call and an exchange an answer."""

    @property
    def form(self) -> str:
        """Return "chat" or "completion": which of `messages` and `prompt` it sends."""
        ...

    def encode(self, request: Request, target: Target) -> Call:
        """Return the HTTP call; every parameter is sent or refused, never dropped."""
        ...

    def decode(self, exchange: Exchange) -> Response:
        """Return the answer of a 200 exchange; what cannot be decoded becomes `Response.error`."""
        ...


Ask = Callable[[Call], Awaitable[Exchange]]
"""Sends a call and returns its exchange, whole and of status 200; everything else ends the try."""


class LikelihoodProvider(Protocol):
    """A way to learn how likely texts are after their contexts."""

    @property
    def form(self) -> str:
        """Return "likelihood": it sends the `continuations` of a request."""
        ...

    async def likelihood(self, request: Request, target: Target, ask: Ask) -> Response:
        """Return a likelihood for each continuation, asking as often as it needs; else `Response.error`."""
        ...


class Deployer(Protocol):
    """Start and stop servers for models."""

    def prepare(self, model: ModelSpec, cache: Path) -> Weights:
        """Fetch and check what the model needs, before anything starts. Blocking; runs in a thread."""
        ...

    async def start(self, model: ModelSpec, weights: Weights) -> Deployment:
        """Start the server and return when a real one-token completion was answered."""
        ...

    async def stop(self, deployment: Deployment) -> None:
        """Stop the server: ask, wait, then kill. Never raises for one that is gone already."""
        ...


class Dataset(Protocol):
    """A source of cases."""

    @property
    def endless(self) -> bool:
        """Tell whether there is always one more case, so that the benchmark must say how many."""
        ...

    def cases(self, base: Path, rng: Random) -> Iterator[Case]:
        """Yield cases in order, each with its `fields` and `line`; relative paths start at `base`."""
        ...


class Load(Protocol):
    """An arrival pattern."""

    def schedule(self, count: int, rng: Random) -> Schedule:
        """Return when `count` requests go out."""
        ...

    def length(self) -> int | None:
        """Return how many requests the pattern has of its own, as a trace does; None for any number."""
        ...


@runtime_checkable
class Ladder(Protocol):
    """A load in steps, each chosen by what the ones before measured."""

    def next_step(self, done: Sequence[StepResult]) -> Step | None:
        """Return the next step, or None at the end; depends on nothing but `done`."""
        ...


class Scorer(Protocol):
    """Grade one answer.

    In a spec every type may also be asked for as `not-TYPE`, and takes three keys more: `transform`, which
    is done to the answer first, such as `output.trim()`; `allow_code`, without which it runs none; and
    `weight`, for scorers that feed one metric together.

    A scorer that may give the same answer another grade, because it draws lots or looks at a clock, has an
    attribute `deterministic` that is False: a property or a class variable, for a field would be an option.
    `bakeoff verify` then leaves its grades out, and says so. A scorer without the attribute is deterministic:
    its grades are computed again, and one that comes out differently is told as wrong.
    """

    @property
    def metric(self) -> str:
        """Return the name of the metric that its values feed."""
        ...

    def grade(self, answer: str, case: Case, sample: Sample) -> Grade:
        """Return the grade of `answer`, the sample's text without reasoning."""
        ...


class SlowScorer(Protocol):
    """Grade one answer by waiting: for a process, or for a model's opinion.

    Told from a `Scorer` by its `grade`, which is a coroutine function.
    """

    @property
    def metric(self) -> str:
        """Return the name of the metric that its values feed."""
        ...

    async def grade(self, answer: str, case: Case, sample: Sample) -> Grade:
        """Return the grade of `answer`, the sample's text without reasoning."""
        ...


def deterministic(scorer: object) -> bool:
    """Tell whether a scorer gives the same answer the same grade each time; it does if it says nothing."""
    return bool(getattr(scorer, "deterministic", True))


class SampleMetric(Protocol):
    """A value of a single sample; estimates over samples come from these."""

    @property
    def name(self) -> str:
        """Return the metric's name."""
        ...

    @property
    def unit(self) -> str:
        """Return the unit: s, tokens, USD, share, tokens/s, requests, requests/s."""
        ...

    def measure(self, sample: Sample, target: Target) -> float | None:
        """Return the value, or None where the sample has none."""
        ...


class StageMetric(Protocol):
    """A value over all samples of a target in one benchmark."""

    @property
    def name(self) -> str:
        """Return the metric's name."""
        ...

    @property
    def unit(self) -> str:
        """Return the unit."""
        ...

    def reduce(self, samples: Iterator[Sample]) -> Estimate:
        """Return the estimate over one pass of the samples."""
        ...


class Store(Protocol):
    """Where a run's records are kept: append-only, each line on disk when `add` returns or at `flush`."""

    @property
    def grouped(self) -> bool:
        """Tell whether records are written in groups, so that a measured load is not held up."""
        ...

    @grouped.setter
    def grouped(self, on: bool) -> None: ...

    def add(self, record: Sample | Score | Event) -> None:
        """Append one record.

        Raises:
            StoreError: it cannot be written, for example on a full disk.
        """
        ...

    def flush(self) -> None:
        """Write what is grouped."""
        ...

    def sync(self) -> None:
        """Wait until the disk has what was written; called from another thread."""
        ...


class Report(Protocol):
    """A file that tells a run's outcome."""

    def write(self, view: RunView, folder: Path) -> Path:
        """Write the report into an existing folder and return the path of its main file."""
        ...


class Importer(Protocol):
    """The result files of another tool."""

    def detect(self, path: Path) -> bool:
        """Tell by its beginning whether a file is one of the tool's; never raises for one that is not."""
        ...

    def read(self, path: Path) -> Imported:
        """Return what the file holds, and the files beside it that belong to it; what is not there is None.

        Raises:
            DataError: the file is cut off, or not as the tool writes it.
        """
        ...


class Exporter(Protocol):
    """Files in another tool's format."""

    def write(self, run: StoredRun, folder: Path) -> list[Path]:
        """Write the run into an existing folder and return the paths; what the run does not know is empty.

        Raises:
            UsageError: the run holds nothing that the format could say.
        """
        ...


class Executor(Protocol):
    """A load tool of someone else that sends the requests in place of our own engine.

    The importer of the same name reads what it leaves.
    """

    def check(self, asked: OutsideLoad) -> None:
        """Refuse what the tool cannot do; sends nothing.

        Raises:
            UsageError: something asked has no counterpart in the tool.
            PluginError: the tool is not installed.
        """
        ...

    def measure(self, asked: OutsideLoad, folder: Path) -> Taken:
        """Run the tool to its end, with its files in an existing folder, and return its result. Blocking.

        Raises:
            BakeoffError: it failed, with its own last words.
        """
        ...
