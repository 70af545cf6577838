"""The scorer and the exporter say what lm-eval itself says of the same answers."""

import hashlib
import json
import warnings
from contextlib import chdir
from itertools import islice
from pathlib import Path
from random import Random

import msgspec
import pytest
from tests.lm_tasks import HELLASWAG, write_quiz, write_task

from bakeoff import plugins
from bakeoff.errors import DataError, UsageError
from bakeoff.harness.offline import offline
from bakeoff.harness.task import module
from bakeoff.importers.lm_eval import LmEval
from bakeoff.records import BenchmarkSpec, Case, Choice, Likelihood, PromptSpec, Sample
from bakeoff.testing.contracts.datasets import check_dataset
from bakeoff.testing.contracts.exporters import make_run
from bakeoff.testing.contracts.scorers import check_scorer, check_ungradable

pytest.importorskip("lm_eval", reason="needs lm-eval")
LIKELY = (
    'output_type: multiple_choice\ndoc_to_text: "{{question}}"\n'
    'doc_to_choice: ["2", "44"]\ndoc_to_target: 0\n'
)
ACC = (
    "filter_list: [{name: none, filter: [{function: take_first}]}]\n"
    "metric_list:\n  - {metric: acc, aggregation: mean, higher_is_better: true}\n"
    "  - {metric: acc_norm, aggregation: mean, higher_is_better: true}\n"
)
ROLLING = (
    'output_type: loglikelihood_rolling\ndoc_to_text: ""\ndoc_to_target: "{{question}}"\nmetric_list:\n'
    "  - {metric: word_perplexity, aggregation: weighted_perplexity, higher_is_better: false}\n"
    "filter_list: [{name: none, filter: [{function: take_first}]}]\n"
)


def options(task, folder, **more):
    return {"task": task, "include_path": str(folder), "allow_code": True, **more}


def cases(task, folder, count=8):
    dataset = plugins.create("datasets", "lm_eval", options(task, folder))
    return list(islice(dataset.cases(Path("/"), Random(1)), count))


def scorer(task, folder, **more):
    return plugins.create("scorers", "lm_eval", options(task, folder, **more))


def sample(case, **fields):
    return Sample(benchmark="b", case=case.id, target="one", **{"outcome": "ok", **fields})


def logprob(context, text):
    """A likelihood that depends on nothing but the texts."""
    digest = hashlib.sha256(f"{context}\0{text}".encode()).digest()
    return -len(text) / 3 - int.from_bytes(digest[:4], "big") / 2**30


def likelihoods(case):
    return [
        Likelihood(logprob=logprob(c.context, c.text), tokens=9, greedy=False) for c in case.continuations
    ]


def lm_evals_own(task, folder, count, says):
    """Run lm-eval with a model that answers a prompt by `says`."""
    lm = module("lm_eval.api.model").LM

    class Model(lm):
        def loglikelihood(self, requests):
            return [(logprob(*(one.args)), False) for one in requests]

        def loglikelihood_rolling(self, requests):
            return [logprob("", one.args[0]) for one in requests]

        def generate_until(self, requests):
            return [says(one.args[0]) for one in requests]

    manager = module("lm_eval.tasks").TaskManager(include_path=str(folder), include_defaults=False)
    with warnings.catch_warnings(), chdir(folder), offline():
        warnings.simplefilter("ignore")
        return module("lm_eval.evaluator").simple_evaluate(
            model=Model(), tasks=[task], limit=count, task_manager=manager
        )


def export(task, folder, rows, found, out, **benchmark):
    spec = BenchmarkSpec(name="b", dataset=Choice(type="lm_eval", options=options(task, folder)), **benchmark)
    run = make_run(rows)
    run = msgspec.structs.replace(
        run,
        spec=msgspec.structs.replace(run.spec, benchmarks=[spec]),
        cases=lambda: {"b": {case.id: case for case in found}},
    )
    out.mkdir()
    return plugins.create("exporters", "lm_eval", {"bootstrap_iters": 10}).write(run, out)


