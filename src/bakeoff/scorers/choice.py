"""The letter of one of several choices."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated, cast

import msgspec

from bakeoff.records import Case, Grade, Sample
from bakeoff.scorers import _expected, _words

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_USUAL = 10
_MAX_CHARS = 20_000
_WRAP = r"[\s*_`'\"(\[{$]*"
_IS = r"(?:\s+(?:is|would\s+be|to\s+be|should\s+be))?(?:\s+(?:option|choice|letter))?\s*[:=-]?"
_CLOSE = r"[\s*_`'\")\]}$.:,;!]*"


class _Found(msgspec.Struct, frozen=True):
    """A letter, and how it was found."""

    letter: str
    how: str


class _Forms(msgspec.Struct, frozen=True):
    """The well-formed ways to name one of some letters, strongest first."""

    whole: re.Pattern[str]
    stated: re.Pattern[str]
    named: re.Pattern[str]
    bracketed: re.Pattern[str]
    leading: re.Pattern[str]
    alone: re.Pattern[str]


class Choice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    r"""Pass an answer that names the right letter.

    Forms are tried in this order, and within a form the last one counts: the answer is the letter alone
    (`B`, `(b)`, `**B**.`); it is stated (`the answer is B`, `Answer: (B)`, `\boxed{B}`); it is named
    (`option B`); a line begins with it (`B. Rome`), unless lines begin with several, as when the options
    are repeated; it stands in brackets (`(B)`); one single capital stands alone (`It is B because`).
    After these, the text of exactly one choice in the answer counts as its letter. Letters
    inside words never count, so `CORRECT` is not `C`; nor do the words `A` and `I` in a sentence.

    Attributes:
        value: the right letter or choice; None for the reference, may hold `{{field}}` placeholders.
        letters: the letters to choose from, such as `ABCD`; None for one per entry of the row's
            `choices`, or `A` to `J` without them.
        match_text: take the text of a choice for its letter.
        metric: the metric that it feeds.
    """

    value: str | None = None
    letters: Annotated[str, msgspec.Meta(pattern="^[A-Z]{2,26}$")] | None = None
    match_text: bool = True
    metric: str = "accuracy"

    def __post_init__(self) -> None:
        _expected.check_value(self.value)

    def grade(self, answer: str, case: Case, sample: Sample) -> Grade:  # noqa: ARG002  the text is enough
        """Return pass or fail; an answer that names no choice is unparsable."""
        choices = _choices(case)
        letters = self.letters or _ALPHABET[: len(choices) or _USUAL]
        expected = _expected.expected(self.value, case)
        if not expected.texts:
            return _expected.ungradable(expected.missing)
        wanted = _right(expected.texts, letters, choices)
        if wanted is None:
            reason = f"the reference {_expected.listed(expected.texts)} is none of the choices {letters}"
            return _expected.ungradable(reason)
        text = answer[-_MAX_CHARS:].strip()
        found = _letter(text, _forms(letters)) or (
            _by_text(text, letters, choices) if self.match_text else None
        )
        if found is None:
            return _expected.unparsable(f"{_expected.shown(answer)} names none of the choices {letters}")
        passed = found.letter == wanted
        verb = "is" if passed else "is not"
        reason = f"choice {found.letter} ({found.how}) {verb} {wanted}"
        return _expected.judged(passed=passed, parsed=found.letter, reason=reason)


def _choices(case: Case) -> tuple[str, ...]:
    value: object = case.fields.get("choices")
    if not isinstance(value, list):
        return ()
    return tuple(_expected.as_text(item) for item in cast("list[object]", value))


def _right(texts: Sequence[str], letters: str, choices: Sequence[str]) -> str | None:
    for text in texts:
        bare = text.strip().strip("().")
        if len(bare) == 1 and bare.upper() in letters:
            return bare.upper()
    return next((letters[choices.index(text)] for text in texts if text in choices[: len(letters)]), None)


@lru_cache(maxsize=64)
def _forms(letters: str) -> _Forms:
    either = f"[{letters}{letters.lower()}]"
    # A small letter may be a word ("the answer is a dog"), so it must end the line or stand before a bracket.
    clear = (
        rf"(?:([{letters}])(?![\w'\u2019])|([{letters.lower()}])(?=[\s*_`'\")\]}}$.:,;!]*(?:$|\n)|[)\]}}]))"
    )
    return _Forms(
        whole=re.compile(rf"{_WRAP}({either}){_CLOSE}"),
        stated=re.compile(rf"(?i:\banswer{_IS}|\\boxed|\\text){_WRAP}{clear}"),
        named=re.compile(rf"(?i:\b(?:option|choice|letter){_IS}){_WRAP}{clear}"),
        bracketed=re.compile(rf"[(\[]\s*({either})\s*[)\]]"),
        leading=re.compile(rf"^[\s*_`>-]*([{letters}])[*_]*[.):,](?=\s|$)", re.MULTILINE),
        alone=re.compile(rf"(?<![\w'\u2019.-])([{letters}])(?![\w'\u2019-]|\.\w)"),
    )


def _letter(text: str, forms: _Forms) -> _Found | None:
    whole = forms.whole.fullmatch(text)
    if whole:
        return _Found(whole[1].upper(), "the whole answer")
    leading = _all(forms.leading, text)
    alone = [letter for letter in _all(forms.alone, text) if letter not in {"A", "I"}]
    ways = (
        ("stated as the answer", _all(forms.stated, text)),
        ("named as an option", _all(forms.named, text)),
        ("at the start of a line", _if_one(leading)),
        ("in brackets", _all(forms.bracketed, text)),
        ("standing alone", [] if leading else _if_one(alone)),
    )
    return next((_Found(letters[-1], how) for how, letters in ways if letters), None)


def _if_one(letters: list[str]) -> list[str]:
    """Return the letters if they are all the same one, else none."""
    return letters if len(set(letters)) == 1 else []


def _all(form: re.Pattern[str], text: str) -> list[str]:
    return [next(group for group in match.groups() if group).upper() for match in form.finditer(text)]


def _by_text(text: str, letters: str, choices: Sequence[str]) -> _Found | None:
    """Return the choice whose text the answer holds, or none where it holds several that differ."""
    folded = _folded(text)
    held = [
        (wanted, letter)
        for letter, wanted in zip(letters, map(_folded, choices), strict=False)
        if wanted and _words.holds(folded, wanted)
    ]
    # "Paris" is also held where "Paris, Texas" is; the longer one is what was said.
    longest = [
        letter for wanted, letter in held if not any(wanted in other and wanted != other for other, _ in held)
    ]
    return _Found(longest[0], "by its text") if len(longest) == 1 else None


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()
