"""The tests of a promptfoo configuration, wherever they stand, with `defaultTest` and scenarios merged in."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import msgspec
import yaml

from bakeoff.datasets._cells import read_table
from bakeoff.datasets._json import mapping, read_items, read_lines
from bakeoff.datasets._promptfoo_csv import test_of_row
from bakeoff.datasets._yaml import Document, Item, is_map
from bakeoff.errors import DataError
from bakeoff.textfiles import UTF8

_ELSEWHERE = ("https://", "http://", "huggingface://", "az://", "package:")
_PROGRAMS = (".js", ".cjs", ".mjs", ".ts", ".py")
_REFUSED = ("provider", "providers", "providerOutput", "assertScoringFunction")
_REFUSED_OPTIONS = ("transformVars", "storeOutputAs", "repeat")
_MERGED = ("threshold", "prompts", *_REFUSED)
_MODEL_GRADED = (
    "llm-rubric", "factuality", "model-graded", "g-eval", "answer-relevance", "context-", "select-best",
    "agent-rubric", "search-rubric", "conversation-relevance", "similar", "trajectory:goal-success",
)  # fmt: skip
_JUDGE_OPTIONS = ("provider", "rubricPrompt")

Test = dict[str, Any]


class Suite:
    """The tests of one configuration.

    Args:
        path: the file.
        key: where the configuration stands in it; empty for the whole file.

    Raises:
        DataError: a file cannot be read, or asks for what is not available here.
    """

    def __init__(self, path: Path, key: str = "") -> None:
        self.base = path.parent
        self._document = Document(path)
        root = self._document.child(key) if key else self._document.root
        if not is_map(root):
            raise DataError(
                "is no promptfoo configuration", where=str(path), hint="it holds `prompts` and `tests`"
            )
        assert root is not None
        self._root = root
        self._whole = self._document.item(root).value
        self._default = self._default_test()

    def tests(self) -> Iterator[Item]:
        """Yield each test with everything that holds for it, before its lists of values are taken apart."""
        given = [*self._given("tests")]
        node = self._document.child("scenarios", self._root)
        if not given and node is None:
            given = [Item(value={}, path=self._document.path, line=self._root.start_mark.line + 1)]
        for item in given:
            yield self._prepared(item)
        for item in self._scenarios():
            yield self._prepared(item)

    def _default_test(self) -> Test:
        node = self._document.child("defaultTest", self._root)
        if node is None:
            return {}
        item = self._document.item(node)
        if isinstance(item.value, str):
            item = Document(self._found(item.value, item)[0]).item()
        return self._checked(item)

    def _given(self, key: str) -> Iterator[Item]:
        """Yield what stands in a list of tests or file names."""
        node = self._document.child(key, self._root)
        if node is None or self._document.item(node).value is None:
            return
        for child in self._document.children(node):
            yield from self._read(self._document.item(child))

    def _read(self, item: Item) -> Iterator[Item]:
        value = item.value
        if isinstance(value, dict) and "path" in value:
            value = cast("dict[str, Any]", value)["path"]
        if isinstance(value, str):
            for path in self._found(value, item):
                yield from _tests_of_file(path, item)
        else:
            yield item

    def _found(self, name: str, item: Item) -> list[Path]:
        """Return the files that a name or a pattern stands for."""
        plain = name.removeprefix("file://")
        if plain.startswith(_ELSEWHERE):
            raise item.wrong(f"`{name}` lies outside this machine", "download it and name the file")
        if plain.endswith(_PROGRAMS) or ".py:" in plain or ".js:" in plain:
            raise item.wrong(
                f"`{name}` is a program that makes tests", "run it, and name the file that it makes"
            )
        if plain.partition("#")[0].endswith((".xlsx", ".xls")):
            raise item.wrong(f"`{name}` is a workbook", "save the sheet as CSV")
        path = self.base / plain
        if path.is_file():
            return [path]
        relative = not Path(plain).is_absolute()
        found = sorted(each for each in self.base.glob(plain) if each.is_file()) if relative else []
        if not found:
            raise item.wrong(f"there is no file `{name}`", f"paths start at `{self.base}`")
        return found

    def _scenarios(self) -> Iterator[Item]:
        node = self._document.child("scenarios", self._root)
        if node is None:
            return
        for scenario in self._document.children(node):
            whole = self._document.item(scenario)
            if not isinstance(whole.value, dict):
                raise whole.wrong(
                    "a scenario is a mapping of `config` and `tests`", "write it into this file"
                )
            data = [*self._part(scenario, "config")]
            tests = [*self._part(scenario, "tests")] or [Item(value={}, path=whole.path, line=whole.line)]
            for one in data:
                for test in tests:
                    yield Item(
                        value=_over(self._checked(one), self._checked(test)), path=test.path, line=test.line
                    )

    def _part(self, scenario: yaml.Node, key: str) -> Iterator[Item]:
        node = self._document.child(key, scenario)
        for child in self._document.children(node) if node is not None else ():
            yield from self._read(self._document.item(child))

    def _checked(self, item: Item) -> Test:
        """Return a test whose parts have the right types, with its references looked up."""
        value = self._referred(item.value, item, 0)
        if not isinstance(value, dict):
            raise item.wrong("a test must be a mapping", "such as `vars: {name: value}` and `assert: [...]`")
        test = cast("Test", value)
        if isinstance(test.get("vars"), str) or _texts(test.get("vars")):
            test = test | {"vars": self._vars_of_files(test["vars"], item)}
        for key, kind, word in (("vars", dict, "a mapping"), ("assert", list, "a list"),
                                ("options", dict, "a mapping"), ("metadata", dict, "a mapping")):  # fmt: skip
            if test.get(key) is not None and not isinstance(test[key], kind):
                raise item.wrong(f"`{key}` of a test must be {word}")
        return test

    def _vars_of_files(self, names: Any, item: Item) -> dict[str, Any]:  # noqa: ANN401  a text or a list
        found: dict[str, Any] = {}
        for name in [names] if isinstance(names, str) else cast("list[str]", names):
            for path in self._found(name, item):
                value = Document(path).item().value
                if not isinstance(value, dict):
                    raise DataError("must be a mapping of variables", where=str(path))
                found |= cast("dict[str, Any]", value)
        return found

    def _referred(self, value: Any, item: Item, depth: int) -> Any:  # noqa: ANN401  plain values
        """Replace `$ref: '#/key'` by what stands there."""
        if isinstance(value, list):
            return [self._referred(each, item, depth) for each in cast("list[object]", value)]
        if not isinstance(value, dict):
            return value
        mapping = cast("dict[str, Any]", value)
        name = mapping.get("$ref")
        if not isinstance(name, str):
            return {key: self._referred(each, item, depth) for key, each in mapping.items()}
        target: Any = self._whole
        for key in name.removeprefix("#/").split("/") if name.startswith("#/") else [""]:
            target = cast("dict[str, Any]", target).get(key) if isinstance(target, dict) else None
        if target is None or depth > 20:
            raise item.wrong(
                f"`$ref: {name}` leads to nothing", "name a key of this file, such as `#/templates/x`"
            )
        return self._referred(target, item, depth + 1)

    def _prepared(self, item: Item) -> Item:
        default, test = self._default, self._checked(item)
        options = _mapping(default, "options") | _mapping(test, "options")
        own: list[Any] = test.get("assert") or []
        whole: Test = {
            "description": test.get("description"),
            "vars": _mapping(default, "vars") | _mapping(test, "vars"),
            "assert": [*([] if options.get("disableDefaultAsserts") else default.get("assert") or []), *own],
            "options": options,
            "metadata": _mapping(default, "metadata") | _mapping(test, "metadata"),
        }
        for key in _MERGED:
            whole[key] = test[key] if test.get(key) is not None else default.get(key)
        for key in (*_REFUSED, *(f"options.{name}" for name in _REFUSED_OPTIONS)):
            holder, _, name = key.rpartition(".")
            if (whole[holder] if holder else whole).get(name) is not None:
                raise item.wrong(f"`{key}` of a test is not available here", "remove it")
        whole["assert"] = _assertions(whole, item)
        return msgspec.structs.replace(item, value=whole)


def _tests_of_file(path: Path, item: Item) -> Iterator[Item]:
    suffix = path.suffix.lower()
    if suffix == ".csv":
        for line, row in read_table(path, UTF8):
            place = Item(value=None, path=path, line=line)
            yield msgspec.structs.replace(place, value=test_of_row(row, place))
    elif suffix == ".jsonl":
        yield from read_lines(path)
    elif suffix == ".json":
        yield from read_items(path)
    elif suffix in {".yaml", ".yml"}:
        document = Document(path)
        for node in document.children(document.root) if document.root is not None else ():
            yield document.item(node)
    else:
        raise item.wrong(f"tests cannot be read from `{path.name}`", "known: .csv, .json, .jsonl, .yaml")


def _over(data: Test, test: Test) -> Test:
    """Return a test of a scenario with what the scenario's row says."""
    merged = data | test
    for key in ("vars", "options", "metadata"):
        merged[key] = _mapping(data, key) | _mapping(test, key)
    return merged | {"assert": [*(data.get("assert") or []), *(test.get("assert") or [])]}


