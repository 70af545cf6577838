import sys

import pytest

from bakeoff.errors import PluginError
from bakeoff.records import Case, Sample
from bakeoff.scorers import _ifeval, _sentences
from bakeoff.scorers.ifeval import IfEval

SAMPLE = Sample(benchmark="b", case="c", target="t", outcome="ok")
LESS, LEAST = "less than", "at least"
ENGLISH = "this is a plain english sentence that says nothing of interest at all"
EXAMPLES = [
    ("keywords:existence", {"keywords": ["cat", "Dog"]}, "A CAT and a dog", "a cat"),
    ("keywords:existence", {"keywords": ["c("]}, "like C(x)", "like C"),
    ("keywords:frequency", {"keyword": "cat", "relation": LEAST, "frequency": 2}, "cat, cats", "cat"),
    ("keywords:frequency", {"keyword": "cat", "relation": LESS, "frequency": 2}, "cat", "cat cat"),
    ("keywords:forbidden_words", {"forbidden_words": ["cat"]}, "cats", "a Cat."),
    ("keywords:letter_frequency", {"letter": "E", "let_relation": LEAST, "let_frequency": 2}, "eE", "e"),
    ("language:response_language", {"language": "de"}, "Das ist ein ganz einfacher deutscher Satz.", ENGLISH),
    (
        "length_constraints:number_sentences",
        {"relation": LEAST, "num_sentences": 2},
        "One. Two!",
        "One, e.g. this.",
    ),
    ("length_constraints:number_paragraphs", {"num_paragraphs": 2}, "a\n***\nb", "a\n***\n\n***\nb"),
    ("length_constraints:number_words", {"relation": LESS, "num_words": 3}, "one two", "one two-three"),
    (
        "length_constraints:nth_paragraph_first_word",
        {"nth_paragraph": 2, "num_paragraphs": 2, "first_word": "Well"},
        "a\n\n'well, b",
        "a\n\nso b",
    ),
    (
        "length_constraints:nth_paragraph_first_word",
        {"nth_paragraph": 2, "num_paragraphs": 2, "first_word": "well"},
        "a\n\nWell! b",
        "well",
    ),
    ("detectable_content:number_placeholders", {"num_placeholders": 2}, "[a] and [b c]", "[a] and [b\nc]"),
    ("detectable_content:postscript", {"postscript_marker": "P.S."}, "a\np. s. b", "a PS b"),
    ("detectable_content:postscript", {"postscript_marker": "P.P.S"}, "P.P.S. b", "P.S. b"),
    ("detectable_content:postscript", {"postscript_marker": "NB"}, "a nb: b", "a"),
    ("detectable_format:number_bullet_lists", {"num_bullets": 2}, "* a\n  - b", "* a\n** b"),
    ("detectable_format:number_bullet_lists", {"num_bullets": 1}, "*\n* a", "*"),
    ("detectable_format:constrained_response", {}, "Well: My answer is no.", "No."),
    ("detectable_format:number_highlighted_sections", {"num_highlights": 2}, "*a* *b*", "*a* * *"),
    (
        "detectable_format:multiple_sections",
        {"section_spliter": "Section", "num_sections": 2},
        "Section 1 a Section 2",
        "Section a",
    ),
    ("detectable_format:json_format", {}, '```json\n{"a": 1}\n```', "{a: 1}"),
    ("detectable_format:title", {}, "<<A title>>\ntext", "<<>> <<\n>>"),
    ("combination:two_responses", {}, "a ****** b", "a ****** a"),
    ("combination:repeat_prompt", {"prompt_to_repeat": "Say it"}, " say IT: yes", "yes"),
    ("startend:end_checker", {"end_phrase": "Bye."}, 'so bye."', "bye. so"),
    ("startend:quotation", {}, ' "a" ', '"'),
    (
        "change_case:capital_word_frequency",
        {"capital_relation": LESS, "capital_frequency": 2},
        "A cat",
        "A BIG cat",
    ),
    (
        "change_case:capital_word_frequency",
        {"capital_relation": LEAST, "capital_frequency": 2},
        "NASA and ESA.",
        "Nasa",
    ),
    ("change_case:english_capital", {}, ENGLISH.upper(), ENGLISH),
    ("change_case:english_lowercase", {}, ENGLISH, ENGLISH.upper()),
    ("punctuation:no_comma", {}, "a; b", "a, b"),
]


