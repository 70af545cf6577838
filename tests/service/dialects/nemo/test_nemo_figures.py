"""The figures of NeMo's results: those of our own results of the same run, whatever fails in it."""

import math
import re
from collections.abc import Generator
from typing import Any

import pytest
import sacrebleu
from tests.service.dialects.answering import Answering, answering
from tests.service.dialects.nemo.calls import EQUALS, ROOT, chat, custom, ran, store
from tests.service.live import Live

from bakeoff.records import Score
from bakeoff.server.nemo.estimates import estimates
from bakeoff.server.nemo.figures import column_of, stats_of
from bakeoff.server.nemo.metrics import Wanted

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def talker() -> Generator[Answering]:
    """Return the last message, but for rows that say what is to go wrong."""
    with answering() as found:
        found.status = lambda body: 401 if "fails" in last(body) else 200
        found.say = lambda body: "" if "empty" in last(body) else last(body)
        yield found


def last(body: dict[str, Any]) -> str:
    """Return what was asked last; a look at what the endpoint can do has no messages."""
    return str(body["messages"][-1]["content"]) if "messages" in body else ""


def asked_of(talker: Answering) -> dict[str, Any]:
    url = talker.url + "/chat/completions"
    return {"type": "model", "model": {"api_endpoint": {"url": url, "model_id": "m"}}}


def own(service: Live, result: dict[str, Any]) -> dict[str, Any]:
    """Return the metrics of the same run in our own results."""
    (target,) = service.call("GET", f"/api/v1/runs/{result['job']}/results").json["targets"]
    found: dict[str, Any] = target["metrics"]
    return found


def test_failed_and_unparsable_rows_count_as_in_our_own_results(service: Live, talker: Answering):
    def say(body: dict[str, Any]) -> str:
        letter = re.search(r"([A-Z])\W+x\b", last(body))
        return letter[1] if letter and "two" not in last(body) else "dunno, no letter at all"

    talker.say = say
    talker.status = lambda body: 401 if "three" in last(body) else 200
    rows = [
        {"question": name, "choices": ["x", "y"], "answer": 0} for name in ("zero", "one", "two", "three")
    ]
    store(service, "letters", rows)
    result = ran(service, {"type": "letters"}, asked_of(talker))
    known = own(service, result)
    told = result["tasks"]["letters"]["metrics"]
    for metric, each in told.items():
        score = each["scores"][metric]
        assert score["value"] == known[f"letters.{metric}"]["value"]
        assert score["stats"]["count"] == known[f"letters.{metric}"]["n"] == 4
    (acc,) = [each["scores"][metric] for metric, each in told.items() if metric == "acc"]
    assert (acc["value"], acc["stats"]["nan_count"]) == (0.5, 2)


def failing(service: Live) -> dict[str, Any]:
    """Return a configuration over an answer that is right, one that is wrong, one lost and one empty."""
    rows = [
        {"question": "5", "right": "5", "tool_calls": []},
        {"question": "a b c d e", "right": "a b c d x", "tool_calls": []},
        {"question": "fails", "right": "fails", "tool_calls": []},
        {"question": "empty", "right": "empty", "tool_calls": []},
    ]
    store(service, "default/failing", rows)
    truth = {"ground_truth": "{{item.right}}"}
    metrics = {
        "right": EQUALS,
        "bleu": {"type": "bleu", "params": {"references": ["{{right}}"]}},
        "f1": {"type": "f1", "params": truth},
        "rouge": {"type": "rouge", "params": truth},
    }
    return chat(metrics=metrics, dataset="default/failing")


def test_all_metrics_of_a_task_are_those_of_our_own_results(service: Live, talker: Answering):
    config = custom(tasks={"a": failing(service)}, params={"max_retries": 0})
    result = ran(service, config, asked_of(talker))
    known = own(service, result)
    told = result["tasks"]["a"]["metrics"]
    right = told["right"]["scores"]["string-check"]
    assert (right["value"], right["stats"]["count"], right["stats"]["nan_count"]) == (0.25, 4, 2)
    assert right["value"] == known["a.right"]["value"]
    assert told["f1"]["scores"]["f1_score"]["value"] == known["a.f1"]["value"]
    assert told["bleu"]["scores"]["sentence"]["value"] == pytest.approx(100 * known["a.bleu"]["value"])
    rouge = told["rouge"]["scores"]
    values = {name: each["value"] for name, each in known.items() if "rouge" in name and "_" in name}
    assert rouge["rouge_L_score"]["value"] in values.values()
    assert rouge["rouge_1_score"]["value"] == known["a.rouge"]["value"]
    corpus = told["bleu"]["scores"]["corpus"]
    whole = sacrebleu.corpus_bleu(["5", "a b c d e", "", ""], [["5", "a b c d x", "fails", "empty"]]).score
    assert corpus["value"] == pytest.approx(whole)
    assert corpus["stats"] == {"count": 4, "nan_count": 2}
    lines = service.call("GET", f"/v2/evaluation/jobs/{result['job']}/logs").json["data"]
    assert sum("case" in line["message"] for line in lines) == 2


def test_a_run_without_any_grade_has_the_value_of_our_own_results(service: Live, talker: Answering):
    talker.status = lambda body: 200 if "hello" in last(body) else 401
    result = ran(service, custom(failing(service), params={"max_retries": 0}), asked_of(talker))
    score = result["tasks"]["sums"]["metrics"]["right"]["scores"]["string-check"]
    assert score["value"] == own(service, result)["sums.right"]["value"] == 0.0
    assert (score["stats"]["count"], score["stats"]["nan_count"]) == (4, 4)


