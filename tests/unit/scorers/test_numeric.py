from fractions import Fraction

import pytest
from hypothesis import given as property_of
from hypothesis import strategies as st

from bakeoff.records import Case, Sample
from bakeoff.scorers.numeric import Numeric

GSM8K = "She sells 16 - 3 - 4 = <<16-3-4=9>>9 eggs.\nShe makes 9 * 2 = $<<9*2=18>>18 a day.\n#### 18"


@pytest.mark.parametrize(
    ("answer", "reference", "passed"),
    [
        ("18", 18, True),
        ("The answer is 18.", "18", True),
        ("18.00 dollars", 18, True),
        ("**$18**", "18", True),
        ("\\boxed{18}", GSM8K, True),
        ("18 of 20", "18", False),
        ("is...18", "18", True),
        ("1,234,567.5", 1234567.5, True),
        ("1\u202f234", "1,234", True),
        ("1,23", "123", False),
        ("-5", -5, True),
        ("\u22125 degrees", "-5", True),
        ("10-5", 5, True),
        ("-5", 5, False),
        ("3/4", 0.75, True),
        ("It is 3/4.", 0.75, True),
        ("1 1/2 cups", "1.5", True),
        ("\\frac{1}{3}", "1/3", True),
        ("0.333", "1/3", False),
        ("1/0", 1, None),
        ("50%", "50 %", True),
        ("50%", 0.5, True),
        ("50%", 50, True),
        ("0.5", "50%", True),
        ("50", "50%", True),
        ("5%", "50%", False),
        ("6.02e23", "602000000000000000000000", True),
        ("1e-3", 0.001, True),
        (".5", 0.5, True),
        ("0.1 + 0.2 = 0.3", 0.3, True),
        ("GPT4 says 7", 7, True),
        ("7 says GPT4", 7, True),
        ("H2O", 2, None),
        ("on 12/05/2020", 2020, True),
        ("none", 1, None),
        ("e5", 1, None),
        ("9" * 5000, 9, None),
        ("10 and 1e999999999", 1, False),
    ],
)
def test_the_last_number_of_the_answer_is_compared(grade, answer, reference, passed):
    result = grade(Numeric(), answer, reference)
    if passed is None:
        assert (result.value, result.passed, result.parsed) == (None, False, None)
    else:
        assert (result.passed, result.value) == (passed, float(passed)), result.reason


def test_the_first_number_can_be_asked_for(grade):
    assert grade(Numeric(which="first"), "18, since 9*2 = 18 and 3", 18).passed
    assert not grade(Numeric(which="first"), "3 or 18", 18).passed


def test_tolerances_are_exact_at_their_edge(grade):
    assert grade(Numeric(tolerance=0.1), "0.3", 0.2).passed
    assert not grade(Numeric(tolerance=0.1), "0.31", 0.2).passed
    assert grade(Numeric(relative=0.01), "101", 100).passed
    assert not grade(Numeric(relative=0.01), "101.1", 100).passed
    assert grade(Numeric(tolerance=1e-6), "1.0000005", 1).passed


def test_a_decimal_comma_is_an_option(grade):
    assert grade(Numeric(decimal_comma=True), "1.234,5", "1234,5").passed
    assert grade(Numeric(decimal_comma=True), "1.234,5", 1234.5).passed
    assert not grade(Numeric(), "1,5", "1.5").passed


def test_the_last_number_is_found_far_from_the_end_and_across_long_texts(grade):
    words = "word " * 500
    assert grade(Numeric(), f"1 {words} 1 1/2 {words}", "1.5").passed
    assert grade(Numeric(), f"7 {words} GPT4 {words}", "7").passed
    assert grade(Numeric(), f"7{'x' * 500}4", "7").passed
    assert grade(Numeric(which="first"), f"{words} 7 {words} 8", "7").passed
    assert not grade(Numeric(), "8 " + "x" * 30_000, "8").passed


def test_an_accepted_form_counts_and_the_reason_says_what_was_compared(grade):
    result = grade(Numeric(tolerance=0.5), "about 7", "4", accepted=("6", "six"))
    assert result.reason == "last number 7 does not equal 4 or 6 within 0.5"
    assert result.parsed == "7"
    assert grade(Numeric(), "6", "four", accepted=("6",)).passed


def test_a_reference_without_a_number_is_the_case_s_fault(grade):
    result = grade(Numeric(), "4", "four")
    assert (result.value, result.passed) == (None, None)
    assert "holds no number" in result.reason


@property_of(
    st.integers(-(10**12), 10**12), st.sampled_from(["", "$", "= "]), st.sampled_from(["", ".", " kg", "**"])
)
def test_any_integer_is_read_in_any_dress(number, before, after):
    sample = Sample(benchmark="b", case="c", target="t", outcome="ok")
    text = f"{before}{number:,}{after}" if before != "$" or number >= 0 else f"-${-number:,}{after}"
    assert Numeric().grade(text, Case(reference=number), sample).passed


@property_of(st.text(alphabet="0123456789.,-+/%eE $'\\{}frac \n", max_size=60))
def test_no_text_breaks_it(text):
    sample = Sample(benchmark="b", case="c", target="t", outcome="ok")
    result = Numeric().grade(text, Case(reference=1), sample)
    assert result.passed in {True, False}
    assert (result.parsed is None) == (result.value is None)


@property_of(
    st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**9), max_value=10**9)
)
def test_decimals_are_read_exactly(number):
    sample = Sample(benchmark="b", case="c", target="t", outcome="ok")
    step = Fraction(number) + Fraction(1, 10**6)
    wrong = f"{step.numerator}/{step.denominator}" if step.denominator > 1 and step > 0 else None
    assert Numeric().grade(f"x = {number:f}", Case(reference=f"{number:f}"), sample).passed
    if wrong:
        assert not Numeric().grade(f"{number:f}", Case(reference=wrong), sample).passed