def said(prompt):
    """Answer some right, some only with words around, some wrong."""
    number = int(prompt.rpartition("Q: ")[2].split()[0])
    return [f"{2 * number}", f"It is {2 * number}", "nothing"][number % 3]


def test_the_dataset_keeps_the_contract(tmp_path):
    write_quiz(tmp_path / "tasks")
    check_dataset(plugins.create("datasets", "lm_eval", {"task": "quiz", "include_path": "tasks"}), tmp_path)


def test_the_scorer_keeps_the_contract(tmp_path):
    folder = write_quiz(tmp_path)
    one = cases("quiz", folder)[0]

    class Once:
        metric = "accuracy"

        def grade(self, answer, case, given):
            asked = msgspec.structs.replace(given, text=answer)
            return scorer("quiz", folder).grade(answer, case, asked)

    check_scorer(Once(), right="2", wrong="3", case=one)
    check_ungradable(Once(), Case())


def test_generated_answers_are_judged_and_written_as_by_lm_eval(tmp_path):
    folder = write_quiz(tmp_path / "tasks")
    found = cases("quiz", folder)
    rows = [sample(case, text=said(case.prompt)) for case in found]
    own = lm_evals_own("quiz", folder, 8, said)
    grades = [
        scorer("quiz", folder).grade(row.text, case, row) for row, case in zip(rows, found, strict=True)
    ]
    for part, key in enumerate(["exact_match,strict", "exact_match,loose"]):
        values = [grade.parts[part].value for grade in grades]
        assert {grade.parts[part].metric for grade in grades} == {key}
        assert sum(values) / len(values) == own["results"]["quiz"][key]
    form = PromptSpec(form="completion")
    paths = export("quiz", folder, rows, found, tmp_path / "out", prompt=form)
    written = json.loads(paths[0].read_text())
    for key in ("results", "versions", "n-shot", "higher_is_better", "n-samples"):
        assert written[key] == json.loads(json.dumps(own[key])), key
    assert written["configs"]["quiz"].keys() == own["configs"]["quiz"].keys()
    theirs = own["samples"]["quiz"]
    lines = [json.loads(line) for line in paths[1].read_text().splitlines()]
    same = ("doc_id", "doc", "target", "resps", "filtered_resps", "filter", "metrics", "exact_match")
    for line, their in zip(lines, theirs, strict=True):
        assert {key: line[key] for key in same} == {key: their[key] for key in same}
        for key in ("doc_hash", "prompt_hash", "target_hash"):
            assert line[key] == their[key], key


def test_an_answer_without_a_match_is_unparsable(tmp_path):
    folder = write_quiz(tmp_path)
    one = cases("quiz", folder)[0]
    grade = scorer("quiz", folder).grade("no", one, sample(one, text="no"))
    assert (grade.value, grade.passed, grade.parsed) == (None, False, None)


@pytest.mark.parametrize("main", ["exact_match,loose", "exact_match"])
def test_another_metric_can_be_the_value(main, tmp_path):
    folder = write_quiz(tmp_path)
    one = cases("quiz", folder)[0]
    grade = scorer("quiz", folder, main=main).grade("so 2", one, sample(one, text="so 2"))
    assert grade.passed is (main == "exact_match,loose")


def test_a_metric_that_the_task_lacks_is_told(tmp_path):
    folder = write_quiz(tmp_path)
    one = cases("quiz", folder)[0]
    grade = scorer("quiz", folder, main="f1").grade("2", one, sample(one, text="2"))
    assert grade.value is None
    assert "exact_match,strict, exact_match,loose" in grade.reason


