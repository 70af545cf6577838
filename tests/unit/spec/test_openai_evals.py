"""An export of OpenAI Evals becomes a spec and its data."""

from typing import Any

import pytest
import yaml

from bakeoff.errors import SpecError
from bakeoff.spec import load_spec
from bakeoff.spec.openai_evals import DATA, Export, adopt, is_eval, is_run

OUTPUT = "{{sample.output_text}}"
ROWS = ({"item": {"query": "2+2?", "truth": "4", "meta": {"alt": "four"}}}, {"query": "3+3?", "truth": "6"})
CRITERIA: list[dict[str, Any]] = [
    {
        "type": "string_check",
        "name": "Is right",
        "input": OUTPUT,
        "operation": "eq",
        "reference": "{{item.truth}}",
    },
    {"type": "string_check", "name": "Is right", "input": OUTPUT, "operation": "ne", "reference": "no"},
    {
        "type": "string_check",
        "name": "like",
        "input": OUTPUT,
        "operation": "like",
        "reference": "{{ item.meta.alt }}",
    },
    {
        "type": "string_check",
        "name": "ilike",
        "input": OUTPUT,
        "operation": "ilike",
        "reference": "is {{item.truth}}",
    },
    {
        "type": "text_similarity",
        "name": "close",
        "input": OUTPUT,
        "reference": "{{item.truth}}",
        "evaluation_metric": "rouge_2",
        "pass_threshold": 0.5,
    },
]
EVAL = {
    "object": "eval",
    "name": "My eval",
    "data_source_config": {"type": "custom"},
    "testing_criteria": CRITERIA,
}
RUN: dict[str, Any] = {
    "object": "eval.run",
    "model": "gpt-x",
    "data_source": {
        "type": "completions",
        "model": "gpt-x",
        "input_messages": {
            "type": "template",
            "template": [
                {
                    "type": "message",
                    "role": "developer",
                    "content": {"type": "input_text", "text": "Be short."},
                },
                {"role": "user", "content": "{{item.query}} ({{item.meta.alt}})"},
            ],
        },
        "sampling_params": {"max_completion_tokens": 64, "temperature": 0, "seed": 3},
    },
}


def adopted(
    criteria: list[dict[str, Any]] | None = None, runs: tuple[Any, ...] = (RUN,), rows: tuple[Any, ...] = ROWS
):
    evaluation = EVAL | ({"testing_criteria": criteria} if criteria is not None else {})
    return adopt(Export(evaluation=evaluation, runs=runs, rows=rows, where="eval.json"))


def test_criteria_become_scorers():
    (benchmark,) = adopted().document["benchmarks"]
    assert benchmark["scorers"] == [
        {"type": "equals", "value": "{{truth}}", "metric": "is_right"},
        {"type": "not-equals", "value": "no", "metric": "is_right_2"},
        {"type": "assert-set", "assert": [{"type": "contains", "value": "{{meta__alt}}"}], "metric": "like"},
        {"type": "icontains", "value": "is {{truth}}", "metric": "ilike"},
        {
            "type": "rouge-n",
            "n": 2,
            "definition": "rouge_score",
            "threshold": 0.5,
            "value": "{{truth}}",
            "metric": "close",
        },
    ]


def test_runs_become_models_and_the_prompt():
    found = adopted(runs=(RUN, RUN)).document
    assert found["name"] == "My-eval"
    assert found["models"] == [
        {
            "name": "gpt-x",
            "endpoint": "https://api.openai.com/v1",
            "model": "gpt-x",
            "api_key": "${OPENAI_API_KEY}",
            "params": {"temperature": 0, "seed": 3, "max_tokens": None, "max_completion_tokens": 64},
        }
    ]
    assert found["benchmarks"][0]["prompt"] == {
        "messages": [
            {"role": "developer", "content": "Be short."},
            {"role": "user", "content": "{{query}} ({{meta.alt}})"},
        ],
        "form": "chat",
    }


def test_rows_get_the_columns_that_criteria_need():
    assert adopted().rows[DATA] == [
        {"query": "2+2?", "truth": "4", "meta": {"alt": "four"}, "meta__alt": "four"},
        {"query": "3+3?", "truth": "6", "meta__alt": None},
    ]


def test_what_is_written_is_a_spec(tmp_path):
    path = tmp_path / "bakeoff.yaml"
    document = adopted(criteria=CRITERIA[:4]).document
    path.write_text(yaml.safe_dump(document))
    (tmp_path / "data").mkdir()
    (tmp_path / DATA).write_text('{"query": "x"}\n')
    assert load_spec(path, {"OPENAI_API_KEY": "k"}).spec.benchmarks[0].name == "items"


@pytest.mark.parametrize(
    ("measure", "scorer"),
    [
        ("bleu", {"type": "bleu", "definition": "sacrebleu"}),
        ("gleu", {"type": "gleu"}),
        ("rouge_l", {"type": "rouge-l"}),
    ],
)
def test_similarities(measure, scorer):
    criterion = CRITERIA[4] | {"evaluation_metric": measure, "pass_threshold": None}
    (found,) = adopted(criteria=[criterion]).document["benchmarks"][0]["scorers"]
    assert found == scorer | {"value": "{{truth}}", "metric": "close"}


