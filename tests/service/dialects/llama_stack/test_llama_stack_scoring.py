"""Scoring through the Llama Stack dialect: rules, judges, functions of users."""

import json
from typing import Any
from uuid import uuid4

import pytest
from tests.service.dialects.answering import Answering
from tests.service.dialects.llama_stack.calls import evaluate, message, pairs, score, scores
from tests.service.live import Live

from bakeoff.server.specs.references import TARGET

pytestmark = pytest.mark.timeout(120)


@pytest.mark.parametrize(
    ("function", "rows", "expected"),
    [
        ("basic::equality", pairs(("a", "a"), ("a ", "a"), ("", "a")), [1.0, 0.0, 0.0]),
        ("basic::subset_of", pairs(("it is a  b", "a  b"), ("A", "a"), ("", "a")), [1.0, 0.0, 0.0]),
        (
            "basic::docvqa",
            pairs(("The Cat.", '["a dog", "cat"]'), ("mouse", '["cat"]'), ("Cat", "cat")),
            [1.0, 0.0, 1.0],
        ),
        (
            "basic::regex_parser_multiple_choice_answer",
            pairs(
                ("So the best answer is B.", "B"),
                ("Answer: Because", "B"),
                ("answer: (c)", "C"),
                ("Antwort: D", "D"),
                ("答案\uff1aA", "A"),
                ("الإجابة: ب", "B"),
                ("nothing", "A"),
            ),
            [1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0],
        ),
        (
            "basic::regex_parser_math_response",
            pairs((r"The final answer is: $\boxed{\frac{1}{2}}$", "0.5"), ("0.5", "0.5")),
            [1.0, 0.0],
        ),
    ],
)
def test_rules_score_answers(service: Live, function: str, rows: list[dict[str, Any]], expected: list[float]):
    assert scores(score(service, rows, function)) == expected


def test_ifeval_weighs_rows_by_their_instructions(service: Live):
    ids = ["punctuation:no_comma", "change_case:english_lowercase"]
    row = {"generated_answer": "No comma here", "instruction_id_list": json.dumps(ids[:1]), "kwargs": "[{}]"}
    rows = [
        row,
        {"generated_answer": "a, b", "instruction_id_list": ["punctuation:no_comma"] * 3, "kwargs": [{}] * 3},
    ]
    answer = score(service, rows, "basic::ifeval")
    assert scores(answer) == [1.0, 0.0]
    told = answer.json["results"]["basic::ifeval"]
    assert [each["weight"] for each in told["score_rows"]] == [1.0, 3.0]
    assert told["aggregated_results"] == {"weighted_average": {"weighted_average": 0.25}}


def test_parameters_of_a_call_do_not_change_the_function(service: Live):
    before = service.call("GET", "/v1/scoring-functions/basic::equality").json
    params = {"type": "basic", "aggregation_functions": ["average", "median", "categorical_count"]}
    told = score(service, pairs(("a", "a"), ("b", "a")), "basic::equality", params).json["results"]
    assert told["basic::equality"]["aggregated_results"] == {
        "average": {"average": 0.5},
        "median": {"median": 0.5},
        "categorical_count": {"categorical_count": {"0.0": 1, "1.0": 1}},
    }
    regex = {"parsing_regexes": [r"letter (\w)"]}
    choice = "basic::regex_parser_multiple_choice_answer"
    assert scores(score(service, pairs(("letter x", "X")), choice, regex)) == [1.0]
    assert scores(score(service, pairs(("Answer: B", "B")), choice)) == [1.0]
    assert service.call("GET", "/v1/scoring-functions/basic::equality").json == before


JUDGE = "llm-as-judge::base"


def test_a_judge_is_asked_by_the_template_alone(service: Live, talker: Answering, model: str):
    talker.say = lambda _: "Rating: 3. No, Rating: 4"
    params = {
        "type": "llm_as_judge",
        "judge_model": model,
        "prompt_template": '{input_query} A {generated_answer} R {expected_answer} {{"a": ${{b}} %}} {{{{\n',
        "judge_score_regexes": [r"Rating: (\d)"],
        "aggregation_functions": ["average"],
    }
    answer = score(service, pairs(("said", "right")), JUDGE, params)
    assert scores(answer) == [4]
    (row,) = answer.json["results"][JUDGE]["score_rows"]
    assert row["judge_feedback"] == "Rating: 3. No, Rating: 4"
    (body,) = talker.bodies
    assert body["messages"] == [{"role": "user", "content": 'q A said R right {"a": ${b} %} {{\n'}]


