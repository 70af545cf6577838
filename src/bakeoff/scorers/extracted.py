"""What the first of several patterns takes out of the answer is the reference."""

from typing import Annotated

import msgspec

from bakeoff.records import Case, Grade, Sample
from bakeoff.scorers import _expected, _patterns

_LETTERS = str.maketrans(
    {
        # Arabic, Bengali and full-width letters of choices.
        "\u0623": "A", "\u0627": "A", "\u0628": "B", "\u062c": "C", "\u062f": "D",
        "\u0985": "A", "\u09ac": "B", "\u09a1": "C", "\u09a2": "D",
        "\uff21": "A", "\uff22": "B", "\uff23": "C", "\uff24": "D",
    }
)  # fmt: skip


class Extracted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pass an answer out of which the first of some patterns that is found takes the reference.

    The patterns are tried in their order; of the first one that is found, the first match counts, and of it
    the first group, or the whole where it has no groups. An answer in which none is found is unparsable.
    White space around both sides does not count. A pattern that repeats a repeat is refused before the run;
    only the last 20,000 characters are searched, each time for at most a second of processor time.

    Attributes:
        patterns: regular expressions in Python's syntax.
        value: what to compare with; None for the reference and its accepted forms, may hold `{{field}}`
            placeholders.
        letters: both sides are letters of choices: case does not count, nor brackets around them, and
            Arabic, Bengali and full-width letters are the Latin ones.
        metric: the metric that it feeds.
    """

    patterns: Annotated[list[str], msgspec.Meta(min_length=1, max_length=200)]
    value: str | None = None
    letters: bool = False
    metric: str = "accuracy"

    def __post_init__(self) -> None:
        _expected.check_value(self.value)
        for pattern in self.patterns:
            _patterns.check(pattern)

    def grade(self, answer: str, case: Case, sample: Sample) -> Grade:  # noqa: ARG002  the text is enough
        """Return pass or fail; an answer in which no pattern is found is unparsable."""
        expected = _expected.expected(self.value, case)
        if not expected.texts:
            return _expected.ungradable(expected.missing)
        found = next(filter(None, (_patterns.first(each, answer) for each in self.patterns)), None)
        if found is None:
            return _expected.unparsable(f"no pattern is found in {_expected.shown(answer)}")
        passed = self._plain(found) in map(self._plain, expected.texts)
        verb = "is" if passed else "is not"
        reason = f"the extracted {_expected.shown(found)} {verb} {_expected.listed(expected.texts)}"
        return _expected.judged(passed=passed, parsed=found[:200], reason=reason)

    def _plain(self, text: str) -> str:
        text = text.strip()
        return text.strip("() .*").translate(_LETTERS).upper() if self.letters else text
