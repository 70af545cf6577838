"""Testing criteria: what they say of answers, and which are refused."""

from typing import Any

import pytest
from tests.confinement import needs_confinement
from tests.service.dialects.answering import Answering
from tests.service.dialects.openai_evals.calls import (
    EQUAL,
    ROWS,
    asking,
    counts,
    ended,
    eval_of,
    given,
    graded,
    items,
    new_eval,
)
from tests.service.live import Live, live

from bakeoff.server.settings import Settings
from bakeoff.server.specs.references import TARGET

pytestmark = pytest.mark.timeout(120)


@pytest.mark.parametrize(
    ("operation", "text", "reference", "passed"),
    [
        ("eq", "Paris", "Paris", True),
        ("eq", "Paris ", "Paris", False),
        ("ne", "Paris", "Rome", True),
        ("like", "in Paris", "Paris", True),
        ("like", "in paris", "Paris", False),
        ("ilike", "in paris", "PARIS", True),
    ],
)
def test_string_checks(service: Live, operation: str, text: str, reference: str, passed: bool):
    criterion = EQUAL | {"operation": operation, "reference": reference}
    result = graded(service, criterion, {"item": {}, "sample": {"output_text": text}})
    assert (result["passed"], result["score"]) == (passed, float(passed))


@pytest.mark.parametrize(
    "measure", ["bleu", "cosine", "fuzzy_match", "gleu", "rouge_1", "rouge_2", "rouge_5", "rouge_l"]
)
def test_equal_texts_are_wholly_similar_by_every_measure(service: Live, measure: str):
    text = "the quick brown fox jumps over the lazy dog"
    criterion = {
        "type": "text_similarity",
        "name": "near",
        "input": "{{item.said}}",
        "reference": "{{item.right}}",
        "evaluation_metric": measure,
        "pass_threshold": 0.9,
    }
    result = graded(service, criterion, {"item": {"said": text, "right": text}})
    assert (result["passed"], result["score"]) == (True, pytest.approx(1))


def test_a_score_model_gives_its_number_in_its_range(service: Live, endpoint: Answering):
    endpoint.say = lambda _: "Good, but short.\nScore: 4"
    turns = [
        {"role": "system", "content": "Grade."},
        {
            "role": "user",
            "content": [{"type": "input_text", "text": "{{ item.q }}: {{ sample.output_text }}"}],
        },
    ]
    criterion = {"type": "score_model", "name": "s", "model": "judge", "input": turns, "range": [1, 5]}
    sampling = {"temperature": 0.3, "max_completions_tokens": 99, "reasoning_effort": "low"}
    row = {"item": {"q": "Why?"}, "sample": {"output_text": "Because<|im_end|>"}}
    result = graded(service, criterion | {"pass_threshold": 4.5, "sampling_params": sampling}, row)
    assert (result["passed"], result["score"]) == (False, 4)
    assert graded(service, criterion, row)["passed"]
    body = endpoint.bodies[0]
    assert body["messages"][0]["content"].endswith("Grade.")
    assert body["messages"][1]["content"] == "Why?: Because< |im_end| >"
    asked = {name: body.get(name) for name in ("temperature", "max_completion_tokens", "reasoning_effort")}
    assert asked == {"temperature": 0.3, "max_completion_tokens": 99, "reasoning_effort": "low"}
    assert "max_tokens" not in body


def test_a_judge_without_a_verdict_makes_the_row_an_error(service: Live, endpoint: Answering):
    endpoint.say = lambda _: "Score: 9"
    turns = [{"role": "user", "content": "{{sample.output_text}}"}]
    criterion = {"type": "score_model", "name": "s", "model": "judge", "input": turns, "range": [1, 5]}
    run = ended(service, eval_of(service, criterion), given([{"item": {}, "sample": {"output_text": "x"}}]))
    assert counts(run) == (1, 0, 0, 1)
    (item,) = items(service, run)
    assert item["results"][0] | {"reason": ""} == {
        "name": "s",
        "type": "score_model",
        "score": None,
        "passed": False,
        "reason": "",
        "sample": None,
    }


def test_a_label_model_passes_by_its_labels(service: Live, endpoint: Answering):
    endpoint.say = lambda _: "bad"
    criterion = {
        "type": "label_model",
        "name": "l",
        "model": "judge",
        "input": [{"role": "user", "content": "{{item.q}}"}],
        "labels": ["good", "bad"],
        "passing_labels": ["bad"],
    }
    assert graded(service, criterion, {"item": {"q": "x"}})["passed"]
    told = endpoint.bodies[0]["messages"][0]
    assert told["role"] == "system"
    assert "good, bad" in told["content"]


