"""The YAML of the Model Router Evaluation toolkit, read as it stands: router and baseline are two models."""

from pathlib import PurePosixPath

from bakeoff.errors import SpecError
from bakeoff.spec.foreign import Converted, Source, seq, slug, text_of
from bakeoff.spec.tree import Leaf, Map, Node, from_builtins, is_null, leaf, text_leaf

_SECTIONS = {"evaluation", "endpoints", "pricing", "concurrency", "output"}
_OTHERS = {"pricing_source", "judge", "foundry", "graders"}
_ROUTER = "model_router"
_TARGETS = (_ROUTER, "baseline")
_DATASET = "datasets/sample_custom.jsonl"
_PARALLEL = 5
_TIMEOUT = 60
_RETRIES = 3
_MAX_TOKENS = 1024
_TEMPERATURE = 0.7
_SEED = 42


def is_router(root: Map) -> bool:
    """Say whether a document is a configuration of the router toolkit."""
    endpoints = root.entries.get("endpoints")
    return (
        set(root.entries) <= _SECTIONS | _OTHERS
        and isinstance(endpoints, Map)
        and set(endpoints.entries) <= set(_TARGETS)
        and bool(endpoints.entries)
    )


def convert(root: Map, source: Source) -> Converted:
    """Return our form of the document; where reports go is left to `--out`."""
    return _Reader(root, source).read()


