"""The choice that a model finds most likely: by its likelihood, or by the probability of its letter."""

import math
from collections.abc import Sequence
from typing import ClassVar, cast

import msgspec

from bakeoff.records import Case, Grade, Sample
from bakeoff.scorers import _expected

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Acc(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pass where the right choice is the most likely one.

    With `multiple_choice: prompt_logprobs` or `grammar` that is the choice of the highest log-likelihood;
    with `first_token`, the letter that the model most likely begins its answer with. A letter that is not
    among the tokens that the server lists counts as less likely than all that are, and the reason says so.
    The first of equally likely choices counts.

    Attributes:
        metric: the metric that it feeds.
    """

    modes: ClassVar[frozenset[str]] = frozenset({"prompt_logprobs", "grammar", "first_token"})

    metric: str = "acc"

    def grade(self, answer: str, case: Case, sample: Sample) -> Grade:  # noqa: ARG002  what was said is not asked
        """Return pass or fail; unparsable without likelihoods."""
        right = _right(case)
        if right is None:
            return _expected.ungradable("the reference is none of the letters of the choices")
        if sample.likelihoods:
            logprobs = [likelihood.logprob for likelihood in sample.likelihoods]
            return _judged(logprobs, right, "log-likelihood")
        return _by_letter(sample, case, right)


class AccNorm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pass where the right choice is the most likely one for its length: log-likelihood per UTF-8 byte.

    Needs `multiple_choice: prompt_logprobs` or `grammar`. Long choices are less likely than short ones only
    because they are long; this takes that out. The blank before a choice is not counted.

    Attributes:
        metric: the metric that it feeds.
    """

    modes: ClassVar[frozenset[str]] = frozenset({"prompt_logprobs", "grammar"})

    metric: str = "acc_norm"

    def grade(self, answer: str, case: Case, sample: Sample) -> Grade:  # noqa: ARG002  what was said is not asked
        """Return pass or fail; unparsable without likelihoods."""
        right = _right(case)
        if right is None:
            return _expected.ungradable("the reference is none of the letters of the choices")
        texts = _texts(case)
        if len(sample.likelihoods) != len(texts):
            return _expected.unparsable("the sample has no likelihoods")
        logprobs = [
            likelihood.logprob / max(1, len(text.strip().encode()))
            for likelihood, text in zip(sample.likelihoods, texts, strict=True)
        ]
        return _judged(logprobs, right, "log-likelihood per byte")


def _texts(case: Case) -> list[str]:
    """Return the choices: the row's, or what was asked in their place."""
    if case.continuations:
        return [each.text for each in case.continuations]
    value: object = case.fields.get("choices")
    return [str(item) for item in cast("list[object]", value)] if isinstance(value, list) else []


def _right(case: Case) -> int | None:
    letters = _ALPHABET[: len(_texts(case))]
    reference = case.reference
    found = letters.find(reference) if isinstance(reference, str) and len(reference) == 1 else -1
    return None if found < 0 else found


def _judged(values: Sequence[float], right: int, what: str) -> Grade:
    chosen = max(range(len(values)), key=values.__getitem__)
    shown = ", ".join(f"{letter} {value:.4f}" for letter, value in zip(_ALPHABET, values, strict=False))
    passed = chosen == right
    reason = f"choice {_ALPHABET[chosen]} {'is' if passed else 'is not'} {_ALPHABET[right]}; {what}: {shown}"
    return _expected.judged(passed=passed, parsed=_ALPHABET[chosen], reason=reason)


def _by_letter(sample: Sample, case: Case, right: int) -> Grade:
    """Judge by the likeliest first tokens, with or without a leading blank."""
    if not sample.top_logprobs:
        return _expected.unparsable("the answer came without the probabilities of its first token")
    tops = sample.top_logprobs[0]
    letters = _ALPHABET[: len(_texts(case))]
    shares = {
        letter: math.fsum(math.exp(value) for token, value in tops.items() if token.strip() == letter)
        for letter in letters
    }
    if not any(shares.values()):
        likeliest = _expected.shown(max(tops, key=tops.__getitem__, default=""))
        return _expected.unparsable(
            f"no letter is among the {len(tops)} likeliest first tokens; the first is {likeliest}"
        )
    grade = _judged([shares[letter] for letter in letters], right, "probability")
    absent = [letter for letter in letters if not shares[letter]]
    if not absent:
        return grade
    note = f"; not among the {len(tops)} likeliest tokens: {', '.join(absent)}"
    return msgspec.structs.replace(grade, reason=grade.reason + note)
