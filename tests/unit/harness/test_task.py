import os
import sys
from itertools import islice

import pytest
from tests.lm_tasks import QUIZ, write_quiz

from bakeoff.errors import DataError, PluginError
from bakeoff.harness import Wish, load_task, questions
from bakeoff.harness.questions import parameters
from bakeoff.harness.task import module

pytest.importorskip("datasets", reason="needs lm-eval")


def first(folder, count=3, **wish):
    return list(islice(questions(load_task("quiz", folder), Wish(**wish)), count))


def test_a_task_that_generates_is_asked_in_both_forms(tmp_path):
    one, *_ = first(write_quiz(tmp_path))
    assert one.prompt == "Q: 1 + 1?\nA:"
    assert [(m.role, m.content) for m in one.messages] == [("user", one.prompt)]
    assert one.params == {"max_tokens": 9, "temperature": 0.0, "stop": ["\n"]}
    assert (one.doc_id, one.target, one.doc["question"]) == (0, "2", "1 + 1?")


def test_both_forms_show_the_same_examples_and_the_seed_chooses_them(tmp_path):
    folder = write_quiz(tmp_path, "fewshot_split: test\n")
    asked = first(folder, num_fewshot=2)
    for one in asked:
        assert [m.role for m in one.messages] == ["user", "assistant"] * 2 + ["user"]
        pairs = zip(one.messages[:-1:2], one.messages[1::2], strict=True)
        shown = "\n\n".join(f"{question.content} {answer.content}" for question, answer in pairs)
        assert one.prompt == f"{shown}\n\n{one.messages[-1].content}"
        assert one.doc["question"] not in shown
    assert first(folder, num_fewshot=2) == asked
    assert first(folder, num_fewshot=2, seed=7) != asked


def test_examples_can_stand_in_one_turn_and_a_system_message_before(tmp_path):
    folder = write_quiz(tmp_path, "fewshot_split: test\ndescription: Add.\n")
    one, *_ = first(folder, num_fewshot=1, multiturn=False, system_instruction="Be brief.")
    assert [m.role for m in one.messages] == ["system", "user"]
    assert one.messages[0].content == "Be brief.\n\nAdd."
    assert one.prompt.startswith("Be brief.\n\nAdd.")
    assert one.messages[1].content.count("Q: ") == 2


def test_a_task_that_says_no_examples_means_it(tmp_path):
    one, *_ = first(write_quiz(tmp_path, "num_fewshot: 0\n"), num_fewshot=3)
    assert one.prompt == "Q: 1 + 1?\nA:"


def test_gen_kwargs_go_over_the_tasks_own(tmp_path):
    one, *_ = first(write_quiz(tmp_path), gen_kwargs={"max_gen_toks": 5, "top_k": 3})
    assert one.params == {"max_tokens": 5, "temperature": 0.0, "stop": ["\n"], "top_k": 3}


def test_parameters_are_those_of_lm_evals_api_models():
    assert parameters({"do_sample": True}) == {"max_tokens": 256, "temperature": 0.0, "stop": []}
    asked = parameters({"until": "x", "temperature": 0.7, "max_tokens": 3, "max_gen_toks": 9})
    assert asked == {"max_tokens": 3, "temperature": 0.7, "stop": ["x"]}


def test_choices_become_continuations_with_blanks_where_lm_eval_puts_them(tmp_path):
    extra = 'output_type: multiple_choice\ndoc_to_text: "{{question}} "\n'
    extra += 'doc_to_choice: ["1", "2"]\ndoc_to_target: 1\n'
    extra += "metric_list: [{metric: acc, aggregation: mean, higher_is_better: true}]\n"
    one, *_ = first(write_quiz(tmp_path, extra))
    assert [(c.context, c.text) for c in one.continuations] == [("1 + 1?", "  1"), ("1 + 1?", "  2")]
    assert (one.prompt, one.messages, one.params) == ("", (), {})


def test_a_rolling_likelihood_has_no_context(tmp_path):
    extra = 'output_type: loglikelihood_rolling\ndoc_to_text: ""\ndoc_to_target: "{{question}}"\n'
    extra += "metric_list: [{metric: word_perplexity}]\n"
    one, *_ = first(write_quiz(tmp_path, extra))
    assert [(c.context, c.text) for c in one.continuations] == [("", "1 + 1?")]


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ("unsafe_code: true\n", "runs answers as code"),
        ("doc_to_image: picture\n", "images or sound"),
        ("repeats: 4\n", "4 times and votes"),
        ("doc_to_text: '{{ broken'\n", "cannot be loaded"),
        ("test_split: nowhere\n", "cannot be loaded: KeyError"),
        ("dataset_path: some/where\ndataset_kwargs: {}\n", "not in the local cache"),
        ("include: nowhere.yaml\n", "cannot be read"),
        ("doc_to_text: [\n", "cannot be read"),
    ],
)
def test_a_task_that_cannot_be_asked_says_why(extra, message, tmp_path):
    with pytest.raises(DataError) as caught:
        load_task("quiz", write_quiz(tmp_path, extra))
    assert message in str(caught.value)
    assert caught.value.where.endswith("quiz.yaml")


def test_a_folder_that_is_not_there_is_the_users_mistake(tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        load_task("quiz", tmp_path / "nowhere")


def test_files_beside_the_task_are_found_in_every_form(tmp_path):
    folder = write_quiz(tmp_path, "dataset_kwargs: {data_files: {test: [quiz.jsonl]}}\n")
    assert len(first(folder)) == 3
    assert QUIZ.count("data_files") == 1


def test_loading_leaves_the_environment_as_it_was(tmp_path, monkeypatch):
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    load_task("quiz", write_quiz(tmp_path))
    assert "HF_HUB_OFFLINE" not in os.environ
    assert os.environ["HF_DATASETS_OFFLINE"] == "1"


def test_without_lm_eval_the_fix_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "lm_eval.tasks", None)
    with pytest.raises(PluginError) as caught:
        module("lm_eval.tasks")
    assert caught.value.hint == "from the clone: `.venv/bin/pip install -c constraints.txt '.[lm-eval]'`"


CODE = "def twice(docs):\n    return docs\n\n\ndef text(doc):\n    return 'Q: ' + doc['question']\n"


@pytest.mark.parametrize(
    "extra",
    [
        "process_docs: !function code.twice\n",
        "metric_list:\n  - {metric: !function code.twice}\n",
        "include: more",
    ],
)
def test_python_of_a_task_folder_runs_only_where_it_is_allowed(extra, tmp_path):
    folder = write_quiz(tmp_path, extra + "\n")
    (folder / "code.py").write_text("raise SystemExit('it ran')")
    (folder / "more").write_text("doc_to_text: !function code.text\n")
    with pytest.raises(DataError, match="runs Python code of its folder: code") as refused:
        load_task("quiz", folder)
    assert "allow_code: true" in refused.value.hint


def test_python_that_is_allowed_words_the_questions(tmp_path):
    folder = write_quiz(tmp_path, "doc_to_text: !function code.text\n")
    (folder / "code.py").write_text(CODE)
    task = load_task("quiz", folder, allow_code=True)
    assert next(questions(task, Wish())).prompt == "Q: 1 + 1?"


def test_a_template_of_a_task_cannot_reach_python(tmp_path):
    inside = "\"{{ ''.__class__.__mro__[1].__subclasses__() }}\""
    with pytest.raises(DataError, match="SecurityError"):
        load_task("quiz", write_quiz(tmp_path, f"doc_to_text: {inside}\n"))
