"""`lm_eval: NAME` is a data set and its scorer."""

import pytest

HEAD = "name: a\nmodels:\n  - {name: m, endpoint: http://127.0.0.1:8000/v1}\nbenchmarks:\n  - name: q\n    "


def benchmark(load, text):
    return load(HEAD + text).spec.benchmarks[0]


def test_a_name_becomes_the_task_and_its_scorer(load):
    found = benchmark(load, "lm_eval: arc_easy\n    limit: 200")
    assert (found.dataset.type, found.dataset.options["task"], found.limit) == ("lm_eval", "arc_easy", 200)
    assert [(each.type, each.options["task"]) for each in found.scorers] == [("lm_eval", "arc_easy")]


@pytest.mark.parametrize(
    "text",
    [
        "lm_eval: mine\n    num_fewshot: 5\n    include_path: tasks",
        "lm_eval: {task: mine, num_fewshot: 5, include_path: tasks}",
        "lm_eval: {task: mine, num_fewshot: 5}\n    include_path: tasks",
    ],
)
def test_options_stand_beside_it_or_in_it(text, load):
    found = benchmark(load, text)
    said = {"task": "mine", "include_path": "tasks"}.items()
    assert found.dataset.options.items() >= said
    assert found.dataset.options["num_fewshot"] == 5
    assert found.scorers[0].options.items() >= said


def test_a_number_is_a_name_too(load):
    assert benchmark(load, "lm_eval: 123").dataset.options["task"] == "123"


def test_other_scorers_stand_beside_the_tasks_own(load):
    found = benchmark(load, "lm_eval: t\n    scorers: [exact]")
    assert [each.type for each in found.scorers] == ["lm_eval", "exact"]


@pytest.mark.parametrize("scorers", ["[{type: lm_eval, task: t, main: acc_norm}]", "[lm_eval]"])
def test_the_tasks_own_scorer_can_be_set_up(scorers, load, mistakes):
    text = f"lm_eval: t\n    scorers: {scorers}"
    if scorers == "[lm_eval]":
        assert "task" in "".join(mistakes(HEAD + text))
    else:
        assert benchmark(load, text).scorers[0].options["main"] == "acc_norm"


def test_scorers_that_are_no_list_are_refused_as_ever(mistakes):
    assert any("scorers" in error for error in mistakes(HEAD + "lm_eval: t\n    scorers: 7"))


def test_its_options_need_it(mistakes):
    assert any("num_fewshot" in error for error in mistakes(HEAD + "dataset: synthetic\n    num_fewshot: 3"))


def test_it_does_not_stand_beside_another_source(mistakes):
    errors = mistakes(HEAD + "lm_eval: t\n    synthetic: {}")
    assert any("stands beside" in error for error in errors)
