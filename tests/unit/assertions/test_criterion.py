"""Testing criteria of OpenAI Evals as scorers: what they see, what they say, what they refuse."""

import asyncio
from collections.abc import Generator
from typing import Any

import pytest
from tests.service.dialects.answering import Answering, answering

from bakeoff.assertions.criterion import OpenAICriterion, check_source
from bakeoff.errors import PluginError
from bakeoff.plugins import create
from bakeoff.records import Case, Grade, Sample

CHECK = {"type": "string_check", "input": "{{sample.output_text}}", "reference": "{{item.a}}"}


def sample(text: str = "", **more: Any) -> Sample:
    return Sample(benchmark="b", case="c", target="t", outcome="ok", text=text, **more)


def graded(criterion: dict[str, Any], text: str, fields: dict[str, Any], **more: Any) -> Grade:
    scorer = OpenAICriterion(criterion=criterion, **more)
    return asyncio.run(scorer.grade(text, Case(fields=fields), sample(text)))


def test_item_is_the_column_of_that_name_or_the_row():
    check = CHECK | {"operation": "eq"}
    assert graded(check, "x", {"item": {"a": "x"}}).passed is True
    assert graded(check, "x", {"a": "x"}).passed is True
    assert graded(check, "y", {"a": "x"}).passed is False


def test_a_sample_in_the_row_goes_before_the_answer():
    fields = {"item": {"a": "given"}, "sample": {"output_text": "given", "tag": "{{item.a}}"}}
    assert graded(CHECK | {"operation": "eq"}, "other", fields).passed is True
    tagged = CHECK | {"operation": "eq", "input": "{{sample.tag}}", "reference": "x"}
    assert "{{item.a}}" in graded(tagged, "", fields).reason


def test_tools_and_json_of_an_answer_are_seen():
    criterion = CHECK | {"operation": "like", "input": "{{sample.output_tools[0].name}}", "reference": "f"}
    scorer = OpenAICriterion(criterion=criterion)
    found = asyncio.run(scorer.grade("", Case(), sample(tool_calls=[{"name": "f"}])))
    assert found.passed is True
    nested = CHECK | {"operation": "eq", "input": "{{sample.output_json.a}}", "reference": "1"}
    assert graded(nested, '{"a": 1}', {}).passed is True


def test_what_is_missing_leaves_the_answer_without_a_grade():
    found = graded(CHECK | {"operation": "eq"}, "x", {"item": {}})
    assert (found.value, found.passed) == (None, None)
    assert "item.a" in found.reason


@pytest.mark.parametrize(("text", "value", "passed"), [("abcd", 1.0, True), ("abxx", 0.5, False)])
def test_a_fuzzy_match_is_the_share_of_what_fits(text: str, value: float, passed: bool):
    criterion = CHECK | {"type": "text_similarity", "evaluation_metric": "fuzzy_match", "pass_threshold": 0.9}
    found = graded(criterion, text, {"a": "abcd"})
    assert (found.value, found.passed) == (value, passed)


def test_other_similarities_are_those_of_the_scorers():
    criterion = CHECK | {"type": "text_similarity", "evaluation_metric": "rouge_1", "pass_threshold": 0.6}
    found = graded(criterion, "a cat", {"a": "a cat sat on {{item.x}}"})
    assert found.value == pytest.approx(0.5)
    assert found.passed is False


@pytest.mark.parametrize(
    ("criterion", "named"),
    [
        ({"type": "string_chek"}, "string_check"),
        (CHECK, "operation"),
        (CHECK | {"operation": "near"}, "operation"),
        (CHECK | {"operation": "eq", "reference": "{{name}}"}, "name"),
        (CHECK | {"type": "text_similarity", "evaluation_metric": "meteor"}, "evaluation_metric"),
        (CHECK | {"type": "text_similarity", "evaluation_metric": "cosine"}, "endpoint"),
        ({"type": "python", "source": "def grade(sample, item): return 1"}, "allow_code"),
        ({"type": "score_model", "input": "text"}, "list of messages"),
        ({"type": "score_model", "input": []}, "list of messages"),
        ({"type": "score_model", "input": [{"content": [{"type": "input_image"}]}]}, "text alone"),
        ({"type": "label_model", "input": [{"content": "x"}], "labels": ["a"]}, "endpoint"),
    ],
)
def test_a_criterion_that_cannot_be_applied_is_refused(criterion: dict[str, Any], named: str):
    with pytest.raises(PluginError, match=named):
        create("scorers", "openai-criterion", {"criterion": criterion})


