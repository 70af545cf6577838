"""The answer has as many words as asked for."""

from typing import Annotated

import msgspec

from bakeoff.records import Case, Grade, Sample
from bakeoff.scorers import _expected

_Number = Annotated[int, msgspec.Meta(ge=0)]


class WordRange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From how many to how many words; one of the two may be left out.

    Attributes:
        min: fewest words.
        max: most words.
    """

    min: _Number | None = None
    max: _Number | None = None

    def __post_init__(self) -> None:
        if self.min is None and self.max is None:
            raise ValueError("a range of words needs `min`, `max` or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"no count of words is at least {self.min} and at most {self.max}")


class WordCount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pass an answer whose number of words is right; a word is what stands between white space.

    promptfoo: `word-count`.

    Attributes:
        value: the exact number, or `{min: …, max: …}` of which one may be left out, or a text such as
            `{{words}}` that names a field with the number.
        metric: the metric that it feeds.
    """

    value: _Number | WordRange | str
    metric: str = "word_count"

    def __post_init__(self) -> None:
        if isinstance(self.value, str):
            _expected.check_value(self.value)
            if "{{" not in self.value and not self.value.strip().isdecimal():
                raise ValueError(f"`{self.value}` is no number of words")

    def grade(self, answer: str, case: Case, sample: Sample) -> Grade:  # noqa: ARG002  the text is enough
        """Return pass or fail."""
        wanted = self.value
        if isinstance(wanted, str):
            expected = _expected.expected(wanted, case)
            text = expected.texts[0].strip() if expected.texts else ""
            if not text.isdecimal() or len(text) > 18:
                missing = expected.missing or f"{_expected.shown(text)} is no number of words"
                return _expected.ungradable(missing)
            wanted = int(text)
        bounds = WordRange(min=wanted, max=wanted) if isinstance(wanted, int) else wanted
        count = len(answer.split())
        passed = (bounds.min is None or count >= bounds.min) and (bounds.max is None or count <= bounds.max)
        reason = f"the answer has {count} words, {_asked(bounds)}"
        return _expected.judged(passed=passed, parsed=str(count), reason=reason)


def _asked(bounds: WordRange) -> str:
    if bounds.min == bounds.max:
        return f"asked were {bounds.min}"
    parts = [] if bounds.min is None else [f"at least {bounds.min}"]
    parts += [] if bounds.max is None else [f"at most {bounds.max}"]
    return f"asked were {' and '.join(parts)}"
