"""A promptfoo configuration, read as it stands: providers are models, prompts benchmarks over the tests."""

from random import Random

from bakeoff.datasets.promptfoo import Promptfoo
from bakeoff.errors import DataError, SpecError
from bakeoff.records import Case
from bakeoff.spec.foreign import Converted, Source, literal, seq, slug, text_of
from bakeoff.spec.promptfoo_prompts import Prompt, Prompts
from bakeoff.spec.promptfoo_providers import Provider, Providers
from bakeoff.spec.tree import Leaf, Map, Node, is_null, leaf, shown, text_leaf

_REFUSED = ("nunjucksFilters", "extensions", "derivedMetrics", "redteam")
_OPTIONS = {"maxConcurrency", "repeat", "timeoutMs"}
_WITHOUT_EFFECT = {
    "cache", "delay", "description", "generateSuggestions", "interactiveProviders", "output", "share",
    "showProgressBar", "silent", "table", "tableCellMaxLength", "verbose", "write", "envFile", "envPath",
    "grader", "progressBar",
}  # fmt: skip
_CONCURRENCY = 4
"""promptfoo's own default."""


def is_promptfoo(root: Map) -> bool:
    """Say whether a document is a promptfoo configuration."""
    keys = set(root.entries)
    return "prompts" in keys and bool(keys & {"providers", "targets"}) and not keys & {"models", "benchmarks"}


def convert(root: Map, source: Source) -> Converted:
    """Return our form of a promptfoo configuration."""
    env = root.entries.get("env")
    reader = Providers(source.path.parent, env if isinstance(env, Map) else None)
    providers = reader.read(root.entries.get("providers", root.entries.get("targets")))
    benchmarks, errors = Benchmarks(root, source).read(providers)
    entries: dict[str, Node] = {
        "version": leaf(1, root.place, origin="default"),
        "name": text_leaf(slug(text_of(root.entries.get("description")), "promptfoo"), root.place),
        "models": seq([one.model for one in providers], root.key_place("providers")),
        "benchmarks": seq(benchmarks, root.key_place("tests")),
    }
    if (timeout := _option(root, "timeoutMs")) is not None:
        seconds = leaf(_number(timeout) / 1000, timeout.place)
        entries["timeout"] = Map(entries={"total": seconds}, place=timeout.place)
    keys = {key: root.key_place(key) for key in entries}
    return Converted(root=Map(entries=entries, place=root.place, keys=keys), errors=(*reader.errors, *errors))