def test_python_sees_item_and_sample_and_may_give_any_number():
    source = "def grade(sample, item):\n    return item['n'] + len(sample['output_text'])\n"
    criterion = {"type": "python", "source": source, "pass_threshold": 5}
    found = graded(criterion, "abc", {"item": {"n": 2}}, allow_code=True)
    assert (found.value, found.passed, found.parts[0].value) == (1.0, True, 5.0)


@pytest.fixture
def endpoint() -> Generator[Answering]:
    with answering() as running:
        yield running


def judged(endpoint: Answering, criterion: dict[str, Any], text: str = "5") -> Grade:
    judge = {"endpoint": endpoint.url, "model": "j"}
    turns = [{"role": "user", "content": ["Is {{ sample.output_text }}", "{{item.a}} {x} {% y %}?"]}]
    return graded({"input": turns} | criterion, text, {"a": "{{ output }}"}, judge=judge)


@pytest.mark.parametrize(
    ("said", "more", "score", "value", "passed"),
    [
        ("Score: 4", {"range": [0, 5], "pass_threshold": 4}, 4, 0.8, True),
        ("Score: 4", {"range": [0, 5], "pass_threshold": 4.5}, 4, 0.8, False),
        ("Score: 2.5", {"range": [0, 5]}, 2.5, 0.5, True),
        ("0.4", {}, 0.4, 0.4, False),
        ("0", {"pass_threshold": 0}, 0, 0, True),
    ],
)
def test_a_score_lies_in_its_range(
    endpoint: Answering, said: str, more: dict[str, Any], score: float, value: float, passed: bool
):
    endpoint.say = lambda _: said
    found = judged(endpoint, {"type": "score_model", **more})
    assert (found.parts[0].value, found.value, found.passed) == (score, value, passed)


@pytest.mark.parametrize("said", ["Score: 9", "fine"])
def test_what_is_no_verdict_gives_no_score(endpoint: Answering, said: str):
    endpoint.say = lambda _: said
    found = judged(endpoint, {"type": "score_model", "range": [0, 5]})
    assert (found.value, found.passed, found.failed) == (None, None, True)


def test_a_judge_sees_the_texts_as_they_are_and_no_row_writes_a_template(endpoint: Answering):
    endpoint.say = lambda _: "a"
    labels = {"type": "label_model", "labels": ["a", "b{c"], "passing_labels": ["a"]}
    assert judged(endpoint, labels, "<|im_end|>").passed is True
    (body,) = endpoint.bodies
    assert "a, b{c" in body["messages"][0]["content"]
    assert body["messages"][1]["content"] == "Is < |im_end| >{{ output }} {x} {% y %}?"


def test_an_instruction_joins_the_system_message_that_is_there(endpoint: Answering):
    endpoint.say = lambda _: "1"
    turns = [{"role": "system", "content": "Grade."}, {"role": "user", "content": "x"}]
    judged(endpoint, {"type": "score_model", "input": turns})
    messages = endpoint.bodies[0]["messages"]
    assert [turn["role"] for turn in messages] == ["system", "user"]
    assert messages[0]["content"].startswith("End your reply")
    assert messages[0]["content"].endswith("Grade.")


def test_cosine_asks_the_embeddings_endpoint(endpoint: Answering):
    criterion = CHECK | {"type": "text_similarity", "evaluation_metric": "cosine", "pass_threshold": 0.9}
    judge = {"endpoint": endpoint.url, "model": "e"}
    assert graded(criterion, "abc", {"a": "xyz"}, judge=judge).value == pytest.approx(1)
    assert endpoint.bodies[0]["input"] == ["abc", "xyz"]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("x = 1", "defines no function `grade"),
        ("class A:\n    def grade(self): pass", "defines no function `grade"),
        ("def grade(", "the source is no Python"),
        ("x\0", "the source is no Python"),
    ],
)
def test_a_source_without_a_grader_is_refused(source, said):
    with pytest.raises(ValueError, match=said):
        check_source(source)


@pytest.mark.parametrize(
    "source", ["def grade(s, i): return 1", "grade = max", "from math import fsum as grade", "import grade"]
)
def test_a_source_may_bind_its_grader_in_any_way(source):
    check_source(source)
