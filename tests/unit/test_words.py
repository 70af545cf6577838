from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.records import Case, Message
from bakeoff.words import WORDS, Distinct, LengthFeedback, fit, fitted, words_of


def test_the_pool_has_no_word_twice():
    assert len(set(WORDS)) == len(WORDS) > 100


@given(st.integers(0, 12), st.integers())
def test_texts_have_the_asked_words_and_differ(count, seed):
    source = Distinct(Random(seed))
    texts = [tuple(source.draw(count)) for _ in range(150)]
    assert {len(text) for text in texts} == {count}
    assert len(set(texts)) == (150 if count else 1)


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=40), st.integers(1, 80), st.integers(1, 80))
def test_fitting_keeps_the_beginning_and_always_gives_the_same(words, one, two):
    text = " ".join(words)
    short, longer = (fit(text, count).split() for count in sorted((one, two)))
    assert len(short) == min(one, two)
    assert len(longer) == max(one, two)
    assert longer[: len(short)] == short
    assert longer[: len(words)] == words[: len(longer)]


@given(
    st.floats(0.3, 8), st.integers(0, 500), st.lists(st.integers(50, 4000), min_size=2, unique=True),
)  # fmt: skip
def test_the_line_is_found_from_exact_counts(slope, overhead, lengths):
    feedback = LengthFeedback()
    for words in lengths:
        feedback = feedback.observed(words, round(overhead + slope * words))
    spread = max(lengths) - min(lengths)
    if spread > 200:
        assert feedback.tokens_per_word == pytest.approx(slope, abs=0.02 * max(1, slope))
        assert feedback.expected(lengths[0]) == pytest.approx(overhead + slope * lengths[0], abs=4)


@given(
    st.floats(0.4, 4),
    st.integers(0, 60),
    st.integers(150, 3000),
    st.lists(st.integers(150, 3000), min_size=1, max_size=5),
)
def test_the_asked_length_is_reached_after_a_few_prompts(slope, overhead, wanted, others):
    feedback = LengthFeedback()
    for asked in [*others, wanted, wanted, wanted]:
        words = feedback.words_for(asked)
        feedback = feedback.observed(words, round(overhead + slope * words))
    words = feedback.words_for(wanted)
    # A word is the smallest step, so half a word may be missing.
    assert abs(round(overhead + slope * words) - wanted) <= max(1 + slope / 2, 0.01 * wanted)


@given(st.lists(st.tuples(st.integers(1, 5000), st.integers(1, 9000)), max_size=20), st.integers(0, 20))
def test_feedbacks_of_several_workers_add_up_in_any_order(pairs, cut):
    def seen(part):
        feedback = LengthFeedback()
        for words, tokens in part:
            feedback = feedback.observed(words, tokens)
        return feedback

    assert seen(pairs[cut:]).merged(seen(pairs[:cut])) == seen(pairs)


@given(st.lists(st.tuples(st.integers(1, 5000), st.integers(0, 9000)), max_size=6), st.integers(1, 9000))
def test_absurd_counts_still_give_a_sendable_prompt(pairs, wanted):
    feedback = LengthFeedback()
    for words, tokens in pairs:
        feedback = feedback.observed(words, tokens)
    assert 0.25 <= feedback.tokens_per_word <= 16
    # Down to a quarter of a token a word, and up to what the counts themselves suggest.
    assert 1 <= feedback.words_for(wanted) <= 4 * wanted + 5000 + 1


def test_nothing_seen_means_one_token_a_word():
    assert LengthFeedback().words_for(77) == 77
    assert LengthFeedback().expected(77) == 77


def test_one_prompt_tells_the_overhead():
    feedback = LengthFeedback().observed(100, 131)
    assert feedback.overhead == 31
    assert feedback.words_for(100) == 69


def test_a_case_gets_the_words_of_its_asked_tokens():
    case = Case(id="c", fields={"prompt": "one two three", "other": 1}, prompt_tokens=12)
    feedback = LengthFeedback().observed(10, 17)
    found = fitted(case, feedback)
    assert words_of(case) == 3
    assert words_of(found) == 5
    assert found.fields["prompt"].startswith("one two three ")
    assert (found.id, found.fields["other"], found.prompt_tokens) == ("c", 1, 12)


@pytest.mark.parametrize(
    "case",
    [
        Case(fields={"prompt": "a b"}),
        Case(fields={"prompt": "a b"}, prompt_tokens=9, messages=(Message(role="user", content="a b"),)),
        Case(fields={"prompt": "a b"}, prompt_tokens=9, follows="other"),
        Case(fields={"input": "a b"}, prompt_tokens=9),
    ],
)
def test_a_case_whose_length_cannot_be_fitted_stays_as_it_is(case):
    assert words_of(case) is None
    assert fitted(case, LengthFeedback().observed(5, 50)) is case