@pytest.mark.parametrize(
    ("said", "regex", "found"),
    [
        ("CORRECT, so A", "(A|B|C)", "A"),
        ("it is INCORRECT\nB", "(A|B|C)", "B"),
        ("Grade: CORRECT\nGrade: C", r"Grade: (A|B|C)", "C"),
        ("Verdict: [B]", "([A-C])", "B"),
        ("no verdict at ALL", "(A|B|C)", None),
        ("Grade: A-level. Don't know, B", "([A-Z])", "B"),
        ("Score: 10 of CORRECT", "(1|2|3|4|5)", None),
        ("tok0 tok1 tok2 tok3 tok4 tok5 tok6 tok7", "(1|2|3|4|5)", None),
        ("Score: 4/5", "(1|2|3|4|5)/5", 4.0),
        ("Rating: 3.5", r"Rating: (\d)", None),
        ("it gets 5pts", r"(\d+)\s*pts", 5.0),
        ("Grade: B", "Grade: ([ABC])", "B"),
        ("Grade: good", r"Grade: (\w+)", "good"),
        ("Grade: good\nGrade: ", r"Grade: (\w*)", "good"),
    ],
)
def test_what_a_judge_says_counts_only_as_a_whole_word_or_number(
    service: Live, talker: Answering, model: str, said: str, regex: str, found: float | str | None
):
    talker.say = lambda _: said
    params = {
        "judge_model": model,
        "prompt_template": "{generated_answer}",
        "judge_score_regexes": [regex],
        "aggregation_functions": ["categorical_count", "accuracy"],
    }
    answer = score(service, pairs(("x", "y")), JUDGE, params)
    assert scores(answer) == [found]
    told = answer.json["results"][JUDGE]["aggregated_results"]
    assert told["categorical_count"] == {"categorical_count": {str(found): 1}}


def test_words_are_categories_that_figures_skip_and_say_so(service: Live, talker: Answering, model: str):
    talker.say = lambda body: str(body["messages"][-1]["content"])
    params = {
        "judge_model": model,
        "prompt_template": "Grade: {generated_answer}",
        "judge_score_regexes": [r"Grade: (\w+)"],
        "aggregation_functions": ["categorical_count", "accuracy", "average", "median", "weighted_average"],
    }
    rows = pairs(("good", "x"), ("1", "x"), ("0", "x"), ("?", "x"))
    answer = score(service, rows, JUDGE, params)
    assert scores(answer) == ["good", 1.0, 0.0, None]
    assert answer.json["results"][JUDGE]["aggregated_results"] == {
        "categorical_count": {"categorical_count": {"0.0": 1, "1.0": 1, "None": 1, "good": 1}},
        "accuracy": {"accuracy": 1 / 3, "num_correct": 1.0, "num_total": 3, "num_skipped": 1},
        "average": {"average": 0.5, "num_skipped": 2},
        "median": {"median": 0.5, "num_skipped": 2},
        "weighted_average": {"weighted_average": 0.5, "num_skipped": 2},
    }


@pytest.mark.parametrize(
    ("regex", "said", "right", "value"),
    [
        ("(A|B|C)", "CORRECT", "C", 0.0),
        ("Answer: ([ABC])", "Answer: CORRECT", "C", 0.0),
        ("Answer: ([ABC])", "So, Answer: C.", "C", 1.0),
        ("([ABC])", "A or B", "A", 1.0),
        ("[ABC]", "BAD, but C", "C", 1.0),
        (r"is (\d+)", "it is 12.5", "12", 0.0),
    ],
)
def test_patterns_of_a_caller_take_whole_words_only(
    service: Live, regex: str, said: str, right: str, value: float
):
    choice = "basic::regex_parser_multiple_choice_answer"
    params = {"parsing_regexes": [regex]}
    assert scores(score(service, pairs((said, right)), choice, params)) == [value]


def test_simple_qa_grades_by_letter(service: Live, talker: Answering, model: str):
    talker.say = lambda body: (
        "It says CORRECT things.\n" + ("A" if "said" in body["messages"][0]["content"] else "C")
    )
    name = "llm-as-judge::405b-simpleqa"
    lost = score(service, pairs(("said", "right")), name)
    assert (lost.status, message(lost)) == (404, "Model 'meta-llama/Llama-3.1-405B-Instruct' not found")
    answer = score(service, pairs(("said", "right"), ("other", "right")), name, {"judge_model": model})
    assert scores(answer) == ["A", "C"]
    counted = answer.json["results"][name]["aggregated_results"]["categorical_count"]
    assert counted == {"categorical_count": {"A": 1, "C": 1}}
    assert "q" in talker.bodies[0]["messages"][0]["content"]


