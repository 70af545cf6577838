"""A load test whose requests another tool sends: ask it, import its report, compute our own figures."""

import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from bakeoff import plugins
from bakeoff.errors import BakeoffError, UsageError
from bakeoff.extend import Executor
from bakeoff.records import TargetResult
from bakeoff.records.outside import OutsideLoad, TokenLength
from bakeoff.run.finish import Finished, finish
from bakeoff.run.importing import Beside, import_files
from bakeoff.run.perf import PerfAsked, load_perf_spec
from bakeoff.run.stored import load_stored
from bakeoff.spec import LoadedSpec
from bakeoff.stores.redact import Redactor

_OWN = ("matrix", "dataset", "warmup", "warmup_requests", "batch", "total_timeout")
"""Of what can be asked, all that only our own engine does."""

_FLAGS = {"total_timeout": "--timeout"}


class Outside(msgspec.Struct, frozen=True, kw_only=True):
    """Which tool sends the requests, and what it is given beside the load.

    Attributes:
        command: repeats the measurement.
    """

    engine: str
    options: dict[str, Any] = {}
    processes: int = 1
    command: str = ""


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """A run that another tool took, and the share of failed requests that is tolerated."""

    finished: Finished
    tolerance: float

    def exit_code(self, *, gate: bool, allow_invalid: bool = False) -> int:
        """Return the exit code of the run.

        What the tool itself broke off when the time was up is no failure of the server.
        """
        shares = [_failed(target) for target in self.finished.results.targets]
        over = max(shares, default=0.0) > self.tolerance
        return self.finished.exit_code(
            tolerance=-1.0 if over else 1.0, gate=gate, allow_invalid=allow_invalid
        )


def _failed(target: TargetResult) -> float:
    """Return the share of requests that failed, of those that came to an end."""
    counts: Counter[str] = Counter()
    for outcomes in target.outcomes.values():
        counts.update(outcomes)
    ended = counts.total() - counts["cancelled"]
    # Where none came to an end, all of them failed.
    return (counts["error"] + counts["timeout"]) / ended if ended else 1.0


def measure_outside(
    asked: PerfAsked, outside: Outside, root: Path, env: Mapping[str, str], note: Callable[[str], None]
) -> Measured:
    """Let another tool measure, and return its numbers as a run under `root`.

    Args:
        asked: the load test as typed.
        outside: the tool.
        root: the folder of all runs.
        env: fills `${VAR}`.
        note: tells the user what goes on.

    Raises:
        UsageError: something was asked that the tool cannot do, or it is not installed.
        BakeoffError: the tool failed.
    """
    _refuse(asked, outside)
    loaded = load_perf_spec(asked, env, Path.cwd())
    executor: Executor = plugins.create("executors", outside.engine, outside.options)
    load = _load(loaded)
    executor.check(load)
    note(f"{outside.engine} sends the requests; it shows nothing until it ends")
    with tempfile.TemporaryDirectory(prefix="bakeoff-") as folder:
        try:
            taken = executor.measure(load, Path(folder))
        except BakeoffError as error:
            redact = Redactor(loaded.secrets)
            error.message, error.hint = (
                redact(text.encode()).decode() for text in (error.message, error.hint)
            )
            raise
        run = import_files(
            [Path(taken.path)],
            root,
            "perf",
            tool=outside.engine,
            command=outside.command,
            beside=Beside(
                decide=loaded.document["decide"],
                environment={"load engine": f"{outside.engine} {taken.version} ({taken.program})"},
            ),
        )
    stored = load_stored(run, env, secrets_needed=False)
    return Measured(finished=finish(run, stored.spec), tolerance=stored.spec.error_tolerance)


def _refuse(asked: PerfAsked, outside: Outside) -> None:
    given = [name for name in _OWN if getattr(asked, name)]
    flags = [_FLAGS.get(name, f"--{name.replace('_', '-')}") for name in given]
    if outside.processes > 1:
        flags.append("--processes")
    if flags:
        raise UsageError(
            f"{flags[0]} does not go with --engine {outside.engine}",
            hint=f"leave out {', '.join(flags)}, or --engine",
        )


def _load(loaded: LoadedSpec) -> OutsideLoad:
    model, benchmark = loaded.spec.models[0], loaded.spec.benchmarks[0]
    assert model.endpoint is not None
    assert model.model is not None
    lengths = benchmark.dataset.options
    kind, options = benchmark.load.kind, benchmark.load.options
    if benchmark.load.errors is not None:
        raise UsageError("the option `errors` does not go with --engine", where="-o errors")
    # Every option of the load, with our defaults.
    every = msgspec.to_builtins(plugins.create("loads", kind, options))
    requests = benchmark.load.requests or every.get("step_requests")
    return OutsideLoad(
        endpoint=model.endpoint,
        model=model.model,
        provider=model.provider.type if model.provider else "openai_chat",
        api_key=model.api_key,
        load=msgspec.structs.replace(benchmark.load, options=every, requests=requests),
        prompt=_length(lengths["prompt_tokens"]),
        output=_length(lengths["output_tokens"]),
        seed=loaded.spec.seed,
    )


def _length(given: Any) -> TokenLength:  # noqa: ANN401  a number, or the mapping of a distribution
    if isinstance(given, int | float):
        return TokenLength(mean=given)
    return msgspec.convert({name: given[name] for name in ("mean", "stddev")}, TokenLength)
