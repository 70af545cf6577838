"""What types cannot say: names, files, references between the parts of a spec."""

import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from bakeoff import plugins
from bakeoff.assertions import counted_together, dressed, metrics
from bakeoff.errors import DataError, PluginError, SpecError, TemplateError
from bakeoff.extend import Load
from bakeoff.plugins import suggest
from bakeoff.prices import negatives
from bakeoff.prompts.conversation import compile_messages
from bakeoff.prompts.modes import (
    BY_LIKELIHOOD,
    MODES,
    allowed_modes,
    default_scorers,
    meant,
    obstacle,
    silent,
)
from bakeoff.records import (
    BenchmarkSpec,
    LoadSpec,
    MetricRule,
    ModelSpec,
    PriceBook,
    PromptSpec,
    SloSpec,
    Spec,
)
from bakeoff.spec.book import KEY, flaws
from bakeoff.spec.race_checks import race_flaws
from bakeoff.spec.reader import Reader, below
from bakeoff.spec.rule_checks import metric_flaw, rule_flaws
from bakeoff.spec.tree import Leaf, Map, Seq, is_null, shown
from bakeoff.templates import compile_template

MASK = "***"
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,78}[A-Za-z0-9_-])?")
_LONGEST_NAME = 80
_THRESHOLDS = ("ttft", "ttfa", "tpot", "e2e")


def is_name(text: str) -> bool:
    """Tell whether a text may be the name of a model or a benchmark: it is part of file names."""
    return _NAME.fullmatch(text) is not None


def local_weights(source: str | None) -> str | None:
    """Return the path in a model's source, or None where the source is no file of weights."""
    path = (source or "").removeprefix("file://")
    return path if path.endswith(".gguf") and "://" not in path else None


def load_at_base(load: LoadSpec, base: Path) -> LoadSpec:
    """Return the load with a relative path of its file made absolute, as the load needs it."""
    path = load.options.get("path")
    if not isinstance(path, str):
        return load
    whole = str((base / Path(path).expanduser()).absolute())
    return msgspec.structs.replace(load, options=load.options | {"path": whole})