def test_a_judge_is_asked_as_its_registered_model_says(service: Live, talker: Answering):
    params = {"temperature": 0.9, "max_tokens": 77, "reasoning_effort": "low"}
    metadata = {"endpoint": talker.url, "params": params}
    service.call("POST", "/v1/models", {"model_id": "set-judge", "metadata": metadata})
    talker.bodies.clear()
    talker.say = lambda _: "Score 3"
    asking = {
        "judge_model": "set-judge",
        "prompt_template": "{generated_answer}",
        "judge_score_regexes": [r"Score (\d)"],
    }
    assert scores(score(service, pairs(("x", "y")), JUDGE, asking)) == [3.0]
    (sent,) = talker.bodies
    assert {name: sent.get(name) for name in params} == params
    assert sent["seed"] == 0
    metadata["params"] = {"max_completion_tokens": 50}
    service.call("POST", "/v1/models", {"model_id": "set-judge", "metadata": metadata})
    score(service, pairs(("x", "y")), JUDGE, asking)
    assert (talker.bodies[-1].get("max_tokens"), talker.bodies[-1]["max_completion_tokens"]) == (None, 50)


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"headers": {"X-Org": "blue"}}, "headers"),
        ({"provider": "openai_completions"}, "openai_completions"),
    ],
)
def test_a_judge_that_cannot_be_asked_as_registered_is_refused(
    service: Live, talker: Answering, more: dict[str, Any], named: str
):
    body = {"endpoint": talker.url, "model": "m", **more}
    assert service.call("PUT", "/api/v1/targets/odd-judge", body).status in {200, 201}
    asking = {"judge_model": "odd-judge", "prompt_template": "x", "judge_score_regexes": [r"(\d)"]}
    answer = score(service, pairs(("x", "y")), JUDGE, asking)
    assert (answer.status, named in message(answer)) == (400, True)


def test_a_run_with_a_judge_ends_in_its_scores(service: Live, talker: Answering, model: str):
    talker.say = lambda body: "Score 7" if "Judge" in str(body["messages"]) else "fine"
    params = {
        JUDGE: {
            "judge_model": model,
            "prompt_template": "Judge {generated_answer} ${{HOME}}",
            "judge_score_regexes": [r"Score (\d+)"],
            "aggregation_functions": ["average"],
        }
    }
    rows = [{"input_query": "a", "expected_answer": "fine"}]
    answer = evaluate(service, model, rows, ["basic::equality", JUDGE], scoring_params=params)
    assert answer.status == 200, answer.body
    assert answer.json["scores"][JUDGE]["aggregated_results"] == {"average": {"average": 7.0}}
    assert answer.json["scores"]["basic::equality"]["score_rows"] == [{"score": 1.0}]
    assert "Judge fine ${HOME}" in [body["messages"][-1]["content"] for body in talker.bodies]


@pytest.mark.parametrize(
    ("function", "params", "named"),
    [
        ("braintrust::factuality", None, "braintrust::factuality"),
        ("basic::bfcl", None, "basic::bfcl"),
        ("basic::equality", {"type": "llm_as_judge"}, "type `basic`"),
        ("basic::equality", {"type": "basic", "parsing_regexes": ["a"]}, "`parsing_regexes`"),
        ("basic::equality", {"aggregation_functions": ["mode"]}, "aggregation_functions"),
        ("basic::regex_parser_math_response", {"parsing_regexes": ["a", "b"]}, "one of `parsing_regexes`"),
        ("basic::regex_parser_math_response", {"parsing_regexes": ["(a"]}, "no regular expression"),
        (JUDGE, {"judge_model": "org/talker"}, "`prompt_template`"),
        (JUDGE, {"judge_model": "org/talker", "prompt_template": "x"}, "`judge_score_regexes`"),
        (JUDGE, {"judge_model": "org/talker", "prompt_template": "{other}"}, "`{other}`"),
        (JUDGE, {"judge_model": "org/talker", "prompt_template": "{"}, "prompt_template"),
        (JUDGE, {"judge_model": "nobody"}, "nobody"),
        (JUDGE, {"judge_model": "weights"}, "no endpoint"),
    ],
)
def test_a_function_that_cannot_score_is_refused_by_name(
    service: Live, model: str, function: str, params: Any, named: str
):
    service.service.objects.put(TARGET, "weights", {"source": "x"}, project="default", owner="test")
    answer = score(service, pairs(("a", "a")), function, params)
    assert answer.status in {400, 404}
    assert named in message(answer)


def test_an_answer_without_its_column_is_refused_with_its_row(service: Live):
    answer = score(service, [{"generated_answer": "a"}], "basic::equality")
    assert (answer.status, message(answer)) == (
        400,
        "row 0: no `expected_answer`, which `basic::equality` needs",
    )


