"""Compute the card of a data set from its cases. It reads no file and knows no run."""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from bakeoff.prompts import content_hash
from bakeoff.prompts.mapping import (
    ACCEPTED_NAMES,
    ID_NAMES,
    LETTERS,
    MESSAGES_NAMES,
    REFERENCE_NAMES,
    as_text,
    texts_of,
)
from bakeoff.prompts.render import INPUT_NAMES
from bakeoff.records import Case
from bakeoff.records.card import Answers, DataCard, Duplicates, FieldCard, Leak, Lengths
from bakeoff.stats.quantiles import quantile

_WORDS = re.compile(r"\w+")
_KINDS = {
    "str": "text",
    "bool": "boolean",
    "int": "integer",
    "float": "number",
    "list": "list",
    "dict": "object",
    "NoneType": "null",
}
_SHOWN = 10
_RUN = 13
"""Words in a row that two texts do not share by chance; common in studies of contamination."""
_LABELS = 20
"""With more different answers than this they are no labels, and their balance says nothing."""
_MAJORITY = 0.6
_NOT_ASKED = {"assert", *ID_NAMES, *REFERENCE_NAMES, *ACCEPTED_NAMES, *MESSAGES_NAMES}
_NAMING = {*ID_NAMES, "__id"}
_CANONICAL = msgspec.json.Encoder(order="deterministic")


def make_card(
    name: str, cases: Sequence[Case], *, few_shot: Sequence[Mapping[str, Any]] = (), source: str = ""
) -> DataCard:
    """Return the card of cases.

    Args:
        name: of the benchmark, or of the file.
        cases: mapped and named, in their order.
        few_shot: the examples that the model is shown, as rows.
        source: where the cases come from.
    """
    questions = [question(case.fields, case.messages) for case in cases]
    card = DataCard(
        name=name,
        rows=len(cases),
        sha256=content_hash(cases),
        source=source,
        fields=_fields(cases),
        duplicates=_duplicates(cases, questions),
        leaks=list(_leaks(cases, questions, few_shot)),
        answers=_answers(cases),
        questions=_lengths([len(text) for text in questions]),
        references=_lengths([len(text) for text in _references(cases)]),
    )
    return msgspec.structs.replace(card, warnings=list(_warnings(card)))


def question(fields: Mapping[str, Any], messages: Sequence[Any] = ()) -> str:
    """Return what a row asks, as text: its usual input field and choices, else all that is no answer."""
    texts = [as_text(message.content) for message in messages]
    for name in INPUT_NAMES:
        asked = fields.get(name)
        if asked is not None:
            return "\n".join([*texts, as_text(asked), *texts_of(fields.get("choices"))])
    rest = [
        as_text(value) for name, value in fields.items() if not (name in _NOT_ASKED or name.startswith("__"))
    ]
    return "\n".join([*texts, *rest])


def normalised(text: str) -> str:
    """Return a text without case, punctuation and runs of white space."""
    return " ".join(_WORDS.findall(text.casefold()))


def _fields(cases: Sequence[Case]) -> list[FieldCard]:
    filled: Counter[str] = Counter()
    types: dict[str, Counter[type]] = defaultdict(Counter)
    for case in cases:
        for name, value in case.fields.items():
            types[name][type(value)] += 1
            # Nought and false are values; an empty text, list or mapping is none.
            filled[name] += bool(value) or value == 0
    return [FieldCard(name=name, filled=filled[name], types=_kinds(seen)) for name, seen in types.items()]


def _kinds(seen: Mapping[type, int]) -> dict[str, int]:
    kinds: Counter[str] = Counter()
    for kind, count in seen.items():
        kinds[_KINDS.get(kind.__name__, "other")] += count
    return dict(kinds)


def _duplicates(cases: Sequence[Case], questions: Sequence[str]) -> Duplicates:
    rows: set[bytes] = set()
    asked: dict[bytes, Case] = {}
    exact = again = conflicting = 0
    examples: list[tuple[str, str]] = []
    for case, text in zip(cases, questions, strict=True):
        row = _digest(_CANONICAL.encode({k: v for k, v in case.fields.items() if k not in _NAMING}))
        exact += row in rows
        rows.add(row)
        plain = normalised(text)
        first = asked.setdefault(_digest((plain or text).encode()), case)
        if first is not case:
            again += 1
            conflicting += first.reference != case.reference
            if len(examples) < _SHOWN:
                examples.append((first.id, case.id))
    return Duplicates(exact=exact, normalised=again, conflicting=conflicting, examples=examples)


def _digest(text: bytes) -> bytes:
    return hashlib.sha256(text).digest()[:16]


def _leaks(
    cases: Sequence[Case], questions: Sequence[str], few_shot: Sequence[Mapping[str, Any]]
) -> Iterator[Leak]:
    """Yield each example with the rows that it gives away."""
    examples = [(number, normalised(question(row))) for number, row in enumerate(few_shot, 1)]
    examples = [(number, text) for number, text in examples if text]
    if not examples:
        return
    runs = {run: number for number, text in examples for run in _runs(text)}
    for case, text in zip(cases, questions, strict=True):
        plain = normalised(text)
        same = next((number for number, example in examples if example == plain), None)
        if same is not None:
            yield Leak(example=same, case=case.id, how="same question")
            continue
        shared = next((runs[run] for run in _runs(plain) if run in runs), None)
        if shared is not None:
            yield Leak(example=shared, case=case.id, how="shared words")


def _runs(text: str) -> Iterator[str]:
    words = text.split()
    return (" ".join(words[start : start + _RUN]) for start in range(len(words) - _RUN + 1))


