"""A regular expression matches the answer, or extracts what is compared with the reference."""

import re
from functools import lru_cache

import msgspec

from bakeoff.records import Case, Grade, Sample
from bakeoff.records.units import Count
from bakeoff.sandbox import Found, TooSlowError, find
from bakeoff.scorers import _expected, _patterns


class Regex(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pass an answer in which `pattern` is found or, with `group`, whose last match holds the reference.

    Guarded are: a pattern that does not compile and one with a repeat directly inside a repeat, such
    as `(a+)+`, which can take for ever, are refused before the run; only the last `max_chars`
    characters of an answer are searched; a search is given up after a second of processor time, and then
    counts as unparsable. promptfoo: `regex`, whose `value` is the `pattern` here, in Python's syntax.

    Attributes:
        pattern: Python syntax, flags as `(?i)`; `{{field}}` stands for that field's literal text.
        group: number or name of the group to compare; None passes every match.
        value: what the group must equal; None for the reference, may hold `{{field}}` placeholders.
        ignore_case: upper and lower case are the same, in the pattern and in the comparison.
        full: the pattern must match the whole answer, without the white space around it.
        max_chars: how much of the answer is searched.
        metric: the metric that it feeds.
    """

    pattern: str
    group: int | str | None = None
    value: str | None = None
    ignore_case: bool = False
    full: bool = False
    max_chars: Count = 20_000
    metric: str = "accuracy"

    def __post_init__(self) -> None:
        _expected.check_value(self.value)
        if self.value is not None and self.group is None:
            raise ValueError("`value` needs `group`, the part of the match to compare")
        compiled = _patterns.check(_expected.probe_pattern(self.pattern))
        if isinstance(self.group, int) and not 0 <= self.group <= compiled.groups:
            raise ValueError(f"`{self.pattern}` has {compiled.groups} groups, not {self.group}")
        if isinstance(self.group, str) and self.group not in compiled.groupindex:
            raise ValueError(f"`{self.pattern}` has no group `{self.group}`")

    def grade(self, answer: str, case: Case, sample: Sample) -> Grade:  # noqa: ARG002  the text is enough
        """Return pass or fail; with `group`, an answer without a match is unparsable."""
        pattern = _expected.fill_pattern(self.pattern, case)
        expected = _expected.Expected(()) if self.group is None else _expected.expected(self.value, case)
        if pattern.missing or expected.missing:
            return _expected.ungradable(pattern.missing or expected.missing)
        try:
            match = self._match(pattern.texts[0], answer)
        except TooSlowError:
            return _expected.unparsable(f"`{self.pattern}` took too long on {_expected.shown(answer)}")
        if self.group is None:
            return self._found(match, answer)
        text = None if match is None else match.group(self.group)
        if text is None:
            return _expected.unparsable(f"`{self.pattern}` is not found in {_expected.shown(answer)}")
        passed = self._same(text) in map(self._same, expected.texts)
        verb = "is" if passed else "is not"
        return _expected.judged(
            passed=passed,
            parsed=text,
            reason=f"the extracted {_expected.shown(text)} {verb} {_expected.listed(expected.texts)}",
        )

    def _match(self, pattern: str, answer: str) -> Found | None:
        compiled = _compiled(pattern, re.IGNORECASE if self.ignore_case else re.NOFLAG)
        text = answer[-self.max_chars :]
        if self.full:
            return find(compiled, text.strip(), how="full")
        if self.group is None:
            return find(compiled, text)
        return find(compiled, text, how="last", group=self.group)

    def _found(self, match: Found | None, answer: str) -> Grade:
        how = "matches the whole of" if self.full else "is found in"
        if match is None:
            reason = f"`{self.pattern}` {how.replace('is', 'is not', 1).replace('matches', 'does not match')}"
            reason += f" {_expected.shown(answer)}"
            return _expected.judged(passed=False, parsed=answer[:200], reason=reason)
        text = _expected.shown(match.text)
        return _expected.judged(
            passed=True, parsed=match.text[:200], reason=f"`{self.pattern}` matches {text}"
        )

    def _same(self, text: str) -> str:
        text = " ".join(text.split())
        return text.casefold() if self.ignore_case else text


@lru_cache(maxsize=1024)
def _compiled(pattern: str, flags: re.RegexFlag) -> re.Pattern[str]:
    return re.compile(pattern, flags)
