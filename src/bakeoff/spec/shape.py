"""Shorthands of the file to their full form, before types are looked at.

`dataset: cases.jsonl`, `synthetic: {…}`, `prompt: text`, `deploy: local` and files named in prompts become
what the records hold. What is not in this version is refused here by name.
"""

from pathlib import Path, PurePosixPath

from bakeoff.errors import SpecError
from bakeoff.spec import lm_tasks
from bakeoff.spec.reader import below
from bakeoff.spec.tree import Leaf, Map, Node, Seq, is_null, leaf, shown, text_leaf

SUFFIXES = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "text",
}
CLOUD_SOURCES = ("hf://", "s3://", "gs://", "volume://", "ollama://")
_LOADS = frozenset({"synthetic", "trace"})
"""Data sets that make up prompts: there is nothing to grade, so they are for load tests."""
_PROMPT_FILES = (".txt", ".j2")
_LONGEST_PROMPT = 10_000_000


def is_cloud(source: str) -> bool:
    """Say whether weights come from a hub or a bucket, as in a SkyPilot configuration."""
    return source == "huggingface" or source.startswith(CLOUD_SOURCES)


class Shaper:
    """Give a tree its full form.

    Attributes:
        errors: what is wrong already in the short form.
        excused: paths of required keys that are missing only because of such a mistake.
    """

    def __init__(self, base: Path) -> None:
        self.base = base
        self.errors: list[SpecError] = []
        self.excused: set[str] = set()

    def shape(self, root: Map) -> Map:
        """Return the full form; the full form's full form is itself."""
        if "judge" in root.entries:
            self._refuse("judge", root.key_place("judge"))
            root = root.drop("judge")
        for key, each in (("models", self._model), ("benchmarks", self._benchmark)):
            items = root.entries.get(key)
            if isinstance(items, Seq):
                shaped = tuple(
                    each(item, below(key, i)) if isinstance(item, Map) else item
                    for i, item in enumerate(items.items)
                )
                root = root.put(key, Seq(items=shaped, place=items.place), root.place)
        return root

    def _refuse(self, path: str, place: str) -> None:
        self.errors.append(
            SpecError(f"{path}: `{path.rpartition('.')[2]}` is not available in this version", where=place)
        )

    def _add(self, path: str, place: str, message: str, hint: str) -> None:
        self.errors.append(SpecError(f"{path}: {message}", where=place, hint=hint))

    def _model(self, model: Map, _path: str) -> Map:
        named = model.entries.get("model_id")
        if named is not None and not is_null(named) and not {"source", "endpoint"} & set(model.entries):
            model = model.put("source", _default("huggingface", named.place), named.place)
        source = model.entries.get("source")
        if not is_null(model.entries.get("deploy", _NULL)):
            return model
        if isinstance(source, Leaf) and source.value is not None:
            name = "skypilot" if is_cloud(source.text) else "local"
            return model.put("deploy", _default(name, source.place), source.place)
        if "endpoint" in model.entries:
            return model.put("deploy", _default("none", model.place), model.place)
        return model

    def _benchmark(self, benchmark: Map, path: str) -> Map:
        benchmark = self._dataset(benchmark, path)
        if is_null(benchmark.entries.get("load", _NULL)):
            benchmark = benchmark.put("load", Map(entries={}, place=benchmark.place), benchmark.place)
        if _type_of(benchmark.entries.get("dataset")) in _LOADS and "measured" not in benchmark.entries:
            benchmark = benchmark.put("measured", _default("true", benchmark.place), benchmark.place)
        prompt = benchmark.entries.get("prompt")
        if isinstance(prompt, Leaf) and prompt.value is not None:
            prompt = Map(entries={"template": prompt}, place=prompt.place)
        if isinstance(prompt, Map):
            for key in ("template", "system", "example"):
                prompt = self._prompt_file(prompt, key, below(path, "prompt"))
            benchmark = benchmark.put("prompt", prompt, benchmark.place)
        return benchmark

    def _dataset(self, benchmark: Map, path: str) -> Map:
        given = [key for key in ("dataset", "synthetic", "lm_eval") if key in benchmark.entries]
        for extra in given[1:]:
            place = benchmark.key_place(extra)
            self._add(below(path, extra), place, f"stands beside `{given[0]}`", "keep one source of cases")
        if given == [lm_tasks.KEY]:
            return self._task(benchmark, path)
        dataset = benchmark.entries.get("dataset")
        if "synthetic" in given and dataset is None:
            dataset = self._synthetic(benchmark, path)
        elif isinstance(dataset, Leaf) and dataset.value is not None:
            dataset = self._file(dataset, path)
        elif isinstance(dataset, Map) and "type" not in dataset.entries:
            file = dataset.entries.get("path")
            if isinstance(file, Leaf) and isinstance(found := self._file(file, path), Map):
                dataset = dataset.put("type", found.entries["type"], file.place)
        benchmark = benchmark.drop("dataset", "synthetic", "lm_eval")
        return benchmark if dataset is None else benchmark.put("dataset", dataset, benchmark.place)

    def _task(self, benchmark: Map, path: str) -> Map:
        dataset = lm_tasks.dataset_of(benchmark)
        if dataset is None:
            place = benchmark.key_place(lm_tasks.KEY)
            self._add(
                below(path, lm_tasks.KEY), place, "expected the name of a task", "for example `arc_easy`"
            )
            self.excused.add(below(path, "dataset"))
            return benchmark.drop(lm_tasks.KEY, *lm_tasks.OPTIONS)
        benchmark = lm_tasks.with_scorer(benchmark, dataset).drop(lm_tasks.KEY, *lm_tasks.OPTIONS)
        return benchmark.put("dataset", dataset, dataset.place)

    def _synthetic(self, benchmark: Map, path: str) -> Node | None:
        options = benchmark.entries["synthetic"]
        place = benchmark.key_place("synthetic")
        if is_null(options):
            options = Map(entries={}, place=place)
        if not isinstance(options, Map):
            self._add(
                below(path, "synthetic"),
                place,
                "expected a mapping of options",
                "for example `{prompt_tokens: 256}`",
            )
            self.excused.add(below(path, "dataset"))
            return None
        return options.put("type", text_leaf("synthetic", place), place)

    def _file(self, dataset: Leaf, path: str) -> Node | None:
        """Return the dataset that a path's suffix tells."""
        suffixes = [
            suffix.lower() for suffix in PurePosixPath(dataset.text).suffixes if suffix.lower() != ".gz"
        ]
        kind = SUFFIXES.get(suffixes[-1]) if suffixes else None
        if kind is None:
            if dataset.text == "synthetic":
                return Map(entries={"type": dataset}, place=dataset.place)
            known = ", ".join(SUFFIXES)
            message = f"the name `{shown(dataset.raw or dataset.text)}` does not tell the type of the file"
            hint = f"write `{{type: jsonl, path: …}}`; known suffixes: {known}"
            self._add(below(path, "dataset"), dataset.place, message, hint)
            self.excused |= {below(path, "dataset"), below(path, "dataset.type")}
            return None
        entries: dict[str, Node] = {"type": text_leaf(kind, dataset.place), "path": dataset}
        return Map(entries=entries, place=dataset.place)

    def _prompt_file(self, prompt: Map, key: str, path: str) -> Map:
        """Replace the name of a file by its text."""
        node = prompt.entries.get(key)
        if not isinstance(node, Leaf) or not _names_file(node.text):
            return prompt
        name = node.text.removeprefix("file://")
        try:
            with (self.base / name).open(encoding="utf-8") as file:
                text = file.read(_LONGEST_PROMPT)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "no UTF-8 text"
            message = f"the file `{shown(name)}` cannot be read: {reason}"
            self._add(below(path, key), node.place, message, f"paths start at `{self.base}`")
            text = ""
        origin = f"{node.place} ({shown(name)})"
        return prompt.put(key, text_leaf(text, node.place, origin=origin), prompt.place)


_NULL = leaf(None, "")


def _default(value: str, place: str) -> Leaf:
    return leaf(value, place, origin="default")


def _type_of(dataset: Node | None) -> str:
    kind = dataset.entries.get("type") if isinstance(dataset, Map) else None
    return kind.text if isinstance(kind, Leaf) else ""


def _names_file(text: str) -> bool:
    if text.startswith("file://"):
        return True
    return text.endswith(_PROMPT_FILES) and not any(char.isspace() or char in "{}" for char in text)
