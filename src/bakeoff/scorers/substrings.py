"""Texts inside an answer, character for character: all of promptfoo's substring types but `contains`."""

import msgspec

from bakeoff.records import Case, Grade, Sample
from bakeoff.scorers import _expected


class IContains(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pass an answer that holds the text anywhere, in upper or lower case.

    promptfoo: `icontains`. Its `contains` is bakeoff's `contains` with `ignore_case: false` and
    `whole_words: false`, but for runs of white space, which `contains` takes as one blank.

    Attributes:
        value: what to look for; None for the reference or one of its accepted forms, may hold
            `{{field}}` placeholders.
        metric: the metric that it feeds.
    """

    value: str | None = None
    metric: str = "accuracy"

    def __post_init__(self) -> None:
        _check_text(self.value)

    def grade(self, answer: str, case: Case, sample: Sample) -> Grade:  # noqa: ARG002  the text is enough
        """Return pass or fail."""
        expected = _expected.expected(self.value, case)
        if not any(expected.texts):
            return _expected.ungradable(expected.missing or "the text to look for is empty")
        text = answer.lower()
        found = next((wanted for wanted in expected.texts if wanted.lower() in text), None)
        return _found(answer, found, expected.texts, "contain")


class StartsWith(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pass an answer that begins with the text, character for character.

    promptfoo: `starts-with`.

    Attributes:
        value: the beginning; None for the reference or one of its accepted forms, may hold `{{field}}`
            placeholders.
        metric: the metric that it feeds.
    """

    value: str | None = None
    metric: str = "accuracy"

    def __post_init__(self) -> None:
        _check_text(self.value)

    def grade(self, answer: str, case: Case, sample: Sample) -> Grade:  # noqa: ARG002  the text is enough
        """Return pass or fail."""
        expected = _expected.expected(self.value, case)
        if not any(expected.texts):
            return _expected.ungradable(expected.missing or "the text to look for is empty")
        found = next((wanted for wanted in expected.texts if answer.startswith(wanted)), None)
        return _found(answer, found, expected.texts, "start with")


class ContainsAny(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pass an answer that holds at least one of several texts, character for character.

    promptfoo: `contains-any`.

    Attributes:
        value: the texts, as a list or as one text with commas between them (a text with a comma in it
            stands in double quotes); None for the reference. May hold `{{field}}` placeholders.
        metric: the metric that it feeds.
    """

    value: str | list[str] | None = None
    metric: str = "accuracy"

    def __post_init__(self) -> None:
        _check_list(self.value)

    def grade(self, answer: str, case: Case, sample: Sample) -> Grade:  # noqa: ARG002  the text is enough
        """Return pass or fail."""
        return _any(answer, self.value, case, fold=False)


class IContainsAny(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pass an answer that holds at least one of several texts, in upper or lower case.

    promptfoo: `icontains-any`.

    Attributes:
        value: the texts, as for `contains-any`.
        metric: the metric that it feeds.
    """

    value: str | list[str] | None = None
    metric: str = "accuracy"

    def __post_init__(self) -> None:
        _check_list(self.value)

    def grade(self, answer: str, case: Case, sample: Sample) -> Grade:  # noqa: ARG002  the text is enough
        """Return pass or fail."""
        return _any(answer, self.value, case, fold=True)


class ContainsAll(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pass an answer that holds every one of several texts, character for character.

    promptfoo: `contains-all`.

    Attributes:
        value: the texts, as for `contains-any`.
        metric: the metric that it feeds.
    """

    value: str | list[str] | None = None
    metric: str = "accuracy"

    def __post_init__(self) -> None:
        _check_list(self.value)

    def grade(self, answer: str, case: Case, sample: Sample) -> Grade:  # noqa: ARG002  the text is enough
        """Return pass or fail."""
        return _all(answer, self.value, case, fold=False)


class IContainsAll(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pass an answer that holds every one of several texts, in upper or lower case.

    promptfoo: `icontains-all`.

    Attributes:
        value: the texts, as for `contains-any`.
        metric: the metric that it feeds.
    """

    value: str | list[str] | None = None
    metric: str = "accuracy"

    def __post_init__(self) -> None:
        _check_list(self.value)

    def grade(self, answer: str, case: Case, sample: Sample) -> Grade:  # noqa: ARG002  the text is enough
        """Return pass or fail."""
        return _all(answer, self.value, case, fold=True)


def _check_text(value: str | None) -> None:
    if value == "":
        raise ValueError("`value` is empty, and every answer holds an empty text")
    _expected.check_value(value)


def _check_list(value: str | list[str] | None) -> None:
    if value is not None and not value:
        raise ValueError("`value` names no text to look for")
    _expected.check_value(value)


def _any(answer: str, value: str | list[str] | None, case: Case, *, fold: bool) -> Grade:
    expected = _expected.expected_items(value, case)
    if not expected.texts:
        return _expected.ungradable(expected.missing)
    text = answer.lower() if fold else answer
    found = next((w for w in expected.texts if (w.lower() if fold else w) in text), None)
    return _found(answer, found, expected.texts, "contain")


def _all(answer: str, value: str | list[str] | None, case: Case, *, fold: bool) -> Grade:
    expected = _expected.expected_items(value, case)
    if not expected.texts:
        return _expected.ungradable(expected.missing)
    text = answer.lower() if fold else answer
    lacking = tuple(w for w in expected.texts if (w.lower() if fold else w) not in text)
    count = len(expected.texts)
    if lacking:
        reason = f"the answer {_expected.shown(answer)} lacks {len(lacking)} of {count} texts: "
        reason += _expected.listed(lacking)
    else:
        reason = f"the answer contains all of {count} texts"
    return _expected.judged(passed=not lacking, parsed=answer[:200], reason=reason)


def _found(answer: str, found: str | None, wanted: tuple[str, ...], verb: str) -> Grade:
    if found is not None:
        reason = f"the answer {verb}s {_expected.shown(found)}".replace("start withs", "starts with")
        return _expected.judged(passed=True, parsed=found[:200], reason=reason)
    reason = f"the answer {_expected.shown(answer)} does not {verb} {_expected.listed(wanted)}"
    return _expected.judged(passed=False, parsed=answer[:200], reason=reason)
