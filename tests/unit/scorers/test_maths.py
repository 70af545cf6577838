import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.records import Case, Sample
from bakeoff.scorers import _final, _formula
from bakeoff.scorers.maths import Maths

SAMPLE = Sample(benchmark="b", case="c", target="t", outcome="ok")


def equal(answer, reference, **options):
    return Maths(**options).grade(answer, Case(reference=reference), SAMPLE).passed


@pytest.mark.parametrize(
    ("answer", "reference"),
    [
        (r"\boxed{\frac{1}{2}}", "0.5"),
        (r"\boxed{\dfrac12}", r"\frac{1}{2}"),
        (r"\boxed{2\sqrt{3}}", r"\sqrt{12}"),
        (r"\boxed{\frac{2}{\sqrt{2}}}", r"\sqrt2"),
        (r"\boxed{\sqrt[3]{-27}}", "-3"),
        (r"\boxed{50\%}", "0.5"),
        ("50", r"50\%"),
        ("0.5", r"50\%"),
        (r"\boxed{1\frac{1}{2}}", "1.5"),
        (r"\boxed{-\frac{3}{4}}", "-0.75"),
        (r"\boxed{10^{100}}", "10^{100}"),
        (r"\boxed{2^{-1}}", "0.5"),
        (r"\boxed{2^{3^2}}", "512"),
        (r"\boxed{3!}", "6"),
        (r"\boxed{|{-3}|}", "3"),
        (r"\boxed{|2\pi|}", r"2\pi"),
        (r"\boxed{\log_2 8}", "3"),
        (r"\boxed{\ln(e^2)}", "2"),
        (r"\boxed{\tan\frac{\pi}{4}}", "1"),
        (r"\boxed{\frac{\pi}{2}}", r"\pi/2"),
        (r"\boxed{3 \times 10^{2}}", "300"),
        (r"\boxed{6 \div 4}", "1.5"),
        (r"\boxed{1,234,567}", "1234567"),
        (r"\boxed{11,\! 111,\! 111}", "11111111"),
        (r"\boxed{\$5.00}", "5"),
        (r"\boxed{12\text{ cm}}", "12"),
        (r"\boxed{90^\circ}", "90"),
        (r"\boxed{5.}", "5"),
        (r"\boxed{x^2+2x+1}", "(x+1)^2"),
        (r"\boxed{\sin^2 x+\cos^2 x}", "1"),
        (r"\boxed{\alpha_1\,x_{12}}", r"x_{12}\alpha_1"),
        (r"\boxed{y=2x+1}", "y = 1+2x"),
        (r"\boxed{2x-y+1=0}", "y=2x+1"),
        (r"\boxed{x = 5}", "5"),
        ("5", "x=5"),
        (r"\boxed{(1, 2)}", "(1,2.0)"),
        (r"\boxed{\left(\frac{1}{2}, 3\right)}", "(0.5,3)"),
        (r"\boxed{[0,1)}", "[0,1)"),
        (r"\boxed{(-\infty, 3]}", r"(-\infty,3]"),
        (r"\boxed{\{3,1,2\}}", r"\{1,2,3\}"),
        (r"\boxed{1,2,3}", "3, 2, 1"),
        (r"\boxed{\pm 2}", "2, -2"),
        (r"\boxed{(5)}", "5"),
        (r"\boxed{(x+1)(x-1)}", "x^2-1"),
        (r"\boxed{\text{East}}", "east"),
        (r"\boxed{\begin{pmatrix}1\\2\end{pmatrix}}", r"\begin{pmatrix}1\\2\end{pmatrix}"),
        ("sqrt(2)/2", r"\frac{\sqrt{2}}{2}"),
        ("2\u00d73\u22121", "5"),
        (r"\boxed{\sqrt{-4}}", "2i"),
        (r"\boxed{x^{y^z}}", "x^(y^z)"),
        (r"\boxed{x^{-+1}}", "1/x"),
        (r"\boxed{2^-1}", "0.5"),
        (r"\boxed{2^+3^2}", "512"),
        (r"\boxed{2^3^2}", "512"),
        (r"\boxed{\sqrt{\frac{4}{9}}}", "2/3"),
        (r"\boxed{\{1\}}", r"\{1.0\}"),
        (r"\boxed{(\foo, 1)}", r"(\foo, 1.0)"),
    ],
)
def test_equal_formulas_are_equal_however_they_are_written(answer, reference):
    assert equal(answer, reference)


