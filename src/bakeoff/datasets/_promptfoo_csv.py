"""A row of a promptfoo CSV file as a test: `__expected` and the other columns with two underscores."""

import re
from collections.abc import Mapping
from typing import Any

from bakeoff.datasets._yaml import Item

_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
_CONFIG = re.compile(r"__config:__expected([1-9]\d*)?:(\w+)")
_SCRIPTS = (".js", ".cjs", ".mjs", ".ts", ".cts", ".mts")
_LISTS = {"contains-all", "contains-any", "icontains-all", "icontains-any"}
_JSON = {"contains-json", "is-json"}
_SIMILAR_AT = 0.8
_OTHERS_AT = 0.75
_WITH_THRESHOLD = {
    "answer-relevance", "classifier", "context-faithfulness", "context-recall", "context-relevance", "cost",
    "latency", "levenshtein", "perplexity-score", "perplexity", "rouge-n", "similar", "starts-with",
}  # fmt: skip
_PLAIN = {
    "agent-rubric", "bleu", "contains", "contains-html", "contains-sql", "contains-xml",
    "conversation-relevance", "equals", "factuality", "finish-reason", "g-eval", "gleu", "guardrails",
    "icontains", "is-html", "is-refusal", "is-sql", "is-valid-function-call",
    "is-valid-openai-function-call", "is-valid-openai-tools-call", "is-xml", "javascript", "llm-rubric",
    "pi", "meteor", "model-graded-closedqa", "model-graded-factuality", "moderation", "python", "regex",
    "ruby", "search-rubric", "skill-used", "tool-call-f1", "trace-error-spans", "trace-span-count",
    "trace-span-duration", "trajectory:goal-success", "trajectory:step-count",
    "trajectory:tool-args-match", "trajectory:tool-sequence", "trajectory:tool-used", "webhook",
    "word-count",
}  # fmt: skip
_TYPES = "|".join(sorted(map(re.escape, _LISTS | _JSON | _WITH_THRESHOLD | _PLAIN), key=len, reverse=True))
_ASSERTION = re.compile(
    rf"(?P<type>(?:not-)?(?:{_TYPES}))(?:\((?P<threshold>\d+(?:\.\d+)?)\))?(?::(?P<value>.*))?", re.DOTALL
)


def test_of_row(row: Mapping[str, str], item: Item) -> dict[str, Any]:
    """Return the test that a row stands for: its plain columns are variables.

    Raises:
        DataError: a `__config` column or a cell of it is wrong.
    """
    test: dict[str, Any] = {"vars": {}, "assert": [], "options": {}, "metadata": {}}
    for name, value in row.items():
        if not name.startswith("__"):
            test["vars"][name] = value
        elif name.startswith("__expected"):
            test["assert"] += [_assertion(value.strip(), item)] if value.strip() else []
        else:
            _special(test, name, value)
    metric = test.pop("metric", None)
    for assertion in test["assert"] if metric else ():
        assertion["metric"] = metric
    for name, value in row.items():
        if name.startswith("__config:"):
            place, number = _config(name, value, item)
            if place < len(test["assert"]):
                test["assert"][place]["threshold"] = number
    return test


def _special(test: dict[str, Any], name: str, value: str) -> None:
    """Put a column with two underscores where it belongs."""
    if name in {"__prefix", "__suffix"}:
        test["options"][name[2:]] = value
    elif name.startswith("__metadata:"):
        _metadata(test["metadata"], name.removeprefix("__metadata:"), value)
    elif name == "__threshold":
        number = _number(value)
        test |= {} if number is None else {"threshold": number}
    elif name in {"__description", "__metric", "__providerOutput"}:
        test |= {name[2:]: value} if value else {}
    elif name != "__metadata" and not name.startswith("__config:"):
        test["vars"][name] = value


def _metadata(metadata: dict[str, Any], name: str, value: str) -> None:
    if value.strip():
        if name.endswith("[]"):
            parts = re.split(r"(?<!\\),", value)
            metadata[name[:-2]] = [part.strip().replace("\\,", ",") for part in parts]
        else:
            metadata[name] = value


def _config(name: str, value: str, item: Item) -> tuple[int, float]:
    found = _CONFIG.fullmatch(name)
    if found is None or found[2] != "threshold":
        hint = "write `__config:__expected:threshold` or `__config:__expected2:threshold`"
        raise item.wrong(f"the column `{name}` says nothing that promptfoo knows", hint)
    number = _number(value)
    if number is None:
        raise item.wrong(f"`{value}` in the column `{name}` is no number")
    return int(found[1] or 1) - 1, number


def _number(text: str) -> float | None:
    return float(text) if _NUMBER.fullmatch(text.strip()) else None


def _assertion(text: str, item: Item) -> dict[str, Any]:
    """Return the assertion that a cell says; what names no type is the text that is expected."""
    for prefix, kind in (
        ("javascript:", "javascript"),
        ("fn:", "javascript"),
        ("eval:", "javascript"),
        ("grade:", "llm-rubric"),
        ("llm-rubric:", "llm-rubric"),
        ("python:", "python"),
    ):
        if text.startswith(prefix):
            rest = text.removeprefix(prefix)
            return {"type": kind, "value": rest if kind == "llm-rubric" else rest.strip()}
    if text.startswith("file://"):
        if text.endswith(_SCRIPTS):
            return {"type": "javascript", "value": text}
        if text.endswith(".py") or ".py:" in text:
            return {"type": "python", "value": text}
    found = _ASSERTION.fullmatch(text)
    if found is None:
        return {"type": "equals", "value": text}
    kind = found["type"].removeprefix("not-")
    value: Any = found["value"]
    if value and kind in _LISTS:
        value = _listed(value, item)
    elif value and kind not in _JSON:
        value = value.strip()
    whole: dict[str, Any] = {"type": found["type"]} | ({} if value is None else {"value": value})
    if kind in _WITH_THRESHOLD:
        usual = _SIMILAR_AT if kind == "similar" else _OTHERS_AT
        whole["threshold"] = float(found["threshold"]) if found["threshold"] else usual
    return whole


def _listed(text: str, item: Item) -> list[str]:
    """Return texts that commas separate; one in double quotes may hold a comma."""
    found: list[str] = []
    place = 0
    while True:
        while place < len(text) and (text[place].isspace() or text[place] == ","):
            place += 1
        if place == len(text):
            return found
        if text[place] != '"':
            end = text.find(",", place)
            end = len(text) if end < 0 else end
            found.append(text[place:end].strip())
            place = end
            continue
        quoted = re.compile(r'"((?:\\["\\]|""|[^"])*)"\s*(?=,|$)', re.DOTALL).match(text, place)
        if quoted is None:
            raise item.wrong(f"a quote in `{text}` is not closed", "put a comma after the closing quote")
        found.append(re.sub(r'\\(["\\])|"(")', lambda m: m[1] or m[2], quoted[1]))
        place = quoted.end()