def graded(instructions, answer, **options):
    fields = {"instruction_id_list": [i for i, _ in instructions], "kwargs": [k for _, k in instructions]}
    return IfEval(**options).grade(answer, Case(fields=fields), SAMPLE)


@pytest.mark.parametrize(("name", "kwargs", "right", "wrong"), EXAMPLES)
def test_each_instruction_is_checked(name, kwargs, right, wrong):
    assert graded([(name, kwargs)], right).passed
    assert not graded([(name, kwargs)], wrong).passed


def test_every_kind_of_instruction_has_an_example():
    assert {name for name, *_ in EXAMPLES} == set(_ifeval.CHECKS)
    assert len(_ifeval.CHECKS) == 25


TWO = [("punctuation:no_comma", {}), ("startend:quotation", {})]


def test_all_instructions_or_the_share_of_them_count():
    assert graded(TWO, '"a"').value == 1.0
    assert graded(TWO, "a").value == 0.0
    half = graded(TWO, "a", level="instruction")
    assert (half.value, half.passed) == (0.5, False)
    assert "startend:quotation" in half.reason


def test_loose_forgives_a_first_and_last_line_and_asterisks():
    for answer in ('Sure:\n"a"', '"a"\nBye, bye', 'Sure,\n"a"\nBye', '**"a"**', 'Sure,\n*"a"*'):
        assert not graded(TWO, answer).passed
        assert graded(TWO, answer, mode="loose").passed
    assert not graded(TWO, "a, b", mode="loose").passed


def test_an_empty_answer_follows_nothing():
    assert graded([("punctuation:no_comma", {})], " ").value == 0.0
    assert graded([("punctuation:no_comma", {})], "", mode="loose", level="instruction").value == 0.0


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "no list `instruction_id_list`"),
        ({"instruction_id_list": ["punctuation:no_comma"]}, "no list `kwargs`"),
        ({"instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}, {}]}, "1 instructions and 2"),
        ({"instruction_id_list": ["punctuation:no_coma"], "kwargs": [{}]}, "Did you mean"),
        ({"instruction_id_list": ["startend:end_checker"], "kwargs": [{}]}, "lacks `end_phrase`"),
        ({"instruction_id_list": ["startend:end_checker"], "kwargs": [{"end_phrase": 5}]}, "are wrong"),
        ({"instruction_id_list": "no", "kwargs": "[{}]"}, "no list `instruction_id_list`"),
    ],
)
def test_a_case_without_right_instructions_has_no_grade(fields, words):
    result = IfEval().grade("a", Case(fields=fields), SAMPLE)
    assert (result.value, result.passed) == (None, None)
    assert words in result.reason


def test_lists_may_be_json_text_and_arguments_may_be_null():
    fields = {
        "instruction_id_list": '["punctuation:no_comma"]',
        "kwargs": '[{"keywords": null, "num_words": 3.0}]',
    }
    assert IfEval().grade("a", Case(fields=fields), SAMPLE).passed
    assert IfEval().grade("a", Case(fields={**fields, "kwargs": [None]}), SAMPLE).passed


def test_a_text_without_language_follows():
    assert graded([("language:response_language", {"language": "de"})], "123").passed


def test_without_langdetect_the_run_is_refused(monkeypatch):
    monkeypatch.setitem(sys.modules, "langdetect", None)
    with pytest.raises(PluginError) as caught:
        graded([("language:response_language", {"language": "xx"})], "")
    assert "'.[ifeval]'" in caught.value.hint
    assert graded([("punctuation:no_comma", {})], "a").passed


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("One", 1),
        ("One. Two? Three!", 3),
        ("Dr. Who met J. Smith, e.g. here.", 1),
        ('He said "Stop." Then he left.', 2),
        ("1. First thing. 2. Second thing.", 2),
        ("It costs 3.50 euros. Fine.", 2),
        ("Well... maybe so.", 1),
        ("End of line.\nNext line", 2),
    ],
)
def test_sentences_end_where_people_end_them(text, count):
    assert len(_sentences.split(text)) == count