class Checker:
    """Checks of one tree that was read. A part that could not be read is left out.

    Without `for_requests`, files and secrets are not asked for; without `new_rule`, what the decision rule
    asks of single metrics is taken as it is.
    """

    def __init__(
        self, root: Map, reader: Reader, base: Path, *, for_requests: bool = True, new_rule: bool = True
    ) -> None:
        self.root = root
        self.reader = reader
        self.base = base
        self.for_requests = for_requests
        self.new_rule = new_rule
        self.errors: list[SpecError] = []

    def check(self) -> list[SpecError]:
        """Return all mistakes."""
        for path, item in self._items("models"):
            self._sources(path, item)
            model = self.reader.made.get(path)
            if isinstance(model, ModelSpec):
                self._model(path, model)
        for path, _ in self._items("benchmarks"):
            benchmark = self.reader.made.get(path)
            if isinstance(benchmark, BenchmarkSpec):
                self._benchmark(path, benchmark)
        self._names("models")
        self._names("benchmarks")
        self._book()
        self._top()
        return self.errors

    def _add(self, path: str, message: str, hint: str = "") -> None:
        self.errors.append(SpecError(f"{path}: {message}", where=self._place(path), hint=hint))

    def _place(self, path: str) -> str:
        """Return the place of a path, or of what it stands in."""
        while path and path not in self.reader.places:
            path = re.sub(r"(\.?[^.\[\]]*|\[[^\]]*\])$", "", path)
        return self.reader.places.get(path, self.root.place)

    def _items(self, key: str) -> Iterator[tuple[str, Map]]:
        items = self.root.entries.get(key)
        for index, item in enumerate(items.items if isinstance(items, Seq) else ()):
            if isinstance(item, Map):
                yield below(key, index), item

    def _names_of(self, key: str) -> dict[str, str]:
        """Return the names in a list and their paths, also of entries that could not be read."""
        names: dict[str, str] = {}
        for path, item in self._items(key):
            name = item.entries.get("name")
            if isinstance(name, Leaf) and name.value is not None:
                names.setdefault(name.text, path)
        return names

    def _names(self, key: str) -> None:
        seen: dict[str, str] = {}
        for path, item in self._items(key):
            node = item.entries.get("name")
            if not isinstance(node, Leaf) or node.value is None:
                continue
            where, name = below(path, "name"), node.text
            if not is_name(name):
                better = re.sub(r"[^A-Za-z0-9._-]+", "-", name)[:_LONGEST_NAME].strip("-._")
                hint = "letters, digits, `.`, `_` and `-`" + (f", for example `{better}`" if better else "")
                self._add(where, f"the name `{shown(name)}` cannot be part of a file name", hint)
            first = seen.setdefault(name.lower(), where)
            if first != where:
                hint = "names differ by more than upper and lower case"
                self._add(where, f"the name `{shown(name)}` is taken at {self._place(first)}", hint)

    def _sources(self, path: str, item: Map) -> None:
        given = [
            key for key in ("endpoint", "source") if key in item.entries and not is_null(item.entries[key])
        ]
        if not given:
            hint = "`endpoint: http://…/v1` of a running server, or `source: model.gguf` to start one"
            self._add(path, "a model needs `endpoint` or `source`", hint)
        if len(given) > 1:
            self._add(below(path, "source"), "a model has `endpoint` or `source`, not both", "remove one")

    def _model(self, path: str, model: ModelSpec) -> None:
        if model.endpoint is not None:
            self._endpoint(below(path, "endpoint"), model.endpoint)
        if model.source == "huggingface" and not model.model_id:
            hint = "for example `model_id: org/model`"
            self._add(below(path, "source"), "the source `huggingface` needs `model_id`", hint)
        file = local_weights(model.source)
        if file is not None:
            self._file(below(path, "source"), file)
        for key, value in (
            ("api_key", model.api_key),
            *((f"headers.{k}", v) for k, v in model.headers.items()),
        ):
            if value == MASK and self.for_requests:
                hint = "put it into an environment variable and write `${NAME}` here"
                self._add(below(path, key), "the secret was not stored with the run", hint)
        for key in negatives(model.price) if model.price else ():
            self._add(below(path, f"price.{key}"), "a price is not negative")

    def _endpoint(self, path: str, endpoint: str) -> None:
        if "${" in endpoint and not self.for_requests:
            return  # a variable that need not be set
        try:
            url = urlsplit(endpoint)
            right = url.scheme in {"http", "https"} and bool(url.hostname) and url.port != 0
        except ValueError:
            url, right = urlsplit(""), False
        if not right or any(char.isspace() or not char.isprintable() for char in endpoint):
            hint = "for example `http://127.0.0.1:8000/v1`"
            self._add(path, "the endpoint is no `http://` or `https://` URL", hint)
        elif url.username or url.password:
            hint = "put the key into `api_key`, or the login into `headers`"
            self._add(path, "an endpoint holds no user name and no password", hint)

    def _file(self, path: str, name: str) -> None:
        """Refuse a file that is not there."""
        if not self.for_requests:
            return
        try:
            there = (self.base / Path(name).expanduser()).is_file()
        except (OSError, ValueError, RuntimeError):
            there = False
        if not there:
            near = self._neighbour(name)
            self._add(path, f"there is no file `{shown(name)}`.{near}", f"paths start at `{self.base}`")

    def _neighbour(self, name: str) -> str:
        folder = (self.base / name.removeprefix("~")).parent
        try:
            return suggest(name, [str(Path(name).parent / item.name) for item in folder.iterdir()])
        except (OSError, ValueError):
            return ""

    def _length(self, load: LoadSpec) -> int | None:
        """Return how many requests a load has of its own; None also for one that cannot be made."""
        try:
            placed = load_at_base(load, self.base)
            made: Load = plugins.create("loads", placed.kind, placed.options)
            return made.length()
        except (PluginError, DataError):
            return None

    def _benchmark(self, path: str, benchmark: BenchmarkSpec) -> None:
        file = benchmark.dataset.options.get("path")
        if isinstance(file, str):
            self._file(below(path, "dataset.path"), file)
        if benchmark.dataset.options.get("url") == MASK and self.for_requests:
            hint = "put it into an environment variable and write `${NAME}` here"
            self._add(below(path, "dataset.url"), "the secret was not stored with the run", hint)
        times = benchmark.load.options.get("path")
        if isinstance(times, str):
            self._file(below(path, "load.path"), times)
        for index, name in enumerate(benchmark.models):
            self._known_model(below(below(path, "models"), index), name)
        if benchmark.slo is not None:
            self._slo(below(path, "slo"), benchmark.slo)
        self._prompt(below(path, "prompt"), benchmark.prompt)
        self._scorers(below(path, "scorers"), benchmark)
        if benchmark.multiple_choice is not None and not allowed_modes(benchmark):
            asked = benchmark.multiple_choice
            message = f"it cannot be `{asked}`: {obstacle(benchmark, meant(benchmark)[-1])}"
            hint = f"modes: auto, {BY_LIKELIHOOD}, {', '.join(MODES)}"
            self._add(below(path, "multiple_choice"), message, hint)
        dataset: Any = self.reader.made.get(below(path, "dataset"))
        load = benchmark.load
        known_load: Any = self.reader.made.get(below(path, "load"))
        counted = load.requests or benchmark.limit or load.seconds or self._length(load)
        # A limit that could not be read has been told of already.
        misread = any(error.message.startswith(below(path, "load.")) for error in self.reader.errors)
        if getattr(dataset, "endless", False) and known_load is not None and not counted and not misread:
            message = f"the dataset `{benchmark.dataset.type}` never ends"
            self._add(path, message, "say how many cases to take with `limit` or `load.requests`")

    def _scorers(self, path: str, benchmark: BenchmarkSpec) -> None:
        """Refuse two scorers that feed one metric, which would then be of neither."""
        first: dict[str, int] = {}
        for index, choice in enumerate(benchmark.scorers):
            scorer: Any = self.reader.made.get(below(path, index))
            if scorer is None:
                continue
            try:
                dressed(choice, scorer)
            except PluginError as error:
                self._add(below(path, index), error.message, error.hint)
            metric = str(scorer.metric)
            before = first.setdefault(metric, index)
            if before != index and not counted_together([benchmark.scorers[before], choice]):
                place = self._place(below(path, before))
                message = f"feeds the metric `{shown(metric)}`, as the scorer at {place} does"
                hint = f"give one of them a name of its own, such as `metric: {choice.type}_{shown(metric)}`"
                hint += ", or a `weight` each, to count them together"
                self._add(below(path, index), message, hint)

    def _prompt(self, path: str, prompt: PromptSpec) -> None:
        for part in ("template", "system", "example"):
            text: str | None = getattr(prompt, part)
            if text is None:
                continue
            try:
                compile_template(text, "")
            except TemplateError as error:
                self._add(below(path, part), error.message, error.hint)
        try:
            compile_messages(prompt.messages, "")
        except TemplateError as error:
            self._add(below(path, "messages"), f"turn {error.where.strip()}: {error.message}", error.hint)
        if prompt.messages and prompt.template is not None:
            self._add(below(path, "messages"), "stands beside `template`", "keep one of the two")

    def _slo(self, path: str, slo: SloSpec) -> None:
        if all(getattr(slo, name) is None for name in _THRESHOLDS):
            given = any(below(path, name) in self.reader.places for name in _THRESHOLDS)
            if not given:
                hint = f"set at least one of {', '.join(_THRESHOLDS)}"
                self._add(path, "an slo needs a latency threshold", hint)

    def _book(self) -> None:
        book = self.reader.made.get(KEY)
        for flaw in flaws(book) if isinstance(book, PriceBook) else ():
            self._add(flaw.path, flaw.message, flaw.hint)

    def _top(self) -> None:
        spec = self.reader.made.get("")
        if not isinstance(spec, Spec):
            return
        if spec.version != 1:
            hint = "this version of bakeoff reads `version: 1`"
            self._add("version", f"the file is of version {spec.version}", hint)
        models = self._names_of("models")
        if not models and not self._count("models"):
            self._add("models", "no model is named", "a bake-off needs at least one")
        if spec.decide.incumbent is not None:
            self._known_model("decide.incumbent", spec.decide.incumbent)
        if spec.decide.slo is not None:
            self._slo("decide.slo", spec.decide.slo)
        if spec.decide.quality.metric is not None:
            self._metric("decide.quality.metric", spec.decide.quality.metric)
        of_rule = rule_flaws(spec.decide, "decide", sent=self.for_requests) if self.new_rule else ()
        for flaw in chain(of_rule, race_flaws(spec, "decide")):
            # What could not be read has been told of already.
            if not any(error.message.startswith(f"{flaw.path}.") for error in self.reader.errors):
                self._add(flaw.path, flaw.message, flaw.hint)
        for index, rule in enumerate(spec.decide.rules if self.new_rule else ()):
            self._rule(below(below("decide.rules", index), "metric"), rule)

    def _known_model(self, path: str, name: str) -> None:
        models = self._names_of("models")
        if name not in models:
            message = f"no model is named `{shown(name)}`.{suggest(name, models)}"
            self._add(path, message, f"models: {', '.join(models)}")

    def _count(self, key: str) -> int:
        items = self.root.entries.get(key)
        return len(items.items) if isinstance(items, Seq) else 0

    def _benchmark_of(self, path: str, metric: str) -> str | None:
        """Return the benchmark of `BENCHMARK.METRIC`, or None after saying that there is none."""
        names = self._names_of("benchmarks")
        found = max((name for name in names if metric.startswith(f"{name}.")), key=len, default=None)
        if found is None:
            near = suggest(metric.rpartition(".")[0] or metric, names)
            message = f"`{shown(metric)}` refers to no benchmark.{near}"
            self._add(path, message, f"write `BENCHMARK.METRIC`; benchmarks: {', '.join(names)}")
        return found

    def _graded(self, name: str) -> list[str] | None:
        """Return the metrics of a benchmark's scorers, or None where that cannot be told."""
        path = self._names_of("benchmarks")[name]
        benchmark = self.reader.made.get(path)
        if not isinstance(benchmark, BenchmarkSpec):
            return None
        scorers: list[Any] = [
            self.reader.made.get(below(below(path, "scorers"), i)) for i in range(len(benchmark.scorers))
        ]
        if None in scorers or (not scorers and not self.for_requests):
            # Another tool graded an imported run, and its spec does not say how.
            return None
        # Whether rows are multiple choice of themselves is known only when they are read.
        mode = benchmark.multiple_choice or (BY_LIKELIHOOD if silent(benchmark) else None)
        own = default_scorers(mode) if mode and not scorers else []
        return sorted(
            {name for scorer in scorers for name in metrics(scorer)}
            | {str(choice.options.get("metric", choice.type)) for choice in own}
        )

    def _rule(self, path: str, rule: MetricRule) -> None:
        """Check the metric of one of the rules."""
        found = self._benchmark_of(path, rule.metric)
        graded = None if found is None else self._graded(found)
        if found is None or graded is None:
            return
        flaw = metric_flaw(rule, path, found, graded, self.reader.catalog)
        if flaw is not None:
            self._add(flaw.path, flaw.message, flaw.hint)

    def _metric(self, path: str, metric: str) -> None:
        """Check the metric that decides, `BENCHMARK.METRIC`."""
        found = self._benchmark_of(path, metric)
        known = None if found is None else self._graded(found)
        if known is None:
            return
        name = metric.removeprefix(f"{found}.")
        if name not in known:
            message = f"the benchmark `{found}` has no quality metric `{shown(name)}`.{suggest(name, known)}"
            hint = f"known: {', '.join(known)}" if known else "give the benchmark a scorer"
            if silent(self.reader.made[self._names_of("benchmarks")[str(found)]]):
                hint = (
                    f"give the benchmark a scorer; rows of multiple choice have {' and '.join(known)} without"
                )
            if name in self.reader.catalog.names("metrics"):
                hint += "; limits of time and cost belong into `decide.slo` and `decide.budget`"
            self._add(path, message, hint)