def test_python_is_kept_and_not_allowed_by_itself():
    made = adopted(
        criteria=[
            {
                "type": "python",
                "name": "py",
                "source": "def grade(sample, item):\n  return 1.0\n",
                "pass_threshold": 0.5,
            }
        ]
    )
    (scorer,) = made.document["benchmarks"][0]["scorers"]
    assert scorer["assert"][0]["threshold"] == 0.5
    assert scorer["assert"][0]["value"].startswith("def grade(sample, item):\n  return 1.0\nreturn grade(")
    assert "allow_code" not in scorer
    assert any("allow_code: true" in note for note in made.notes)


def test_an_eval_of_ready_answers_asks_its_question_again():
    criteria = [
        {
            "type": "string_check",
            "name": "eq",
            "input": "{{item.response}}",
            "operation": "eq",
            "reference": "{{item.truth}}",
        }
    ]
    rows = ({"item": {"response": "4", "query": "2+2?", "truth": "4"}},)
    made = adopted(criteria=criteria, runs=(), rows=rows)
    (benchmark,) = made.document["benchmarks"]
    assert benchmark["prompt"] == {"template": "{{query}}", "form": "chat"}
    assert made.document["models"][0]["endpoint"] == "${MODEL_URL}"
    assert len(made.notes) == 2


def test_rows_may_stand_in_a_run():
    source = {"type": "jsonl", "source": {"type": "file_content", "content": list(ROWS)}}
    made = adopted(runs=({"object": "eval.run", "data_source": source},), rows=())
    assert len(made.rows[DATA]) == 2


def test_output_items_of_a_run_are_data_too():
    rows = (
        {"object": "eval.run.output_item", "datasource_item": {"item": {"query": "x"}}},
        {"datasource_item": {"query": "y"}},
    )
    assert [row["query"] for row in adopted(rows=rows).rows[DATA]] == ["x", "y"]


def test_conversations_of_the_rows_are_sent_as_they_stand():
    run = RUN | {
        "data_source": RUN["data_source"]
        | {"input_messages": {"type": "item_reference", "item_reference": "item.turns"}}
    }
    (benchmark,) = adopted(runs=(run,)).document["benchmarks"]
    assert benchmark["fields"] == {"messages": "turns"}
    assert "prompt" not in benchmark


def test_further_prompts_and_models_are_noted():
    other = RUN | {
        "data_source": RUN["data_source"]
        | {"model": "gpt-y", "input_messages": {"template": [{"role": "user", "content": "x"}]}}
    }
    made = adopted(runs=(RUN, other))
    assert [model["name"] for model in made.document["models"]] == ["gpt-x", "gpt-y"]
    assert any("2 prompts" in note for note in made.notes)


def test_pictures_are_kept():
    turn = {
        "role": "user",
        "content": [
            {"type": "input_text", "text": "what"},
            {"type": "input_image", "image_url": "{{item.url}}"},
        ],
    }
    run = RUN | {"data_source": RUN["data_source"] | {"input_messages": {"template": [turn]}}}
    (benchmark,) = adopted(runs=(run,)).document["benchmarks"]
    assert benchmark["prompt"]["messages"][0]["content"] == [
        {"type": "text", "text": "what"},
        {"type": "image_url", "image_url": {"url": "{{url}}"}},
    ]


def with_turn(turn: Any) -> dict[str, Any]:
    return RUN | {"data_source": RUN["data_source"] | {"input_messages": {"template": [turn]}}}


@pytest.mark.parametrize(
    ("criteria", "runs", "rows", "said"),
    [
        (
            [{"type": "label_model", "name": "judge"}],
            (RUN,),
            ROWS,
            r"`judge` \(label_model\) needs a model as judge",
        ),
        ([{"type": "new", "name": "x"}], (RUN,), ROWS, "is of an unknown type"),
        ([CRITERIA[0] | {"operation": "gt"}], (RUN,), ROWS, "has the operation `gt`"),
        (
            [CRITERIA[0] | {"input": "{{sample.output_json.x}}"}],
            (RUN,),
            ROWS,
            "grades `{{sample.output_json.x}}`",
        ),
        (
            [CRITERIA[0] | {"reference": "{{sample.x}}"}],
            (RUN,),
            ROWS,
            "the template `{{sample.x}}` cannot be kept",
        ),
        ([CRITERIA[0] | {"reference": "{% if x %}"}], (RUN,), ROWS, "with `{%` cannot be kept"),
        ([CRITERIA[4] | {"evaluation_metric": "meteor"}], (RUN,), ROWS, "compares by `meteor`"),
        (None, (RUN,), (), "the eval's data is in none of the files"),
        ([], (), ({"item": {}},), "no column to ask with"),
        (
            None,
            (with_turn({"role": "user", "content": {"type": "input_audio"}}),),
            ROWS,
            "a part of the type `input_audio`",
        ),
        (
            None,
            (RUN | {"data_source": RUN["data_source"] | {"sampling_params": {"tools": [{}]}}},),
            ROWS,
            "gives? the model tools",
        ),
    ],
)
def test_what_cannot_be_kept_is_refused(criteria, runs, rows, said):
    with pytest.raises(SpecError, match=said) as caught:
        adopted(criteria=criteria, runs=runs, rows=rows)
    assert caught.value.where.startswith("eval.json")


def test_what_is_an_eval_and_what_a_run():
    assert is_eval(EVAL)
    assert not is_eval([EVAL])
    assert is_run(RUN)
    assert is_run({"eval_id": "1", "data_source": {}})
    assert not is_run(EVAL)
