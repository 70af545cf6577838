"""Cards count what they say they count."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.cards import lines, make_card, normalised, question
from bakeoff.prompts import content_hash
from bakeoff.records import Case, Message
from bakeoff.records.card import Answers, Duplicates, FieldCard


def case(number: int, text: str, reference: object = None, **fields: object) -> Case:
    return Case(id=f"c{number}", fields={"id": number, "input": text, **fields}, reference=reference)


def test_fields_with_fill_and_types():
    rows = [case(1, "a", extra=1), case(2, "", extra=None), case(3, "c", extra=[]), case(4, "d", other=True)]
    assert make_card("x", rows).fields == [
        FieldCard(name="id", filled=4, types={"integer": 4}),
        FieldCard(name="input", filled=3, types={"text": 4}),
        FieldCard(name="extra", filled=1, types={"integer": 1, "null": 1, "list": 1}),
        FieldCard(name="other", filled=1, types={"boolean": 1}),
    ]


def test_duplicates_exact_and_but_for_writing():
    rows = [
        case(1, "How many?", "2"),
        case(2, "How many?", "2"),
        case(3, "how  MANY", "3"),
        case(4, "else", "2"),
    ]
    card = make_card("x", rows)
    assert card.duplicates == Duplicates(
        exact=1, normalised=2, conflicting=1, examples=[("c1", "c2"), ("c1", "c3")]
    )
    assert any(
        "2 of 4 rows ask what an earlier row asks (1 are equal" in warning for warning in card.warnings
    )
    assert any(
        "1 rows ask what an earlier row asks and have another right answer" in w for w in card.warnings
    )


def test_texts_without_a_word_are_compared_as_they_are():
    assert make_card("x", [case(1, "?"), case(2, "!"), case(3, "?")]).duplicates.normalised == 1


WORDS = " ".join(f"w{number}" for number in range(20))


def test_examples_that_give_rows_away():
    rows = [case(1, "What is 2+2?"), case(2, f"Look: {WORDS} end"), case(3, "other")]
    shots = [
        {"input": "what is 2 + 2", "answer": "4"},
        {"input": f"{WORDS}!", "answer": "x"},
        {"input": "?", "answer": ""},
    ]
    card = make_card("x", rows, few_shot=shots)
    assert [(leak.example, leak.case, leak.how) for leak in card.leaks] == [
        (1, "c1", "same question"),
        (2, "c2", "shared words"),
    ]
    assert any("the examples 1, 2 of `few_shot` give away 2 rows" in warning for warning in card.warnings)


def test_few_words_in_common_are_no_leak():
    assert make_card("x", [case(1, "one two three")], few_shot=[{"input": "one two"}]).leaks == []


def test_balance_of_labels():
    rows = [
        case(number, f"q{number}", "A" if number < 7 else "B", choices=["x", "y"]) for number in range(10)
    ]
    card = make_card("x", rows)
    assert card.answers == Answers(n=10, distinct=2, counts={"A": 7, "B": 3}, majority=0.7, choices={"2": 10})
    assert "always answering `A` would be right in 70% of the rows" in card.warnings


def test_the_right_choice_that_is_always_the_first():
    rows = [case(number, f"q{number}", "A", choices=["x", "y", "z"][: 2 + number % 2]) for number in range(4)]
    card = make_card("x", rows)
    assert card.answers.choices == {"2": 2, "3": 2}
    assert [warning for warning in card.warnings if "always the first" in warning]


def test_many_different_answers_are_no_labels():
    card = make_card("x", [case(number, f"q{number}", str(number)) for number in range(30)])
    assert card.answers == Answers(n=30, distinct=30)
    assert "30 different right answers in 30 rows" in list(lines(card))


def test_rows_without_a_right_answer_are_counted():
    card = make_card("x", [case(1, "a", "1"), case(2, "b")])
    assert "1 of 2 rows have no right answer" in card.warnings
    assert make_card("x", [case(1, "a")]).warnings == []


def test_lengths_in_characters():
    card = make_card("x", [case(number, "x" * number, "ab") for number in range(1, 101)])
    assert card.questions is not None
    assert (card.questions.n, card.questions.p50, card.questions.max, card.questions.mean) == (
        100,
        50.5,
        100,
        50.5,
    )
    assert card.references is not None
    assert card.references.p5 == card.references.p99 == 2
    assert make_card("x", [case(1, "a")]).references is None


def test_fields_of_several_types_are_a_warning():
    card = make_card("x", [case(1, "a", extra=1), case(2, "b", extra="")])
    assert "fields of more than one type, or null in some rows: extra" in card.warnings


@pytest.mark.parametrize(
    ("fields", "asked"),
    [
        ({"question": "q", "answer": "a"}, "q"),
        ({"prompt": "p", "choices": ["x", "y"]}, "p\nx\ny"),
        ({"name": "Ann", "n": 3, "assert": [], "reference": "r", "__description": "d"}, "Ann\n3"),
    ],
)
def test_what_a_row_asks(fields, asked):
    assert question(fields) == asked


def test_turns_are_asked_too():
    assert question({"logged": 1}, (Message(role="user", content="hi"),)) == "hi\n1"


def test_the_page_has_all_of_it():
    rows = [case(1, "a|b", "x|y", choices=["k", "l"]), case(2, "a|b", "z", choices=["k", "l"])]
    page = "\n".join(lines(make_card("own", rows, source="d.jsonl")))
    assert "## own" in page
    assert "from `d.jsonl`" in page
    assert "**warning**" in page
    assert "| x\\|y | 1 | 50% |" in page
    assert "| same question, another right answer | 1 |" in page


@given(st.text())
def test_normalising_twice_is_normalising_once(text):
    assert normalised(normalised(text)) == normalised(text)


@given(st.lists(st.tuples(st.text(), st.none() | st.text())))
def test_counts_add_up(rows):
    cases = [case(number, text, reference) for number, (text, reference) in enumerate(rows)]
    card = make_card("x", cases)
    assert card.sha256 == content_hash(cases)
    assert card.rows == len(rows)
    assert 0 <= card.duplicates.exact <= card.duplicates.normalised < max(1, len(rows)) or not rows
    assert card.answers.n == sum(bool(reference and reference.strip()) for _, reference in rows)
    assert "\n".join(lines(card))


def test_an_empty_right_answer_is_none():
    card = make_card("x", [case(1, "a", "1"), case(2, "b", " "), case(3, "c", "")])
    assert "2 of 3 rows have no right answer" in card.warnings
    assert card.answers.n == 1


@pytest.mark.parametrize(
    ("filled", "rows", "told"),
    [(200, 200, "100%"), (199, 200, "99.5%"), (9999, 10000, "99.9%"), (1, 2, "50%")],
)
def test_only_a_field_filled_in_every_row_is_filled_in_100_percent(filled, rows, told):
    made = make_card("x", [case(n, f"q{n}", "1", extra="x" if n < filled else "") for n in range(rows)])
    assert f"| extra | {told} |" in "\n".join(lines(made))
