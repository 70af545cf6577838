"""How many runs of words or characters an answer shares with a reference: BLEU, GLEU, ROUGE, chrF.

Each is of one answer, not of a corpus; a metric over cases is the mean of them.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec

from bakeoff.records import Case, Grade, Sample
from bakeoff.records.units import Share
from bakeoff.scorers import _expected, _extra, _ngrams, _treebank

_ALPHANUMERIC = re.compile(r"[a-z0-9]+")
_FLOOR = 1e-7
_ORDERS = (1, 2, 3, 4)
_LONGEST_LCS = 20_000

Value = str | list[str] | None
Order = Annotated[int, msgspec.Meta(ge=1, le=9)]


class Bleu(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Measure BLEU: precision of runs of 1 to 4 words, times a penalty for a short answer.

    `definition: promptfoo` is promptfoo's `bleu`: words are lower-case and split at white space, runs that
    the answer is too short for are left out, a precision of 0 counts as 1e-7, and of several references
    the best match of each length of runs counts. `definition: sacrebleu` is sacrebleu's sentence BLEU with
    its defaults (tokens 13a, upper and lower case, smoothing exp, effective order), as a share.

    Attributes:
        value: one text or several; None for the reference and its accepted forms.
        threshold: passes from here on.
        definition: whose BLEU.
        metric: the metric that it feeds.
    """

    value: Value = None
    threshold: Share = 0.5
    definition: Literal["promptfoo", "sacrebleu"] = "promptfoo"
    metric: str = "bleu"

    def __post_init__(self) -> None:
        _expected.check_value(self.value)

    def grade(self, answer: str, case: Case, sample: Sample) -> Grade:  # noqa: ARG002  the text is enough
        """Return the BLEU of the answer, and whether it reaches the threshold."""
        expected = _expected.expected_any(self.value, case)
        if not expected.texts:
            return _expected.ungradable(expected.missing)
        if self.definition == "promptfoo":
            score = _bleu(_ngrams.words(answer), [_ngrams.words(text) for text in expected.texts])
        else:
            score = _smooth_bleu(answer, expected.texts)
        return _graded("BLEU", score, self.threshold, answer)