def test_groups_hold_what_their_tasks_do(service: Live, talker: Answering):
    task = failing(service)
    config = custom(
        tasks={"a": task, "b": task},
        groups={"all": {"tasks": ["a"], "groups": {"inner": {"tasks": ["b"]}}}},
        params={"max_retries": 0},
    )
    result = ran(service, config, asked_of(talker))
    whole = result["groups"]["all"]["metrics"]
    stats = whole["right"]["scores"]["string-check"]["stats"]
    assert (stats["count"], stats["nan_count"], stats["mean"]) == (8, 4, 0.25)
    one = result["tasks"]["a"]["metrics"]["bleu"]["scores"]["corpus"]
    assert whole["bleu"]["scores"]["corpus"] == {
        "value": pytest.approx(one["value"]),
        "stats": {"count": 8, "nan_count": 4},
    }
    inner = result["groups"]["all"]["groups"]["inner"]["metrics"]
    assert inner == result["tasks"]["b"]["metrics"]


def test_given_answers_count_by_the_same_rule(service: Live):
    rows = [{"output_text": "5", "right": "5"}, {"output_text": "", "right": "5"}]
    metrics = {"right": EQUALS, "bleu": {"type": "bleu", "params": {"references": ["{{right}}"]}}}
    config = custom({"type": "data", "metrics": metrics}, groups={"all": {"tasks": ["sums"]}})
    body = {"config": config, "target": {"type": "rows", "rows": rows}}
    told = service.call("POST", f"{ROOT}/live", body).json["result"]
    score = told["tasks"]["sums"]["metrics"]["right"]["scores"]["string-check"]
    assert (score["value"], score["stats"]["count"], score["stats"]["nan_count"]) == (0.5, 2, 1)
    assert told["groups"]["all"]["metrics"] == told["tasks"]["sums"]["metrics"]


def test_a_judge_that_gives_no_whole_number_is_in_no_figure(service: Live, talker: Answering):
    judge = {
        "type": "llm-judge",
        "params": {
            "model": asked_of(talker)["model"],
            "template": {"messages": [{"role": "user", "content": "Score: {{output_text}}"}]},
            "scores": {"quality": {"type": "int", "parser": {"type": "regex", "pattern": r"Score: (\d)"}}},
        },
    }
    rows = [{"output_text": text} for text in ("4", "10", "good")]
    body = {
        "config": custom({"type": "data", "metrics": {"judged": judge}}),
        "target": {"type": "rows", "rows": rows},
    }
    answer = service.call("POST", f"{ROOT}/live", body)
    assert answer.status == 200, answer.body
    score = answer.json["result"]["tasks"]["sums"]["metrics"]["judged"]["scores"]["quality"]
    assert (score["value"], score["stats"]["count"], score["stats"]["nan_count"]) == (4.0, 1, 2)


def test_statistics_of_nothing_and_of_one_row():
    assert stats_of([], 2).nan_count == 2
    one = stats_of([3.0])
    assert (one.count, one.mean, one.variance, one.stderr) == (1, 3.0, None, None)


def scored(value: float | None, passed: bool | None, outcome: str = "ok") -> Score:
    return Score(
        benchmark="b",
        case="1",
        target="t",
        scorer="s",
        metric="m",
        value=value,
        passed=passed,
        outcome=outcome,
    )


@pytest.mark.parametrize(
    ("score", "how", "values", "missing"),
    [
        (scored(0.5, False), "value", [50.0], 0),
        (scored(0.5, False), "passed", [0.0], 0),
        (scored(None, None, "error"), "value", [0.0], 1),
        (scored(None, None, "unparsable"), "passed", [0.0], 1),
        (scored(None, None, "judge_failed"), "value", [], 1),
    ],
)
def test_values_are_scaled_said_by_the_pass_or_0(score: Score, how: str, values: list[float], missing: int):
    wanted = Wanted(
        task="t", metric="m", score="s", feed="m", scale=100.0 if how == "value" else 1.0, how=how
    )
    column = column_of(wanted, {("1", 0): score}, 1)
    assert (column.values, column.missing) == (values, missing)


def stats(values: list[float]) -> dict[str, Any]:
    found = stats_of(values)
    told = {"count": found.count, "sum": found.sum, "sum_squared": found.sum_squared}
    return told | {"min": found.min, "max": found.max, "stderr": found.stderr}


@pytest.mark.parametrize(
    ("value", "told", "low", "high"),
    [
        (0.5, stats([0.0, 1.0]), 0.0945, 0.9055),
        (1.0, stats([1.0, 1.0]), 0.3424, 1.0),
        (0.5, {"count": 2, "stderr": 0.5}, None, None),
        (0.5, stats([0.25, 0.75]), 0.0, 1.0),
        (3.0, stats([2.0, 3.0, 4.0]), 3 - 4.3027 / math.sqrt(3), 3 + 4.3027 / math.sqrt(3)),
        (12.0, {"count": 3, "stderr": 1.0}, 12 - 4.3027, 12 + 4.3027),
        (12.0, {"count": 1e400, "stderr": 1.0}, None, None),
        (12.0, {"count": 1, "stderr": 1.0}, None, None),
        (0.5, {"count": True, "sum": 10**400}, None, None),
        (None, {"count": 2}, None, None),
    ],
)
def test_a_share_of_another_server_has_the_interval_of_shares_or_none(
    value: float | None, told: dict[str, Any], low: float | None, high: float | None
):
    scores = {"s": {"value": value, "stats": told}}
    found = estimates({"tasks": {"t": {"metrics": {"m": {"scores": scores}}}, "odd": 3}})["t"]["m.s"]
    assert found.value == value
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-3) if low is not None else True
    assert (found.low is None, found.high is None) == (low is None, high is None)
