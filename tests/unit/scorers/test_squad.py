import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.records import Case, Sample
from bakeoff.scorers.squad import F1, Em

SAMPLE = Sample(benchmark="b", case="c", target="t", outcome="ok")


@pytest.mark.parametrize(
    ("answer", "reference", "em", "f1"),
    [
        ("The cat.", "cat", True, 1.0),
        ("a  CAT!", "the cat", True, 1.0),
        ("cats", "cat", False, 0.0),
        ("black cat", "cat", False, 2 / 3),
        ("cat cat", "cat", False, 2 / 3),
        ("anthem", "them", False, 0.0),
        ("", "cat", False, 0.0),
        ("the", "a", True, 1.0),
        ("co-op", "coop", True, 1.0),
        ("東京", "東京", True, 1.0),
    ],
)
def test_articles_marks_and_case_do_not_count(grade, answer, reference, em, f1):
    assert grade(Em(), answer, reference).passed is em
    assert grade(F1(), answer, reference).value == pytest.approx(f1)


def test_the_best_reference_counts(grade):
    assert grade(F1(value=["dog", "black cat"]), "cat").value == pytest.approx(2 / 3)
    assert grade(Em(), "dog", "cat", accepted=("dog",)).passed


@given(st.text(), st.text(), st.floats(0, 1))
def test_f1_is_a_symmetric_share_and_the_threshold_decides(left, right, threshold):
    one = F1(value=[left], threshold=threshold).grade(right, Case(), SAMPLE) if "{" not in left else None
    other = F1(value=[right], threshold=threshold).grade(left, Case(), SAMPLE) if "{" not in right else None
    if one and other:
        assert one.value == pytest.approx(other.value)
        assert one.passed is (one.value >= threshold)
        assert Em(value=[left]).grade(right, Case(), SAMPLE).passed <= (one.value == 1.0)


@pytest.mark.parametrize("scorer", [Em(), F1()])
def test_a_case_without_reference_has_no_grade(grade, scorer):
    assert grade(scorer, "a").value is None