class Benchmarks:
    """Make the benchmarks of a promptfoo configuration.

    Args:
        config: the configuration.
        source: its file.
        key: where it stands in the file.
    """

    def __init__(self, config: Map, source: Source, key: str = "") -> None:
        self.config = config
        self.source = source
        self.key = key
        self.errors: list[SpecError] = []

    def read(self, providers: list[Provider] | None) -> tuple[list[Node], list[SpecError]]:
        """Return one benchmark for each prompt, and what is wrong.

        Args:
            providers: the models that are asked; None where they are no providers of promptfoo's.
        """
        self._check_keys()
        reader = Prompts(self.source.path.parent)
        prompts = reader.read(self.config.entries.get("prompts"))
        self.errors += reader.errors
        made: list[Node] = []
        names: set[str] = set()
        for number, prompt in enumerate(prompts, 1):
            usual = f"prompt-{number}" if len(prompts) > 1 else "tests"
            name = slug(prompt.label, usual) if prompt.label != prompt.raw else usual
            name = f"{name}-{number}" if name.lower() in names else name
            names.add(name.lower())
            made += self._benchmark(name, prompt, providers, alone=len(prompts) == 1)
        return made, self.errors

    def _add(self, place: str, message: str, hint: str = "") -> None:
        self.errors.append(SpecError(message, where=place, hint=hint))

    def _check_keys(self) -> None:
        for key in _REFUSED:
            if key in self.config.entries and not is_null(self.config.entries[key]):
                self._add(
                    self.config.key_place(key),
                    f"{key}: `{key}` of promptfoo is not available here",
                    "remove it",
                )
        for group in ("evaluateOptions", "commandLineOptions"):
            options = self.config.entries.get(group)
            for key, value in options.entries.items() if isinstance(options, Map) else ():
                if key not in _OPTIONS | _WITHOUT_EFFECT or (
                    key == "delay" and text_of(value) not in {"", "0"}
                ):
                    message = f"{group}.{key}: `{key}` of promptfoo is not available here"
                    self._add(value.place, message, "leave it out; `bakeoff run --limit N` asks fewer cases")

    def _benchmark(
        self, name: str, prompt: Prompt, providers: list[Provider] | None, *, alone: bool
    ) -> list[Node]:
        place = prompt.place
        asked = None if providers is None else [one for one in providers if _is_asked(one, prompt)]
        if asked == []:
            return []
        cases = self._cases(None if alone else prompt.label, place)
        self._check_printed(prompt, cases)
        options = {"type": "promptfoo", "path": self.source.name}
        options |= {"key": self.key} if self.key else {}
        options |= {} if alone else {"prompt": prompt.label}
        dataset = {key: text_leaf(value.replace("${", "$${"), place) for key, value in options.items()}
        entries: dict[str, Node] = {
            "name": text_leaf(name, place),
            "dataset": Map(entries={**dataset}, place=place),
            "prompt": self._prompt(prompt, asked or [], cases),
            "load": self._load(place),
        }
        if any(case.fields.get("assert") for case in cases):
            entries["scorers"] = literal([{"type": "assertions", "field": "assert"}], place)
        if (repeat := _option(self.config, "repeat")) is not None:
            entries["repeats"] = repeat
        if asked is not None and providers is not None and len(asked) < len(providers):
            entries["models"] = seq([text_leaf(one.name, one.place) for one in asked], place)
        return [Map(entries=entries, place=place)]

    def _cases(self, label: str | None, place: str) -> list[Case]:
        dataset = Promptfoo(path=self.source.name, key=self.key, prompt=label)
        try:
            return list(dataset.cases(self.source.base, Random(0)))
        except DataError as error:
            self._add(error.where or place, f"tests: {error.message}", error.hint)
            return []

    def _check_printed(self, prompt: Prompt, cases: list[Case]) -> None:
        """Refuse to print what JavaScript prints otherwise."""
        for name in prompt.names:
            for case in cases:
                value = case.fields.get(name)
                if isinstance(value, bool | list | dict):
                    kind = "true or false" if isinstance(value, bool) else "a list or a mapping"
                    line = f" (line {case.line})" if case.line else ""
                    message = (
                        f"prompts: `{shown(prompt.label)}` prints `{name}`, which is {kind} in a test{line}"
                    )
                    self._add(prompt.place, message, "write the value as text, in quotes")
                    break

    def _prompt(self, prompt: Prompt, asked: list[Provider], cases: list[Case]) -> Map:
        place = prompt.place
        completion = [one.completion for one in asked]
        if any(completion) and not all(completion):
            hint = "put them into two configurations; one prompt cannot be both a chat and a text"
            self._add(place, "providers: some speak `openai:completion:` and others do not", hint)
        form = text_leaf("completion" if any(completion) else "chat", place)
        prefixed = any("__prefix" in case.fields or "__suffix" in case.fields for case in cases)
        if prompt.messages:
            if any(completion) or prefixed:
                what = "`openai:completion:`" if any(completion) else "`prefix` and `suffix`"
                self._add(
                    place, f"prompts: `{shown(prompt.label)}` is a conversation, which {what} cannot take"
                )
            return Map(entries={"messages": literal(list(prompt.messages), place), "form": form}, place=place)
        template = prompt.template or ""
        for name, each in (("__prefix", "{{%s}}{text}"), ("__suffix", "{text}{{%s}}")):
            if any(name in case.fields for case in cases):
                template = each.replace("{{%s}}", "{{" + name + "}}").replace("{text}", template)
        key = "example" if any(completion) else "template"
        text = text_leaf(template + ("{{answer}}" if any(completion) else ""), place)
        return Map(entries={key: text, "form": form}, place=place)

    def _load(self, place: str) -> Map:
        given = _option(self.config, "maxConcurrency")
        count = given if given is not None else leaf(_CONCURRENCY, place, origin="promptfoo")
        return Map(entries={"kind": text_leaf("concurrent", place), "concurrency": count}, place=place)


def _option(config: Map, key: str) -> Leaf | None:
    for group in ("commandLineOptions", "evaluateOptions"):
        options = config.entries.get(group)
        value = options.entries.get(key) if isinstance(options, Map) else None
        if isinstance(value, Leaf) and value.value is not None:
            return value
    return None


def _number(node: Leaf) -> float:
    return float(node.value) if isinstance(node.value, int | float) else 0.0


def _is_asked(provider: Provider, prompt: Prompt) -> bool:
    if provider.prompts is None:
        return True
    return any(
        prompt.label == one
        or prompt.label.startswith(f"{one}:")
        or (one.endswith("*") and prompt.label.startswith(one[:-1]))
        for one in provider.prompts
    )
