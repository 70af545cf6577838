import msgspec
import pytest
from hypothesis import given as property_of
from hypothesis import strategies as st

from bakeoff.records import Case, Sample
from bakeoff.scorers.choice import Choice

CITIES = {"choices": ["Oslo", "Rome", "Paris", "Paris, Texas"]}


@pytest.mark.parametrize(
    ("answer", "letter"),
    [
        ("B", "B"),
        ("b", "B"),
        ("(B)", "B"),
        (" **B**.\n", "B"),
        ("[c]", "C"),
        ("The answer is B.", "B"),
        ("The correct answer is: **B**", "B"),
        ("the answer is (b)", "B"),
        ("ANSWER: D", "D"),
        ("Answer: option C", "C"),
        ("The answer would be A because it is cold.", "A"),
        ("First I thought the answer is A. No: the answer is B", "B"),
        ("The answer is B, not option C.", "B"),
        ("The answer is B. (C) and (D) are in France.", "B"),
        ("So $\\boxed{C}$", "C"),
        ("\\boxed{\\text{D}}", "D"),
        ("The correct option is D", "D"),
        ("I choose option b.", "B"),
        ("B. Rome", "B"),
        ("B) it has the Colosseum. A is too cold.", "B"),
        ("**C.** because", "C"),
        ("Let me see.\nB: Rome", "B"),
        ("A. Oslo\nB. Rome\nC. Paris\n\nThe answer is C.", "C"),
        ("(A) is cold, I take (B)", "B"),
        ("It is B because it is warm", "B"),
        ("A good guess is B here", "B"),
        ("I think C", "C"),
        ("It is Rome, clearly.", "B"),
        ("rome", "B"),
        ("Paris, Texas", "D"),
        ("paris", "C"),
        ("CORRECT", None),
        ("The answer is a dog", None),
        ("The answer is Dublin", None),
        ("The answer is not B but C", None),
        ("A. Oslo\nB. Rome\nC. Paris\nD. Paris, Texas", None),
        ("B or C", None),
        ("I'm sure", None),
        ("A", "A"),
        ("A dog", None),
        ("Oslo or Rome", None),
        ("E", None),
        ("", None),
        ("U.S.A.", None),
        ("D'accord", None),
    ],
)
def test_the_letter_is_found_or_nothing_is(grade, answer, letter):
    result = grade(Choice(), answer, "B", fields=CITIES)
    assert result.parsed == letter, result.reason
    if letter is None:
        assert (result.value, result.passed) == (None, False)
    else:
        assert (result.value, result.passed) == (float(letter == "B"), letter == "B")


def test_the_reason_says_what_was_found_and_where(grade):
    assert (
        grade(Choice(), "Answer: C", "B", fields=CITIES).reason == "choice C (stated as the answer) is not B"
    )
    assert "names none of the choices ABCD" in grade(Choice(), "no idea", "B", fields=CITIES).reason


@pytest.mark.parametrize("reference", ["B", "b", "(B)", "Rome"])
def test_the_reference_is_a_letter_or_a_choice(grade, reference):
    assert grade(Choice(), "B", reference, fields=CITIES).passed


def test_a_reference_that_is_no_choice_is_the_case_s_fault(grade):
    assert grade(Choice(), "B", "Berlin", fields=CITIES).passed is None
    assert grade(Choice(), "B", "E", fields=CITIES).passed is None
    assert grade(Choice(), "B", None, fields=CITIES).passed is None


def test_letters_come_from_the_option_the_choices_or_the_usual_ten(grade):
    assert grade(Choice(letters="ABCDE"), "E", "E", fields=CITIES).passed
    assert grade(Choice(), "J", "J").passed
    assert grade(Choice(), "K", "J").parsed is None


def test_text_matching_can_be_turned_off(grade):
    assert grade(Choice(match_text=False), "Rome", "B", fields=CITIES).parsed is None


def test_letters_that_are_no_capitals_are_refused():
    with pytest.raises(msgspec.ValidationError, match="letters"):
        msgspec.convert({"letters": "ab"}, Choice)


@property_of(st.sampled_from("ABCD"), st.text(alphabet="abcdefgh .,\n", max_size=60))
def test_a_final_statement_always_wins(letter, before):
    sample = Sample(benchmark="b", case="c", target="t", outcome="ok")
    case = Case(reference=letter, fields=CITIES)
    assert Choice().grade(f"{before}\nThe answer is {letter}.", case, sample).passed