class Gleu(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Measure GLEU (Google-BLEU): the smaller of precision and recall over all runs of 1 to 4 words.

    Words are lower-case, split at white space, without full stops at their ends; of several references the
    best counts. promptfoo: `gleu`. On the same words it is NLTK's `sentence_gleu`.

    Attributes:
        value: one text or several; None for the reference and its accepted forms.
        threshold: passes from here on.
        metric: the metric that it feeds.
    """

    value: Value = None
    threshold: Share = 0.5
    metric: str = "gleu"

    def __post_init__(self) -> None:
        _expected.check_value(self.value)

    def grade(self, answer: str, case: Case, sample: Sample) -> Grade:  # noqa: ARG002  the text is enough
        """Return the GLEU of the answer, and whether it reaches the threshold."""
        expected = _expected.expected_any(self.value, case)
        if not expected.texts:
            return _expected.ungradable(expected.missing)
        given = _without_stops(answer)
        score = _ngrams.best(_gleu(given, _without_stops(text)) for text in expected.texts)
        return _graded("GLEU", score, self.threshold, answer)


class RougeN(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Measure ROUGE-N: F1 of the runs of `n` words that answer and reference share.

    `definition: promptfoo` is promptfoo's `rouge-n`: lower-case Penn Treebank tokens, punctuation included.
    `definition: rouge_score` is that of the package rouge-score without stemming: runs of a-z and 0-9.

    Attributes:
        value: one text or several, of which the best match counts; None for the reference and its accepted
            forms.
        threshold: passes from here on.
        n: words in a run.
        definition: whose ROUGE.
        metric: the metric that it feeds.
    """

    value: Value = None
    threshold: Share = 0.75
    n: Order = 1
    definition: Literal["promptfoo", "rouge_score"] = "promptfoo"
    metric: str = "rouge_n"

    def __post_init__(self) -> None:
        _expected.check_value(self.value)

    def grade(self, answer: str, case: Case, sample: Sample) -> Grade:  # noqa: ARG002  the text is enough
        """Return the ROUGE-N of the answer, and whether it reaches the threshold."""
        expected = _expected.expected_any(self.value, case)
        if not expected.texts:
            return _expected.ungradable(expected.missing)
        split = _treebank.tokens if self.definition == "promptfoo" else _alphanumeric
        given = _ngrams.grams(split(answer.lower()), self.n)
        score = _ngrams.best(
            _shared_f1(given, _ngrams.grams(split(text.lower()), self.n)) for text in expected.texts
        )
        return _graded(f"ROUGE-{self.n}", score, self.threshold, answer)


class RougeL(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Measure ROUGE-L: F1 of the longest sequence of words that answer and reference have in this order.

    The same as `rougeL` of the package rouge-score without stemming. Answers of more than 20,000 words are
    cut there.

    Attributes:
        value: one text or several, of which the best match counts; None for the reference and its accepted
            forms.
        threshold: passes from here on.
        metric: the metric that it feeds.
    """

    value: Value = None
    threshold: Share = 0.75
    metric: str = "rouge_l"

    def __post_init__(self) -> None:
        _expected.check_value(self.value)
        _extra.require("rapidfuzz", "rouge-l")

    def grade(self, answer: str, case: Case, sample: Sample) -> Grade:  # noqa: ARG002  the text is enough
        """Return the ROUGE-L of the answer, and whether it reaches the threshold."""
        expected = _expected.expected_any(self.value, case)
        if not expected.texts:
            return _expected.ungradable(expected.missing)
        given = _alphanumeric(answer.lower())[:_LONGEST_LCS]
        score = _ngrams.best(_lcs_f1(given, _alphanumeric(text.lower())) for text in expected.texts)
        return _graded("ROUGE-L", score, self.threshold, answer)


class Chrf(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Measure chrF: F-score of runs of characters, with `word_order` also of words.

    Recall weighs `beta` times. The same as sacrebleu's sentence chrF, as a share: white space does not
    count, orders that one side has no runs of are left out, of several references the best counts.
    `word_order: 2` is chrF++.

    Attributes:
        value: one text or several; None for the reference and its accepted forms.
        threshold: passes from here on.
        char_order: longest run of characters.
        word_order: longest run of words, 0 for none.
        beta: weight of recall.
        metric: the metric that it feeds.
    """

    value: Value = None
    threshold: Share = 0.5
    char_order: Order = 6
    word_order: Annotated[int, msgspec.Meta(ge=0, le=9)] = 0
    beta: Annotated[float, msgspec.Meta(gt=0, le=100)] = 2.0
    metric: str = "chrf"

    def __post_init__(self) -> None:
        _expected.check_value(self.value)

    def grade(self, answer: str, case: Case, sample: Sample) -> Grade:  # noqa: ARG002  the text is enough
        """Return the chrF of the answer, and whether it reaches the threshold."""
        expected = _expected.expected_any(self.value, case)
        if not expected.texts:
            return _expected.ungradable(expected.missing)
        given = self._runs(answer)
        score = _ngrams.best(_chrf(given, self._runs(text), self.beta) for text in expected.texts)
        return _graded("chrF", score, self.threshold, answer)

    def _runs(self, text: str) -> list[Counter[str] | Counter[_ngrams.Gram]]:
        tight = "".join(text.split())
        runs: list[Counter[str] | Counter[_ngrams.Gram]] = [
            Counter(tight[at : at + size] for at in range(len(tight) - size + 1))
            for size in range(1, self.char_order + 1)
        ]
        apart = _marks_apart(text) if self.word_order else []
        return runs + [_ngrams.grams(apart, size) for size in range(1, self.word_order + 1)]


def corpus_bleu(pairs: Sequence[tuple[str, Sequence[str]]]) -> float:
    """Return sacrebleu's BLEU of answers as one corpus, each with its references, as a share.

    The counts of all answers are added first: it is not the mean of their own BLEU.
    """
    shared, total = [0] * len(_ORDERS), [0] * len(_ORDERS)
    length = nearest = 0
    for answer, texts in pairs:
        given = _ngrams.words_13a(answer)
        references = [_ngrams.words_13a(text) for text in texts]
        length += len(given)
        nearest += min((len(text) for text in references), key=lambda other: (abs(other - len(given)), other))
        for at, size in enumerate(_ORDERS):
            counts = _ngrams.grams(given, size)
            pool: Counter[_ngrams.Gram] = Counter()
            for text in references:
                pool |= _ngrams.grams(text, size)
            shared[at] += _ngrams.overlap(counts, pool)
            total[at] += counts.total()
    if not any(shared) or not all(total):
        return 0.0
    logs: list[float] = []
    halved = 1.0
    for common, whole in zip(shared, total, strict=True):
        halved *= 1 if common else 2
        logs.append(math.log(common / whole if common else 1 / (halved * whole)))
    return (1.0 if length >= nearest else math.exp(1 - nearest / length)) * math.exp(sum(logs) / len(logs))


def _graded(name: str, score: float, threshold: float, answer: str) -> Grade:
    passed = score >= threshold
    verb = "reaches" if passed else "is below"
    return Grade(
        value=score, passed=passed, reason=f"{name} {score:.4f} {verb} {threshold:g}", parsed=answer[:200]
    )


def _bleu(given: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    if not given:
        return 0.0
    logs: list[float] = []
    for size in _ORDERS[: len(given)]:
        counts = _ngrams.grams(given, size)
        shared = max(_ngrams.overlap(counts, _ngrams.grams(text, size)) for text in references)
        logs.append(math.log(shared / (len(given) - size + 1) if shared else _FLOOR))
    return _brevity(len(given), references) * math.exp(sum(logs) / len(logs))


def _smooth_bleu(answer: str, texts: Sequence[str]) -> float:
    given = _ngrams.words_13a(answer)
    references = [_ngrams.words_13a(text) for text in texts]
    logs: list[float] = []
    halved, any_shared = 1.0, False
    for size in _ORDERS[: len(given)]:
        counts = _ngrams.grams(given, size)
        pool: Counter[_ngrams.Gram] = Counter()
        for text in references:
            pool |= _ngrams.grams(text, size)
        shared, total = _ngrams.overlap(counts, pool), len(given) - size + 1
        any_shared = any_shared or shared > 0
        if not shared:
            halved *= 2
        logs.append(math.log(shared / total if shared else 1 / (halved * total)))
    if not any_shared:
        return 0.0
    return _brevity(len(given), references) * math.exp(sum(logs) / len(logs))


def _brevity(length: int, references: Sequence[Sequence[str]]) -> float:
    nearest = min((len(text) for text in references), key=lambda other: (abs(other - length), other))
    return 1.0 if length >= nearest else math.exp(1 - nearest / length)


def _without_stops(text: str) -> list[str]:
    found = [word.rstrip(".") for word in _ngrams.words(text)]
    return found if any(found) else []


def _gleu(given: Sequence[str], reference: Sequence[str]) -> float:
    shared = sum(
        _ngrams.overlap(_ngrams.grams(given, size), _ngrams.grams(reference, size)) for size in _ORDERS
    )
    longer = max(len(given), len(reference))
    return shared / sum(max(longer - size + 1, 0) for size in _ORDERS) if shared else 0.0


def _alphanumeric(text: str) -> list[str]:
    return _ALPHANUMERIC.findall(text)


def _shared_f1(given: Counter[_ngrams.Gram], reference: Counter[_ngrams.Gram]) -> float:
    shared = _ngrams.overlap(given, reference)
    return _ngrams.f_score(shared / given.total(), shared / reference.total()) if shared else 0.0


def _lcs_f1(given: Sequence[str], reference: Sequence[str]) -> float:
    from rapidfuzz.distance import LCSseq  # noqa: PLC0415  an extra

    shared = LCSseq.similarity(given, reference)
    return _ngrams.f_score(shared / len(given), shared / len(reference)) if shared else 0.0


def _chrf(
    given: Sequence[Counter[str] | Counter[_ngrams.Gram]],
    reference: Sequence[Counter[str] | Counter[_ngrams.Gram]],
    beta: float,
) -> float:
    precision = recall = 0.0
    orders = 0
    for mine, theirs in zip(given, reference, strict=True):
        if mine and theirs:
            shared = _ngrams.overlap(mine, theirs)  # type: ignore[arg-type]  # both of one kind
            precision += shared / mine.total()
            recall += shared / theirs.total()
            orders += 1
    return _ngrams.f_score(precision / orders, recall / orders, beta) if orders else 0.0


def _marks_apart(text: str) -> list[str]:
    """Split at white space, and one mark off the end, else the beginning, of each word."""
    found: list[str] = []
    for word in text.split():
        if len(word) > 1 and word[-1] in _MARKS:
            found += [word[:-1], word[-1]]
        elif len(word) > 1 and word[0] in _MARKS:
            found += [word[0], word[1:]]
        else:
            found.append(word)
    return found


_MARKS = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
