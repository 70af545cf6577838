"""The most likely choice, by likelihood, by likelihood per byte, and by letter."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.records import Case, Continuation, Likelihood, Sample
from bakeoff.scorers.acc import Acc, AccNorm

CASE = Case(id="1", fields={"choices": ["a long and wordy choice", "short", "caf\u00e9"]}, reference="B")


def likely(*logprobs: float) -> Sample:
    each = [Likelihood(logprob=value, tokens=1) for value in logprobs]
    return Sample(benchmark="b", case="1", target="t", outcome="ok", likelihoods=each)


def lettered(**tops: float) -> Sample:
    named = {token.replace("_", " "): math.log(share) for token, share in tops.items()}
    return Sample(benchmark="b", case="1", target="t", outcome="ok", top_logprobs=[named])


def test_the_likeliest_choice_counts():
    found = Acc().grade("", CASE, likely(-9.0, -3.0, -4.0))
    assert (found.passed, found.value, found.parsed) == (True, 1.0, "B")
    assert found.reason == "choice B is B; log-likelihood: A -9.0000, B -3.0000, C -4.0000"
    assert Acc().grade("", CASE, likely(-9.0, -5.0, -4.0)).parsed == "C"


def test_length_is_taken_out_by_bytes():
    sample = likely(-9.0, -3.0, -4.0)  # per byte: 23, 5 and 5 of them
    found = AccNorm().grade("", CASE, sample)
    assert (found.passed, found.parsed) == (False, "A")
    assert "A -0.3913, B -0.6000, C -0.8000" in found.reason


def test_the_first_of_equally_likely_choices_counts():
    assert Acc().grade("", CASE, likely(-4.0, -4.0, -4.0)).parsed == "A"


def test_what_was_asked_in_place_of_choices_counts():
    pairs = (Continuation(context="c", text=" yes"), Continuation(context="c", text=" no"))
    case = Case(id="1", continuations=pairs, reference="B")
    assert Acc().grade("", case, likely(-2.0, -1.0)).passed is True
    assert AccNorm().grade("", case, likely(-3.0, -1.0)).reason.endswith("A -1.0000, B -0.5000")


def test_letters_count_with_and_without_a_leading_blank():
    found = Acc().grade("B", CASE, lettered(A=0.3, B=0.2, _B=0.15, The=0.3))
    assert (found.passed, found.parsed) == (True, "B")
    assert found.reason == (
        "choice B is B; probability: A 0.3000, B 0.3500, C 0.0000; not among the 4 likeliest tokens: C"
    )
    all_there = Acc().grade("A", CASE, lettered(A=0.5, B=0.2, C=0.1))
    assert (all_there.passed, "not among" in all_there.reason) == (False, False)


def test_without_letters_or_likelihoods_nothing_can_be_told():
    found = Acc().grade("", CASE, lettered(The=0.9, D=0.05, a=0.01))
    assert (found.passed, found.parsed) == (False, None)
    assert found.reason == 'no letter is among the 3 likeliest first tokens; the first is "The"'
    bare = Sample(benchmark="b", case="1", target="t", outcome="ok")
    assert Acc().grade("B", CASE, bare).parsed is None
    assert AccNorm().grade("B", CASE, bare).reason == "the sample has no likelihoods"


@pytest.mark.parametrize("reference", [None, "D", "BC", 1])
@pytest.mark.parametrize("scorer", [Acc(), AccNorm()])
def test_a_case_without_right_letter_cannot_be_graded(scorer, reference):
    found = scorer.grade(
        "", Case(id="1", fields={"choices": ["x", "y"]}, reference=reference), likely(-1, -2)
    )
    assert (found.value, found.passed) == (None, None)


@given(st.lists(st.floats(-500, -1e-6), min_size=2, max_size=8), st.data())
def test_the_order_of_choices_does_not_matter(values, data):
    order = data.draw(st.permutations(range(len(values))))
    if values.count(max(values)) > 1:
        return
    right = values.index(max(values))
    case = Case(id="1", fields={"choices": ["x"] * len(values)}, reference="ABCDEFGH"[order.index(right)])
    assert Acc().grade("", case, likely(*[values[place] for place in order])).passed is True