def test_without_all_likelihoods_there_is_nothing_to_judge(tmp_path):
    folder = write_quiz(tmp_path, LIKELY + ACC)
    one = cases("quiz", folder)[0]
    for given in ([], likelihoods(one)[:1]):
        grade = scorer("quiz", folder).grade("", one, sample(one, likelihoods=given))
        assert (grade.value, grade.passed, grade.parsed) == (None, None, "")


def test_code_of_a_task_that_fails_is_no_crash(tmp_path):
    folder = write_quiz(tmp_path, "process_results: !function mine.fail\n")
    (folder / "mine.py").write_text("def fail(doc, results):\n    raise KeyError(results[0])\n")
    one = cases("quiz", folder)[0]
    grade = scorer("quiz", folder).grade("2", one, sample(one, text="2"))
    assert (grade.value, grade.passed, grade.parsed) == (None, False, None)
    assert "KeyError" in grade.reason
    paths = export("quiz", folder, [sample(one, text="2")], [one], tmp_path / "out")
    assert json.loads(paths[0].read_text())["results"]["quiz"]["exact_match,strict"] == 0


def test_likelihoods_are_judged_and_written_as_by_lm_eval(tmp_path):
    folder = write_task(tmp_path / "tasks", HELLASWAG, "hellaswag.jsonl")
    found = cases("hellaswag_local", folder, 100)
    rows = [sample(case, likelihoods=likelihoods(case)) for case in found]
    own = lm_evals_own("hellaswag_local", folder, 100, said)["results"]["hellaswag_local"]
    grades = [scorer("hellaswag_local", folder).grade("", c, row) for c, row in zip(found, rows, strict=True)]
    for part, key in enumerate(["acc,none", "acc_norm,none"]):
        assert sum(grade.parts[part].value for grade in grades) / 100 == own[key]
    assert own["acc,none"] != own["acc_norm,none"]
    assert {grade.parsed for grade in grades} == {"0", "1", "2", "3"}
    paths = export("hellaswag_local", folder, rows, found, tmp_path / "out")
    assert json.loads(paths[0].read_text())["results"]["hellaswag_local"] == own


def test_a_perplexity_is_of_all_documents_together(tmp_path):
    folder = write_quiz(tmp_path, ROLLING)
    found = cases("quiz", folder)
    rows = [sample(case, likelihoods=likelihoods(case)) for case in found]
    grade = scorer("quiz", folder).grade("", found[0], rows[0])
    assert (grade.value, grade.passed, grade.parsed) == (None, None, "0")
    assert "all documents together" in grade.reason
    paths = export("quiz", folder, rows, found, tmp_path / "out")
    own = lm_evals_own("quiz", folder, 8, said)["results"]["quiz"]
    assert json.loads(paths[0].read_text())["results"]["quiz"] == own


@pytest.mark.parametrize(("counted", "value", "n"), [(True, 1 / 3, 3), (False, 1.0, 1)])
def test_lost_answers_are_wrong_or_left_out_as_the_benchmark_says(counted, value, n, tmp_path):
    folder = write_quiz(tmp_path / "tasks")
    found = cases("quiz", folder, 3)
    rows = [
        sample(found[0], text="2"),
        sample(found[1], text="4", outcome="truncated"),
        sample(found[2], outcome="timeout"),
    ]
    paths = export("quiz", folder, rows, found, tmp_path / "out", errors_count=counted)
    written = json.loads(paths[0].read_text())
    assert written["results"]["quiz"]["exact_match,strict"] == pytest.approx(value)
    assert written["n-samples"]["quiz"] == {"original": 8, "effective": n}
    lines = [json.loads(line) for line in paths[1].read_text().splitlines()]
    assert [line["outcome"] for line in lines[:3]] == ["ok", "truncated", "timeout"]
    assert [line["filtered_resps"] for line in lines[:3]] == [["2"], ["[invalid]"], ["[invalid]"]]