@needs_confinement
def test_python_is_run_where_the_server_allows_it(service: Live):
    source = "def grade(sample, item):\n    return len(sample['output_text']) * item['each']\n"
    criterion = {"type": "python", "name": "p", "source": source, "pass_threshold": 6}
    result = graded(service, criterion, {"item": {"each": 2}, "sample": {"output_text": "${HOME}"}})
    assert (result["passed"], result["score"]) == (True, 14)


def test_json_of_an_answer_is_seen_by_criteria(service: Live, endpoint: Answering):
    endpoint.say = lambda _: '{"city": {"name": "Rome"}, "seen": [1, 2]}'
    criteria = [
        EQUAL | {"name": "city", "input": "{{sample.output_json.city.name}}", "reference": "Rome"},
        EQUAL | {"name": "list", "input": "{{sample.output_json.seen[1]}}", "reference": "2"},
    ]
    run = ended(service, eval_of(service, *criteria), asking(ROWS[:1]))
    assert counts(run) == (1, 1, 0, 0)
    endpoint.say = lambda _: "no JSON"
    run = ended(service, eval_of(service, *criteria), asking(ROWS[:1]))
    assert counts(run) == (1, 0, 0, 1)
    assert "output_json" in items(service, run)[0]["results"][0]["reason"]


def test_texts_of_users_never_stand_for_variables_of_the_server(service: Live):
    criterion = EQUAL | {"reference": "${PATH} {% raw %}", "operation": "eq"}
    row = {"item": {}, "sample": {"output_text": "${PATH} {% raw %}"}}
    assert graded(service, criterion, row)["passed"]


@pytest.mark.parametrize(
    ("criterion", "named"),
    [
        ({"type": "multi", "name": "x"}, "multi"),
        (EQUAL | {"operation": "near"}, "near"),
        (EQUAL | {"input": "{{name}}"}, "{{name}}"),
        (EQUAL | {"input": "{{item.x | upper}}"}, "upper"),
        (EQUAL | {"weight": 1}, "weight"),
        (
            EQUAL
            | {"type": "text_similarity", "evaluation_metric": "meteor", "pass_threshold": 0.5}
            | {"operation": None},
            "meteor",
        ),
        (
            {
                "type": "label_model",
                "name": "x",
                "model": "judge",
                "input": [{"content": "x"}],
                "labels": ["a"],
                "passing_labels": ["b"],
            },
            "`b`",
        ),
        (
            {
                "type": "score_model",
                "name": "x",
                "model": "judge",
                "input": [{"content": "x"}],
                "range": [2, 1],
            },
            "range",
        ),
        ({"type": "python", "name": "x", "source": "x = 1", "image_tag": "2025"}, "image_tag"),
    ],
)
def test_criteria_that_are_not_offered_are_refused_by_name(
    service: Live, criterion: dict[str, Any], named: str
):
    answer = new_eval(service, {key: value for key, value in criterion.items() if value is not None})
    assert answer.status == 400
    error = answer.json["error"]
    assert named in error["message"]
    assert error["param"].startswith("testing_criteria[0]")


def test_two_criteria_of_one_name_are_refused(service: Live):
    assert "equal" in new_eval(service, EQUAL, EQUAL).json["error"]["message"]


@needs_confinement
def test_code_that_is_no_python_is_refused_before_any_run(service: Live):
    answer = new_eval(service, {"type": "python", "name": "x", "source": "def grade("})
    assert answer.status == 400
    assert "no Python" in answer.json["error"]["message"]


def test_a_judge_that_nobody_registered_is_not_found(service: Live):
    turns = [{"role": "user", "content": "x"}]
    answer = new_eval(service, {"type": "score_model", "name": "x", "model": "gpt-9", "input": turns})
    assert (answer.status, answer.json["error"]["code"]) == (404, "model_not_found")


def test_code_is_refused_by_a_server_that_does_not_allow_it(tmp_path_factory: pytest.TempPathFactory):
    with live(Settings(data=tmp_path_factory.mktemp("strict"), workers=0)) as strict:
        answer = new_eval(strict, {"type": "python", "name": "p", "source": "def grade(s, i): return 1"})
        assert answer.status == 403
        assert "--allow-code" in answer.json["error"]["message"]
        cosine = {
            "type": "text_similarity",
            "name": "c",
            "input": "x",
            "reference": "x",
            "evaluation_metric": "cosine",
            "pass_threshold": 0.5,
        }
        assert "embeddings endpoint" in new_eval(strict, cosine).json["error"]["message"]
        for body in ({"source": "pypi://x"}, {"endpoint": "http://127.0.0.1/v1", "headers": {"a": "b"}}):
            strict.service.objects.put(TARGET, "judge", body, project="default", owner="tests")
            turns = [{"role": "user", "content": "x"}]
            judged = new_eval(strict, {"type": "score_model", "name": "s", "model": "judge", "input": turns})
            assert (judged.status, judged.json["error"]["type"]) == (400, "invalid_request_error")