@pytest.mark.parametrize(
    ("answer", "reference"),
    [
        (r"\boxed{0.33}", r"\frac13"),
        (r"\boxed{10^{100}+1}", "10^{100}"),
        (r"\boxed{5}", "6"),
        (r"\boxed{x+1}", "x-1"),
        (r"\boxed{x}", "y"),
        (r"\boxed{1}", "x"),
        (r"\boxed{(1,2)}", "(2,1)"),
        (r"\boxed{[0,1]}", "[0,1)"),
        (r"\boxed{1,2}", "1,2,3"),
        (r"\boxed{1,2}", "1,3"),
        (r"\boxed{y=x}", "y=2x"),
        (r"\boxed{y=x}", "y+1=x^2"),
        (r"\boxed{x=x}", "y=y+1"),
        (r"\boxed{y = ?}", "y+1=2x"),
        (r"\boxed{x^y=y}", "x^z=z"),
        (r"\boxed{1/0}", "1"),
        (r"\boxed{x/0}", "x"),
        (r"\boxed{0^{-1}}", "1"),
        (r"\boxed{2^{2^{2^{2^{2^{2}}}}}}", "1"),
        (r"\boxed{9^{9^{9}}}", "1"),
        (r"\boxed{(2^{500})^{500}}", "1"),
        (r"\boxed{201!}", "1"),
        (r"\boxed{2.5!}", "1"),
        (r"\boxed{e^{1000}}", "1"),
        (r"\boxed{x^{1000}-x^{1000}+x}", "y"),
        (r"\boxed{\text{ cm}}", "5"),
        (r"\boxed{\foo}", "5"),
        (r"\boxed{2^}", "4"),
        (r"\boxed{(2}", "2"),
        (r"\boxed{2)}", "2"),
        (r"\boxed{)}", "2"),
        (r"\boxed{((1)}", "1"),
        (r"\boxed{e^{700}e^{700}}", "1"),
        (r"\boxed{(10^{900})(10^{900})}", "1"),
        (r"\boxed{y/0=x}", "2y/0=x"),
        (r"\boxed{x-x=0}", "2x-2x=0"),
        (r"\boxed{=}", "2"),
        (r"\boxed{1;;2}", "2"),
        (r"\boxed{" + "{" * 60 + "1" + "}" * 60 + "}", "2"),
        (r"\boxed{2" + "^{2" * 60 + "}" * 60 + "}", "2"),
        (r"\boxed{2^" + "-" * 60 + "2}", "3"),
        (r"\boxed{" + "1+" * 300 + "1}", "300"),
        (r"\boxed{" + "1+" * 1500 + "1}", "300"),
        (r"\boxed{" + "1," * 60 + "1}", "1," * 60 + "2"),
        (r"\boxed{a_{" + "b" * 60 + "}}", "2"),
        ("{1}", "(2)"),
        ("10%", "5"),
        ("5", "10%"),
    ],
)
def test_different_or_senseless_formulas_are_not(answer, reference):
    assert equal(answer, reference) is False


@pytest.mark.parametrize(
    ("answer", "final", "how"),
    [
        (r"first \boxed{1}, then \boxed{\frac{1}{2}}.", r"\frac{1}{2}", "boxed"),
        (r"\boxed 7", "7", "boxed"),
        (r"\fbox{3}", "3", "boxed"),
        ("The answer is 5.\nNo: the answer is **6**.", "6", "stated"),
        ("Final Answer: $\\frac{3}{4}$ of it", "\\frac{3}{4}", "stated"),
        ("work\n#### 1,234", "1,234", "stated"),
        ("x = 7", "x = 7", "the whole answer"),
        ("so the sum is $x$, and then $y$ it is", "y", "the last formula"),
        ("so the sum is \\(x\\) or \\[z\\] it is", "z", "the last formula"),
        ("Step 1: take 5\nStep 2: add 6, so it is -11.", "-11", "the last number"),
        ("we have 3/4 of the pie left", "3/4", "the last number"),
        ("North east.", "North east", "the whole answer"),
    ],
)
def test_the_final_answer_is_found(answer, final, how):
    found = _final.final(answer)
    assert (found.text, found.how) == (final, how)


@pytest.mark.parametrize("answer", ["", " ", "I do not know it at all", r"\boxed{", r"\boxed", r"\boxed{}"])
def test_without_a_final_answer_it_is_unparsable(grade, answer):
    result = grade(Maths(), answer, "5")
    assert (result.value, result.passed, result.parsed) == (None, False, None)


def test_the_reference_may_be_a_whole_solution():
    assert equal("It is 6 now", "3 + 3 = <<3+3=6>>6\n#### 6")
    assert equal("6", r"so \boxed{6}")
    assert Maths().grade("6", Case(), SAMPLE).passed is None


def test_numbers_may_differ_as_asked():
    assert equal("3.14", r"\pi", tolerance=0.01)
    assert not equal("3.14", r"\pi")
    assert equal("101", "100", relative=0.01)
    assert not equal("102", "100", relative=0.01)
    assert not equal(r"\boxed{10^{400}}", r"10^{401}", relative=0.1)


@given(st.fractions(max_denominator=10_000))
def test_a_fraction_equals_itself_in_every_form(number):
    top, bottom = number.numerator, number.denominator
    assert equal(rf"\boxed{{\frac{{{top}}}{{{bottom}}}}}", f"{top}/{bottom}")
    assert equal(f"{top * 3}/{bottom * 3}", f"{top}/{bottom}")


@given(st.fractions(max_denominator=1000), st.fractions(max_denominator=1000))
def test_two_fractions_are_equal_only_if_they_are(left, right):
    assert equal(rf"\boxed{{{left}}}", str(right)) is (left == right)


@given(st.text(st.sampled_from(r"\frac{}[]()^_$+-*/=|!%,;.0123456789xyzpisqrt boxed")))
def test_any_text_is_judged(text):
    for answer in (text, rf"\boxed{{{text}}}"):
        assert Maths().grade(answer, Case(reference="x+1"), SAMPLE).passed in {True, False}


@given(
    st.recursive(
        st.sampled_from(["1", "2", "x", r"\pi", "0.5"]),
        lambda e: st.tuples(e, st.sampled_from("+-*/^"), e).map(lambda t: f"({t[0]}){t[1]}({t[2]})"),
        max_leaves=6,
    )
)
def test_every_formula_that_can_be_read_equals_itself(text):
    node = _formula.read(text)
    assert _formula.names(node) <= {"x"}
    assert equal(rf"\boxed{{{text}}}", text)