def test_the_importer_reads_the_same_numbers_back(tmp_path):
    folder = write_quiz(tmp_path / "tasks")
    found = cases("quiz", folder)
    rows = [sample(case, text=said(case.prompt)) for case in found]
    rows += [msgspec.structs.replace(row, target="two", text="nothing") for row in rows]
    rows.append(msgspec.structs.replace(rows[0], stage="warmup", text="nothing"))
    paths = export("quiz", folder, rows, found, tmp_path / "out")
    assert len(paths) == 4
    one, two = (LmEval().read(path) for path in paths if path.name.startswith("results"))
    results = json.loads(paths[0].read_text())["results"]["quiz"]
    assert [target.name for target in (*one.targets, *two.targets)] == ["one", "two"]
    for key in ("exact_match,strict", "exact_match,loose"):
        values = [score.value for score in one.scores if score.metric == key]
        assert sum(values) / 8 == results[key] == one.reported[0].metrics[key].value
        assert two.reported[0].metrics[key].value == 0
    assert [each.text for each in one.samples] == [row.text for row in rows[:8]]


def test_a_run_without_a_task_or_an_answer_is_refused(tmp_path):
    folder = write_quiz(tmp_path / "tasks")
    with pytest.raises(UsageError, match="no answer"):
        export("quiz", folder, [], cases("quiz", folder), tmp_path / "out")
    with pytest.raises(UsageError, match="no task"):
        plugins.create("exporters", "lm_eval", {}).write(make_run([]), tmp_path)


def write_group(folder, **extra):
    """Write a group of two quizzes, one of three questions and one of eight."""
    for name, count in (("small", 3), ("large", 8)):
        write_quiz(folder / name, extra.get(name, ""))
        path = folder / name / "quiz.yaml"
        path.write_text(path.read_text().replace("task: quiz", f"task: {name}"))
        rows = (folder / name / "quiz.jsonl").read_text().splitlines()[:count]
        (folder / name / "quiz.jsonl").write_text("\n".join(rows) + "\n")
    (folder / "both.yaml").write_text("group: both\ntask: [small, large]\n")
    return folder


def test_a_group_asks_its_tasks_in_turn_and_judges_each_by_its_own_code(tmp_path):
    folder = write_group(tmp_path / "tasks")
    found = cases("both", folder, 99)
    names = [case.id for case in found]
    assert names[:7] == ["small/0", "large/0", "small/1", "large/1", "small/2", "large/2", "large/3"]
    assert len(names) == 11
    assert {case.slices["task"] for case in found} == {"small", "large"}
    rows = [sample(case, text=said(case.prompt)) for case in found]
    judged = [scorer("both", folder).grade("", *pair) for pair in zip(found, rows, strict=True)]
    assert [grade.passed for grade in judged] == [int(case.id[-1]) % 3 == 2 for case in found]
    export("both", folder, rows, found, tmp_path / "out")
    (results,) = (tmp_path / "out").glob("results_*.json")
    document = json.loads(results.read_text())
    assert document["group_subtasks"] == {"both": ["large", "small"]}
    for name, count in (("small", 3), ("large", 8)):
        own = lm_evals_own(name, folder / name, 8, said)["results"][name]
        assert document["results"][name] == own
        assert document["n-samples"][name]["effective"] == count
        (lines,) = (tmp_path / "out").glob(f"samples_{name}_*.jsonl")
        assert [json.loads(line)["doc_id"] for line in lines.read_text().splitlines()][:count] == list(
            range(count)
        )


@pytest.mark.parametrize(
    ("large", "message"),
    [
        (LIKELY, "ask in different ways"),
        (
            "metric_list: [{metric: bleu, aggregation: bleu, higher_is_better: true}]\n",
            "by different metrics",
        ),
    ],
)
def test_tasks_that_are_no_one_benchmark_are_refused(large, message, tmp_path):
    with pytest.raises(DataError, match=message) as refused:
        cases("both", write_group(tmp_path, large=large))
    assert "small, large" in refused.value.hint