def _answers(cases: Sequence[Case]) -> Answers:
    references = list(_references(cases))
    counts = Counter(references)
    choices = Counter(len(texts_of(case.fields.get("choices"))) for case in cases)
    del choices[0]
    labels = len(counts) <= _LABELS
    top = counts.most_common(1)
    return Answers(
        n=len(references),
        distinct=len(counts),
        counts=dict(counts.most_common(_SHOWN)) if labels else {},
        majority=top[0][1] / len(references) if labels and top else None,
        choices={str(number): rows for number, rows in sorted(choices.items())},
    )


def _references(cases: Sequence[Case]) -> Iterator[str]:
    """Yield the right answers as text; one of white space alone is none, as for the scorers."""
    texts = (as_text(case.reference) for case in cases if case.reference is not None)
    return (text for text in texts if text.strip())


def _lengths(lengths: list[int]) -> Lengths | None:
    if not lengths:
        return None
    ordered = sorted(lengths)
    quantiles = {f"p{q}": quantile(ordered, q / 100) for q in (5, 50, 95, 99)}
    return Lengths(n=len(ordered), mean=sum(ordered) / len(ordered), max=ordered[-1], **quantiles)


def _warnings(card: DataCard) -> Iterator[str]:
    found, answers = card.duplicates, card.answers
    if found.normalised:
        yield (
            f"{found.normalised} of {card.rows} rows ask what an earlier row asks ({found.exact} are equal "
            "in all fields): they count twice, and intervals are narrower than they should be"
        )
    if found.conflicting:
        yield f"{found.conflicting} rows ask what an earlier row asks and have another right answer"
    if card.leaks:
        numbers = ", ".join(str(number) for number in sorted({leak.example for leak in card.leaks}))
        yield f"the examples {numbers} of `few_shot` give away {len(card.leaks)} rows; take others"
    if 0 < answers.n < card.rows:
        yield f"{card.rows - answers.n} of {card.rows} rows have no right answer"
    if answers.majority is not None and answers.distinct > 1 and answers.majority >= _MAJORITY:
        top = next(iter(answers.counts))
        yield f"always answering `{top[:40]}` would be right in {answers.majority:.0%} of the rows"
    if answers.choices and answers.n == card.rows > 1 and set(answers.counts) == {LETTERS[0]}:
        yield "the right choice is always the first one; shuffle the choices by the benchmark's seed"
    sparse = [field.name for field in card.fields if 0 < field.filled < card.rows and len(field.types) > 1]
    if sparse:
        yield f"fields of more than one type, or null in some rows: {', '.join(sparse[:_SHOWN])}"


class CardTable(msgspec.Struct, frozen=True, kw_only=True):
    """One table of a card; the first cell of a row names it."""

    head: tuple[str, ...]
    rows: list[tuple[str, ...]]


def tables(card: DataCard) -> list[CardTable]:
    """Return the tables of a card, without those that would be empty."""
    found = [
        CardTable(head=("field", "filled", "types"), rows=[_field_row(card, field) for field in card.fields]),
        CardTable(head=_LENGTHS, rows=_length_rows(card)),
        CardTable(head=("check", "rows"), rows=_check_rows(card)),
        CardTable(head=("right answer", "rows", "share"), rows=_answer_rows(card.answers)),
    ]
    return [table for table in found if table.rows]


_LENGTHS = ("length in characters", "n", "mean", "p5", "p50", "p95", "p99", "max")


def _field_row(card: DataCard, field: FieldCard) -> tuple[str, ...]:
    kinds = ", ".join(f"{kind} {count}" for kind, count in field.types.items())
    return (field.name, _filled(field.filled, card.rows), kinds)


def _filled(filled: int, rows: int) -> str:
    """Return a share that says 100% of all rows only, and 0% of none."""
    share = filled / rows
    if 0 < filled < rows:
        share = min(max(share, 0.001), 0.999)
        return f"{share:.1%}" if share < 0.01 or share > 0.99 else f"{share:.0%}"
    return f"{share:.0%}"


def _length_rows(card: DataCard) -> list[tuple[str, ...]]:
    spans = [("question", card.questions), ("right answer", card.references)]
    return [
        (name, *(f"{value:.0f}" for value in msgspec.structs.astuple(span))) for name, span in spans if span
    ]


def _check_rows(card: DataCard) -> list[tuple[str, ...]]:
    return [
        ("equal to an earlier row", str(card.duplicates.exact)),
        ("same question as an earlier row", str(card.duplicates.normalised)),
        ("same question, another right answer", str(card.duplicates.conflicting)),
        ("given away by an example", str(len(card.leaks))),
        ("without a right answer", str(card.rows - card.answers.n)),
    ]


def _answer_rows(answers: Answers) -> list[tuple[str, ...]]:
    return [
        (_short(answer), str(count), f"{count / answers.n:.0%}") for answer, count in answers.counts.items()
    ]


def remark(card: DataCard) -> str:
    """Return what is said of the right answers where they are too many for a table."""
    answers = card.answers
    told = answers.counts or not answers.n
    return "" if told else f"{answers.distinct} different right answers in {answers.n} rows"


def lines(card: DataCard) -> Iterator[str]:
    """Yield the card as Markdown."""
    yield f"## {card.name}"
    yield ""
    yield f"{card.rows} rows, sha256 `{card.sha256}`" + (f", from `{card.source}`" if card.source else "")
    yield ""
    if card.warnings:
        yield from (f"- **warning**: {warning}" for warning in card.warnings)
        yield ""
    for table in tables(card):
        for row in (table.head, ["---"] * len(table.head), *table.rows):
            yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
        yield ""
    if remark(card):
        yield remark(card)


def _short(text: str) -> str:
    return re.sub(r"\s+", " ", text)[:60]