class _Reader:
    def __init__(self, root: Map, source: Source) -> None:
        self.root = root
        self.source = source
        self.errors: list[SpecError] = []

    def read(self) -> Converted:
        evaluation, concurrency = self._section("evaluation"), self._section("concurrency")
        self._check()
        endpoints = self._section("endpoints")
        models = [
            self._model(name, node) for name, node in endpoints.entries.items() if isinstance(node, Map)
        ]
        place = self.root.place
        parallel = _given(concurrency, "max_parallel_requests", _PARALLEL)
        retries = _given(concurrency, "max_retries", _RETRIES)
        attempts = int(retries.value) + 1 if isinstance(retries.value, int) else retries.value
        seed = _given(evaluation, "random_seed", _SEED)
        benchmark: dict[str, Node] = {
            "name": text_leaf("prompts", place),
            "dataset": self._dataset(evaluation),
            "prompt": from_builtins({"template": "{{prompt}}", "form": "chat"}, place),
            "load": Map(
                entries={"kind": text_leaf("concurrent", place), "concurrency": parallel}, place=place
            ),
            "attempts": leaf(attempts, retries.place),
        }
        size = evaluation.entries.get("sample_size")
        if size is not None and not is_null(size):
            benchmark |= {"limit": size, "sample": text_leaf("random", size.place)}
        entries: dict[str, Node] = {
            "version": leaf(1, place, origin="default"),
            "name": text_leaf(slug(text_of(evaluation.entries.get("name")), "unnamed-eval"), place),
            "models": seq(list(models), self.root.key_place("endpoints")),
            "benchmarks": seq([Map(entries=benchmark, place=self.root.key_place("evaluation"))], place),
            "seed": seed,
            "timeout": Map(
                entries={"total": _given(concurrency, "request_timeout_seconds", _TIMEOUT)}, place=place
            ),
        }
        if self._priced():
            entries["prices"] = self._prices()
        if "baseline" in endpoints.entries:
            entries["decide"] = from_builtins({"incumbent": "baseline"}, place)
        return Converted(root=Map(entries=entries, place=place), errors=tuple(self.errors))

    def _add(self, node: Node, message: str, hint: str) -> None:
        self.errors.append(SpecError(message, where=node.place, hint=hint))

    def _section(self, name: str) -> Map:
        section = self.root.entries.get(name)
        return section if isinstance(section, Map) else Map(entries={}, place=self.root.place)

    def _check(self) -> None:
        """Refuse what would change the outcome and is not here."""
        enabled = self._section("judge").entries.get("enabled")
        if isinstance(enabled, Leaf) and enabled.value is True:
            hint = "set it to false to compare latency and cost, or write a bakeoff.yaml with scorers"
            self._add(enabled, "judge.enabled: a judge is not available in this version", hint)
        retail = self._section("pricing_source").entries.get("azure_retail")
        on = retail.entries.get("enabled") if isinstance(retail, Map) else None
        if isinstance(on, Leaf) and on.value is True:
            message = "pricing_source.azure_retail.enabled: prices are not looked up"
            self._add(on, message, "set it to false, and put the prices under `pricing`")
        for name in ("foundry", "graders"):
            if name in self.root.entries and not is_null(self.root.entries[name]):
                self._add(self.root.entries[name], f"{name}: not available in this version", "remove it")

    def _model(self, name: str, endpoint: Map) -> Map:
        place = endpoint.place
        kind, url = text_of(endpoint.entries.get("type")), endpoint.entries.get("endpoint_url")
        mode = endpoint.entries.get("api_mode")
        if text_of(mode) == "responses" and mode is not None:
            message = f"endpoints.{name}.api_mode: `responses` is not available in this version"
            self._add(mode, message, "use `chat_completions`")
        entries: dict[str, Node] = {"name": text_leaf(name, place)}
        if isinstance(url, Leaf):
            entries["endpoint"] = _azure(url) if kind == "azure_openai" else url
        key = endpoint.entries.get("api_key")
        if key is not None:
            if kind == "azure_openai":
                entries["headers"] = Map(entries={"api-key": key}, place=key.place)
            else:
                entries["api_key"] = key
        if "deployment_name" in endpoint.entries:
            entries["model"] = endpoint.entries["deployment_name"]
        given = endpoint.entries.get("parameters")
        params = dict(given.entries) if isinstance(given, Map) else {}
        params.setdefault("temperature", leaf(_TEMPERATURE, place, origin="router toolkit"))
        params.setdefault("max_tokens", leaf(_MAX_TOKENS, place, origin="router toolkit"))
        entries["params"] = Map(entries=params, place=place)
        price = self._section("pricing").entries.get(text_of(endpoint.entries.get("deployment_name")))
        if name == "baseline" and price is not None:
            entries["price"] = price
        if name == _ROUTER and self._priced():
            own = self._section("pricing").entries.get(_ROUTER)
            markup = own if isinstance(own, Map) else Map(entries={}, place=place)
            entries["price"] = markup.put("answering", leaf(value=True, place=markup.place), markup.place)
        return Map(entries=entries, place=place)

    def _priced(self) -> list[str]:
        """Return the names of the models that have prices; the router's own is a mark-up."""
        return [name for name in self._section("pricing").entries if name != _ROUTER]

    def _prices(self) -> Node:
        pricing = self._section("pricing")
        book = [
            Map(
                entries={"model": text_leaf(name, pricing.key_place(name)), "price": pricing.entries[name]},
                place=pricing.key_place(name),
            )
            for name in self._priced()
        ]
        place = self.root.key_place("pricing")
        entries: dict[str, Node] = {"entries": seq(list(book), place)}
        return Map(entries=entries | {"file": text_leaf(self.source.path.name, place)}, place=place)

    def _dataset(self, evaluation: Map) -> Node:
        given = evaluation.entries.get("dataset")
        node = given if isinstance(given, Leaf) and given.text else text_leaf(_DATASET, evaluation.place)
        if "://" in node.text:
            return Map(entries={"type": text_leaf("sql", node.place), "url": node}, place=node.place)
        kind = "csv" if PurePosixPath(node.text).suffix.lower() == ".csv" else "jsonl"
        return Map(entries={"type": text_leaf(kind, node.place), "path": node}, place=node.place)


def _given(section: Map, key: str, otherwise: float) -> Leaf:
    node = section.entries.get(key)
    if isinstance(node, Leaf) and node.value is not None:
        return node
    return leaf(otherwise, section.place, origin="router toolkit")


def _azure(url: Leaf) -> Leaf:
    """Return the address below which an Azure resource speaks the plain OpenAI protocol."""
    text = url.text.rstrip("/")
    return text_leaf(text if text.endswith("/openai/v1") else f"{text}/openai/v1", url.place)
