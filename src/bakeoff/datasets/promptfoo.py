"""The tests of a promptfoo configuration as cases."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from bakeoff import textfiles
from bakeoff.datasets._promptfoo_tests import Suite
from bakeoff.datasets._promptfoo_vars import combinations, resolved
from bakeoff.datasets._yaml import Item
from bakeoff.errors import DataError
from bakeoff.records import Case

_SLICES = ("category", "difficulty")


class Promptfoo(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The tests of a promptfoo configuration: `tests`, `defaultTest` and `scenarios`, wherever they stand.

    The fields of a case are the test's variables, and `assert` its assertions; a description and metadata
    become `__description` and `__metadata`. A variable that is a list of texts gives one case for each
    entry, several such lists one for each combination. A variable that a test lacks is an empty text, as
    Nunjucks has it. A test's own `threshold` becomes an `assert-set` around its assertions.

    Attributes:
        path: the configuration.
        key: the key under which it stands, for a file that holds other things too.
        prompt: only the tests for the prompt of this label.
    """

    path: str
    key: str = ""
    prompt: str | None = None

    @property
    def endless(self) -> bool:
        """Tell that the file ends."""
        return False

    def cases(self, base: Path, rng: Random) -> Iterator[Case]:  # noqa: ARG002  tests are in file order
        """Yield one case for each test and combination of its variables."""
        path = textfiles.resolve(base, self.path)
        suite = Suite(path, self.key)
        tests = [item for item in suite.tests() if self._asked(item)]
        rows = [(item, fields) for item in tests for fields in _rows(item, suite.base)]
        if not rows:
            raise DataError("holds no test", where=str(path), hint="a data set needs at least one case")
        names = dict.fromkeys(name for _, fields in rows for name in fields)
        seen: Counter[str] = Counter()
        last = 0
        for item, fields in rows:
            whole = {name: fields.get(name, "") for name in names if name in fields or not _own(name)}
            # Lines of other files, and of scenarios, whose tests come again, would mislead.
            line = item.line if item.path == path and item.line >= last else 0
            last = max(last, line)
            name = _id(whole)
            seen[name] += 1
            identity = name if seen[name] == 1 else f"{name}-{seen[name]}"
            yield Case(id=identity, fields=whole, slices=_slices(item), line=line)

    def _asked(self, item: Item) -> bool:
        prompts = item.value.get("prompts")
        if self.prompt is None or prompts is None:
            return True
        return any(
            _matches(self.prompt, str(each)) for each in ([prompts] if isinstance(prompts, str) else prompts)
        )


def _rows(item: Item, base: Path) -> Iterator[dict[str, Any]]:
    test: dict[str, Any] = item.value
    options = test["options"]
    given: dict[str, Any] = test["vars"]
    whole = [given] if options.get("disableVarExpansion") else combinations(given, item, base)
    for variables in whole:
        taken = [name for name in variables if _own(name) or name == "messages"]
        if taken:
            raise item.wrong(f"a variable is named `{taken[0]}`", "rename it: the name has a meaning here")
        fields = resolved(variables, item, base) | {"assert": test["assert"]}
        for name in ("prefix", "suffix"):
            if options.get(name):
                if "{{" in str(options[name]) or "{%" in str(options[name]):
                    raise item.wrong(f"the `{name}` of a test holds a template", "move it into the prompt")
                fields[f"__{name}"] = str(options[name])
        if test.get("description"):
            fields["__description"] = test["description"]
        if test["metadata"]:
            fields["__metadata"] = test["metadata"]
        yield fields


def _id(fields: dict[str, Any]) -> str:
    """Name a case by its variables, so that new assertions leave the name as it is."""
    asked = {name: value for name, value in fields.items() if not _own(name)}
    text = msgspec.json.encode(asked, order="deterministic")
    return hashlib.sha256(text).hexdigest()[:12]


def _own(name: str) -> bool:
    """Say whether a field is ours and no variable; the two that go into the prompt are filled up as well."""
    return name == "assert" or (name.startswith("__") and name not in {"__prefix", "__suffix"})


def _matches(label: str, pattern: str) -> bool:
    """Say whether a test's `prompts` means a prompt: its label, the group before `:`, or `group*`."""
    within = pattern.endswith("*") and label.startswith(pattern[:-1])
    return label == pattern or label.startswith(f"{pattern}:") or within


def _slices(item: Item) -> dict[str, str]:
    metadata = item.value["metadata"]
    return {name: str(metadata[name]) for name in _SLICES if metadata.get(name) is not None}
