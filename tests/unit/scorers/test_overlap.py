import pytest
import sacrebleu
from hypothesis import given
from hypothesis import strategies as st
from nltk.translate.gleu_score import sentence_gleu
from rouge_score.rouge_scorer import RougeScorer

from bakeoff.records import Case, Sample
from bakeoff.scorers import _ngrams, _treebank
from bakeoff.scorers.overlap import Bleu, Chrf, Gleu, RougeL, RougeN, corpus_bleu

SAMPLE = Sample(benchmark="b", case="c", target="t", outcome="ok")
MARKED = ["dog's", "1,000.5", "houses--", "U.S.A.", "isn't", "3-4", "&amp;", "(x)", "(y", "co-op", ".", "!"]
WORDS = st.sampled_from(["the", "The", "cat", "ünï", "日本", "A", *MARKED])
TEXT = st.lists(WORDS, max_size=12).map(" ".join)
FULL = st.lists(WORDS, min_size=1, max_size=12).map(" ".join)


def value(scorer, answer):
    return scorer.grade(answer, Case(), SAMPLE).value


@given(TEXT, st.lists(FULL, min_size=1, max_size=3))
def test_bleu_is_that_of_sacrebleu(answer, references):
    theirs = sacrebleu.sentence_bleu(answer, references, use_effective_order=True).score / 100
    assert value(Bleu(value=references, definition="sacrebleu"), answer) == pytest.approx(theirs, abs=1e-9)


@given(TEXT, st.lists(FULL, min_size=1, max_size=3), st.sampled_from([0, 2]))
def test_chrf_is_that_of_sacrebleu(answer, references, words):
    theirs = sacrebleu.sentence_chrf(answer, references, word_order=words).score / 100
    assert value(Chrf(value=references, word_order=words), answer) == pytest.approx(theirs, abs=1e-9)


@given(TEXT, FULL)
def test_rouge_is_that_of_rouge_score(answer, reference):
    theirs = RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=False).score(reference, answer)
    rouge_n = RougeN(value=reference, definition="rouge_score")
    assert value(rouge_n, answer) == pytest.approx(theirs["rouge1"].fmeasure, abs=1e-12)
    rouge_2 = RougeN(value=reference, definition="rouge_score", n=2)
    assert value(rouge_2, answer) == pytest.approx(theirs["rouge2"].fmeasure, abs=1e-12)
    assert value(RougeL(value=reference), answer) == pytest.approx(theirs["rougeL"].fmeasure, abs=1e-12)


@given(st.lists(st.sampled_from("abcd"), min_size=1), st.lists(st.sampled_from("abcd"), min_size=1))
def test_gleu_is_that_of_nltk(answer, reference):
    theirs = sentence_gleu([reference], answer)
    assert value(Gleu(value=" ".join(reference)), " ".join(answer)) == pytest.approx(theirs, abs=1e-12)


# What promptfoo 0.123.1 gives for the same texts.
@pytest.mark.parametrize(
    ("scorer", "reference", "answer", "expected"),
    [
        (Bleu, "The cat sat on the mat.", "the cat sat on a mat.", 0.5372849659117709),
        (Bleu, "The cat sat on the mat", "cat", 0.006737946999085469),
        (Bleu, "a b c d e", "a x c y e", 4.949232003839761e-06),
        (Gleu, "The cat sat on the mat.", "the cat sat on a mat", 0.6111111111111112),
        (RougeN, "The cat sat on the mat.", "the cat is on the mat, i don't know", 0.5555555555555556),
        (RougeN, 'He said "hello" to me.', "he said ``hello'' to me", 0.9333333333333333),
    ],
)
def test_the_definitions_of_promptfoo_are_kept(scorer, reference, answer, expected):
    assert value(scorer(value=reference), answer) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("scorer", [Bleu, Chrf, Gleu, RougeL, RougeN])
@given(answer=TEXT, references=st.lists(FULL, min_size=1, max_size=3), threshold=st.floats(0, 1))
def test_a_value_is_a_share_and_the_threshold_decides(scorer, answer, references, threshold):
    result = scorer(value=references, threshold=threshold).grade(answer, Case(), SAMPLE)
    assert 0.0 <= result.value <= 1.0
    assert result.passed is (result.value >= threshold)


@pytest.mark.parametrize("scorer", [Bleu, Chrf, Gleu, RougeL, RougeN])
def test_the_same_text_is_worth_one_and_another_nothing(grade, scorer):
    text = "The cat sat on the mat"
    assert grade(scorer(), text, text).value == pytest.approx(1.0)
    assert grade(scorer(), "zzz", text).value < 0.01
    assert grade(scorer(), "", text).value == 0.0
    assert grade(scorer(), text, "x", accepted=(text,)).value == pytest.approx(1.0)


@pytest.mark.parametrize("scorer", [Bleu, Chrf, Gleu, RougeL, RougeN])
def test_a_case_without_reference_has_no_grade(grade, scorer):
    assert grade(scorer(), "a").value is None


@pytest.mark.parametrize("definition", ["promptfoo", "sacrebleu"])
def test_no_answer_and_no_match_are_worth_next_to_nothing(grade, definition):
    assert grade(Bleu(definition=definition), "", "a b").value == 0.0
    assert grade(Bleu(definition=definition), "c d", "a b").value < 1e-6


def test_full_stops_alone_are_no_words(grade):
    assert grade(Gleu(), "...", "...").value == 0.0


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("I don't can't I'm", "I do n't ca n't I 'm"),
        ("cannot gonna", "can not gon na"),
        ('He said "stop."', "He said `` stop . ''"),
        ("U.S. is big.", "U.S. is big ."),
        ("a,b 1,000 3:30 x: y", "a , b 1,000 3:30 x : y"),
        ("wait... what?!", "wait ... what ? !"),
        ("dogs' bones", "dogs ' bones"),
        ("'tis (so)", "'t is ( so )"),
        ("", ""),
    ],
)
def test_the_treebank_splits_words_and_marks(text, tokens):
    assert _treebank.tokens(text) == tokens.split()


@given(st.lists(st.sampled_from("ab")), st.lists(st.sampled_from("ab")), st.integers(1, 3))
def test_overlap_is_symmetric_and_bounded(left, right, size):
    one, other = _ngrams.grams(left, size), _ngrams.grams(right, size)
    assert _ngrams.overlap(one, other) == _ngrams.overlap(other, one) <= min(one.total(), other.total())
    assert one.total() == max(len(left) - size + 1, 0)


@given(st.lists(st.tuples(TEXT, FULL, FULL), min_size=1, max_size=6))
def test_the_bleu_of_a_corpus_is_that_of_sacrebleu(rows):
    answers = [answer for answer, _, _ in rows]
    references = [[row[at] for row in rows] for at in (1, 2)]
    wanted = sacrebleu.corpus_bleu(answers, references).score
    assert 100 * corpus_bleu([(a, (b, c)) for a, b, c in rows]) == pytest.approx(wanted, abs=1e-6)
