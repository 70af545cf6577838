"""The names of promptfoo's assertion types: the scorers that stand for them, and those that have none yet."""

from typing import Any, cast

from bakeoff import plugins
from bakeoff.errors import PluginError
from bakeoff.plugins import suggest

SETS = frozenset({"assert-set"})
_WRAPPERS = frozenset({"assertions"})
_JUDGED = "asks a model for its judgement"
_TRACED = "needs the trace of an agent"
_LATER = {
    **dict.fromkeys(
        (
            "agent-rubric", "answer-relevance", "context-faithfulness", "context-recall", "context-relevance",
            "conversation-relevance", "factuality", "g-eval", "llm-rubric", "model-graded-closedqa",
            "model-graded-factuality", "search-rubric", "trajectory:goal-success", "pi",
        ),
        _JUDGED,
    ),
    **dict.fromkeys(
        (
            "skill-used", "trajectory:tool-args-match", "trajectory:step-count", "trajectory:tool-sequence",
            "trajectory:tool-used", "trace-error-spans", "trace-span-count", "trace-span-duration",
        ),
        _TRACED,
    ),
    **dict.fromkeys(("classifier", "moderation", "guardrails", "webhook"), "asks a service"),
    **dict.fromkeys(("select-best", "max-score"), "compares the answers of several models"),
    "human": "waits for a person",
    "meteor": "needs a dictionary of synonyms",
    "ruby": "runs Ruby",
}  # fmt: skip
_TEXTS = frozenset(
    {"contains-any", "contains-all", "icontains", "icontains-any", "icontains-all", "starts-with", "regex"}
)


def known_types() -> list[str]:
    """Return the types that an assertion may have, without `not-`."""
    return sorted({*plugins.names("scorers"), *SETS} - _WRAPPERS)


def bare(kind: str) -> tuple[str, bool]:
    """Return the type without its `not-`, and whether it had one."""
    if kind.startswith("not-") and kind not in plugins.names("scorers"):
        return kind.removeprefix("not-"), True
    return kind, False


def check_kind(kind: str) -> None:
    """Refuse a type by name.

    Raises:
        PluginError: it is unknown, or has no scorer in this version.
    """
    name, _ = bare(kind)
    if name in known_types():
        return
    if name in _LATER:
        hint = "leave this assertion out, or grade it elsewhere"
        raise PluginError(
            f"the assertion `{name}` {_LATER[name]}, which is not available in this version", hint=hint
        )
    near = suggest(name, [*known_types(), *_LATER])
    raise PluginError(
        f"there is no assertion type `{kind}`.{near}", hint=f"known: {', '.join(known_types())}"
    )


def as_scorer(kind: str, options: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the scorer and the options that an assertion of promptfoo's stands for.

    Its `contains` looks for the text character for character, as `contains-all` of one text does; its
    `regex` has the pattern as `value`, in JavaScript's notation of named groups.
    """
    value = options.get("value")
    if kind == "contains" and set(options) == {"value"} and not isinstance(value, list | dict):
        kind, options = "contains-all", {"value": [value]}
    if kind == "regex" and "pattern" not in options and isinstance(value, str | int | float):
        rest = {name: each for name, each in options.items() if name != "value"}
        pattern = str(value).replace("(?<", "(?P<").replace("(?P<=", "(?<=").replace("(?P<!", "(?<!")
        kind, options = "regex", {"pattern": pattern, "max_chars": 1_000_000, **rest}
    if kind in _TEXTS and "value" in options:
        options = options | {"value": _text(options["value"])}
    return kind, options


def _text(value: object) -> object:
    """Return numbers as the text that a person sees; YAML made them of it."""
    if isinstance(value, list):
        return [_text(each) for each in cast("list[object]", value)]
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value