def test_scores_of_a_data_set_become_one(service: Live):
    rows = pairs(("a", "a"), ("b", "a"))
    service.call("POST", "/v1/datasets", {"dataset_id": "given", "source": {"type": "rows", "rows": rows}})
    body = {"dataset_id": "given", "scoring_functions": {"basic::equality": None}}
    plain = service.call("POST", "/v1/scoring/score-batch", body).json
    assert plain["dataset_id"] is None
    kept = service.call("POST", "/v1/scoring/score-batch", body | {"save_results_dataset": True}).json
    assert kept["results"] == plain["results"]
    found = service.call("GET", f"/v1/datasetio/iterrows/{kept['dataset_id']}").json["data"]
    assert found == [
        row | {"basic::equality": {"score": value}} for row, value in zip(rows, (1.0, 0.0), strict=True)
    ]


@pytest.mark.parametrize(
    ("given", "rows", "expected"),
    [
        (
            {
                "params": {
                    "type": "regex_parser",
                    "parsing_regexes": [r"is (\w)\b"],
                    "aggregation_functions": ["average"],
                }
            },
            pairs(("it is B", "b"), ("B", "b")),
            {"average": {"average": 0.5}},
        ),
        (
            {"provider_id": "basic", "provider_scoring_fn_id": "subset-of"},
            pairs(("a b", "b")),
            {"accuracy": {"accuracy": 1.0, "num_correct": 1.0, "num_total": 1}},
        ),
    ],
)
def test_a_registered_function_is_kept_and_scores(
    service: Live, given: dict[str, Any], rows: list[dict[str, Any]], expected: dict[str, Any]
):
    name = f"team/own::{uuid4().hex[:8]}"
    body = {"scoring_fn_id": name, "description": "ours", "return_type": {"type": "number"}, **given}
    made = service.call("POST", "/v1/scoring-functions", body)
    assert (made.status, made.json) == (200, None)
    found = service.call("GET", f"/v1/scoring-functions/{name}").json
    assert (found["identifier"], found["description"], found["type"]) == (name, "ours", "scoring_function")
    assert found in service.call("GET", "/v1/scoring-functions").json["data"]
    assert score(service, rows, name).json["results"][name]["aggregated_results"] == expected
    assert service.call("DELETE", f"/v1/scoring-functions/{name}").json is None
    assert service.call("GET", f"/v1/scoring-functions/{name}").status == 404


def test_a_judge_of_your_own_is_kept_with_its_prompt(service: Live, talker: Answering, model: str):
    params = {"judge_model": model, "prompt_template": "7", "judge_score_regexes": [r"(\d)"]}
    body = {"scoring_fn_id": "mine::judge", "description": "", "return_type": {"type": "number"}}
    assert service.call("POST", "/v1/scoring-functions", body | {"params": params}).status == 200
    found = service.call("GET", "/v1/scoring-functions/mine::judge").json
    assert (found["provider_id"], found["params"]["type"]) == ("llm-as-judge", "llm_as_judge")
    answer = score(service, pairs(("a", "a")), "mine::judge", {"aggregation_functions": ["median"]})
    assert scores(answer) == [7]
    assert answer.json["results"]["mine::judge"]["aggregated_results"] == {"median": {"median": 7}}


def test_names_that_are_too_much_alike_still_have_scores_of_their_own(service: Live):
    for name in ("a/b", "a::b"):
        body = {"scoring_fn_id": name, "return_type": {"type": "number"}, "provider_id": "basic"}
        made = service.call("POST", "/v1/scoring-functions", body | {"provider_scoring_fn_id": "equality"})
        assert made.status == 200, made.body
    body = {"input_rows": pairs(("a", "a")), "scoring_functions": {"a/b": None, "a::b": None}}
    told = service.call("POST", "/v1/scoring/score", body).json["results"]
    assert [told[name]["score_rows"] for name in ("a/b", "a::b")] == [[{"score": 1.0}]] * 2


@pytest.mark.parametrize(
    ("given", "status", "named"),
    [
        ({}, 400, "No provider specified and multiple providers available"),
        ({"provider_id": "braintrust"}, 400, "Provider `braintrust` not found"),
        ({"provider_id": "basic", "params": {"type": "llm_as_judge"}}, 400, "do not go with"),
        ({"provider_id": "basic"}, 400, "is not known to `basic`"),
        ({"provider_id": "llm-as-judge", "params": {"parsing_regexes": ["a"]}}, 400, "`regex_parser`"),
        ({"scoring_fn_id": "basic::equality", "provider_id": "basic"}, 409, "service's own"),
    ],
)
def test_a_function_that_is_none_is_not_registered(
    service: Live, given: dict[str, Any], status: int, named: str
):
    body = {"scoring_fn_id": "mine", "description": "", "return_type": {"type": "number"}, **given}
    answer = service.call("POST", "/v1/scoring-functions", body)
    assert (answer.status, named in message(answer)) == (status, True)