def _mapping(test: Test, key: str) -> dict[str, Any]:
    return test.get(key) or {}


def _texts(value: object) -> bool:
    items = cast("list[object]", value) if isinstance(value, list) else []
    return bool(items) and all(isinstance(each, str) for each in items)


def _assertions(test: Test, item: Item) -> list[dict[str, Any]]:
    """Return the assertions with what the test's options say of each of them, so that each stands alone."""
    options = test["options"]
    transform = options.get("transform") or options.get("postprocess")
    found: list[dict[str, Any]] = []
    for each in test["assert"]:
        assertion = mapping(each)
        if not isinstance(assertion.get("type"), str):
            raise item.wrong("an assertion needs a `type`", "such as `{type: contains, value: text}`")
        found.append(_with_options(assertion, options, transform, item))
    threshold = test.get("threshold")
    if threshold is None or not found:
        return found
    if not isinstance(threshold, int | float) or isinstance(threshold, bool):
        raise item.wrong("the `threshold` of a test must be a number")
    return [{"type": "assert-set", "threshold": threshold, "assert": found}]


def _with_options(
    assertion: dict[str, Any], options: dict[str, Any], transform: object, item: Item
) -> dict[str, Any]:
    kind: str = assertion["type"]
    if isinstance(assertion.get("assert"), list):
        inner = [_with_options(each, options, transform, item) for each in assertion["assert"]]
        return assertion | {"assert": inner}
    if transform is not None:
        if assertion.get("transform") is not None:
            raise item.wrong(
                f"`{kind}` has a `transform`, and so have the test's options", "keep one of the two"
            )
        assertion = assertion | {"transform": transform}
    if kind.removeprefix("not-").startswith(_MODEL_GRADED):
        judge = {key: options[key] for key in _JUDGE_OPTIONS if options.get(key) is not None}
        assertion = judge | assertion
    return assertion
