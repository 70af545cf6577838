import json
from decimal import Decimal

import msgspec
import pytest

from bakeoff import plugins
from bakeoff.errors import UsageError
from bakeoff.records import (
    BenchmarkSpec,
    Case,
    Choice,
    Part,
    Price,
    PromptSpec,
    Sample,
    Score,
    Stage,
    Target,
    Usage,
)
from bakeoff.testing.contracts.exporters import make_run, samples

MS = 10**6
CASES = {
    "a": {
        "1": Case(id="1", fields={"name": "Ann", "assert": [{"type": "contains", "value": "x"}]}),
        "2": Case(id="2", fields={"name": "Bob", "__description": "second", "__metadata": {"k": "v"}}),
    },
    "b": {"1": Case(id="1", fields={"name": "Ann", "assert": [{"type": "contains", "value": "x"}]})},
}
GOOD = Sample(
    benchmark="a",
    case="1",
    target="one",
    outcome="ok",
    scheduled_at=0,
    sent_at=10 * MS,
    done_at=52 * MS,
    text="x",
    usage=Usage(prompt=9, completion=3, cached=4, reasoning=1, counted_by="server"),
    finish_reason="stop",
)
PARTS = [
    Part(scorer="assert-set", metric="score", value=0.75, passed=False),
    Part(scorer="contains", metric="letters", value=1.0, passed=True, reason="it is there", weight=3),
    Part(scorer="is-json", value=0.0, passed=False, negated=True),
    Part(scorer="python", metric="named", value=0.5, passed=None, weight=2),
]


def score(sample=GOOD, *, passed=True, value=1.0, **changes):
    fields = {
        "benchmark": sample.benchmark,
        "case": sample.case,
        "target": sample.target,
        "repeat": sample.repeat,
        "stage": sample.stage,
        "scorer": "contains",
        "metric": "accuracy",
        "value": value,
        "passed": passed,
        "outcome": sample.outcome,
    }
    return Score(**(fields | changes))


def other(sample=GOOD, **changes):
    return msgspec.structs.replace(sample, **changes)


def document(folder, rows, scores=(), prompt=None, **target):
    run = make_run(samples())
    targets = [
        Target(**({"name": name, "provider": "openai_chat", "model": f"org/{name}"} | target))
        for name in ("one", "two")
    ]
    prompts = {"a": prompt or PromptSpec(template="Hi {{name}}"), "b": PromptSpec(system="S")}
    benchmarks = [
        BenchmarkSpec(name=name, dataset=Choice(type="jsonl", options={"path": "x"}), prompt=asked)
        for name, asked in prompts.items()
    ]
    stage = Stage(name="warm", benchmark="a", target="one", cases=[], requests=0, load={}, warmup=True)
    run = msgspec.structs.replace(
        run,
        spec=msgspec.structs.replace(run.spec, benchmarks=benchmarks),
        plan=msgspec.structs.replace(run.plan, targets=targets, stages=[stage]),
        samples=lambda: iter(rows),
        scores=lambda: iter(scores),
        cases=lambda: CASES,
    )
    folder.mkdir(exist_ok=True)
    (path,) = plugins.create("exporters", "promptfoo", {}).write(run, folder)
    assert path.name == "results.json"
    return json.loads(path.read_text())


def rows_of(*args, **options):
    return document(*args, **options)["results"]["results"]


def test_an_answer_is_a_row_with_all_that_is_known(tmp_path):
    price = Price(input=Decimal(1), output=Decimal(2))
    (row,) = rows_of(tmp_path, [GOOD], [score()], price=price)
    assert (row["success"], row["score"], row["failureReason"], row["latencyMs"]) == (True, 1.0, 0, 42)
    assert row["response"]["output"] == "x"
    assert row["response"]["finishReason"] == "stop"
    assert row["tokenUsage"] == {
        "prompt": 9,
        "completion": 3,
        "cached": 4,
        "total": 12,
        "numRequests": 1,
        "completionDetails": {"reasoning": 1},
    }
    assert row["cost"] == row["response"]["cost"] == pytest.approx(15e-6)
    assert row["provider"] == {"id": "openai_chat:org/one", "label": "one"}
    assert row["prompt"] == {"raw": "Hi Ann", "label": "a"}
    assert row["vars"] == row["testCase"]["vars"] == {"name": "Ann"}
    assert row["testCase"]["assert"] == [{"type": "contains", "value": "x"}]
    assert row["namedScores"] == {"accuracy": 1.0}
    assert "error" not in row


def test_what_is_unknown_is_left_out(tmp_path):
    (row,) = rows_of(tmp_path, [other(usage=Usage(), sent_at=None, case="2")])
    assert not {"cost", "latencyMs", "error"} & set(row)
    assert row["tokenUsage"] == {"numRequests": 1}
    assert (row["testCase"]["description"], row["testCase"]["metadata"]) == ("second", {"k": "v"})
    assert row["gradingResult"]["reason"] == "No assertions"


def test_the_parts_of_a_score_are_components_and_named_scores(tmp_path):
    given = score(passed=False, value=0.0, parts=PARTS, reason="1 of 2 failed")
    (row,) = rows_of(tmp_path, [GOOD], [given])
    assert (row["success"], row["score"], row["failureReason"]) == (False, 0.75, 1)
    assert row["error"] == row["gradingResult"]["reason"] == "1 of 2 failed"
    assert row["gradingResult"]["componentResults"] == [
        {
            "pass": True,
            "score": 1.0,
            "reason": "it is there",
            "assertion": {"type": "contains", "metric": "letters", "weight": 3.0},
        },
        {"pass": False, "score": 0.0, "reason": "Assertion failed", "assertion": {"type": "not-is-json"}},
    ]
    assert row["namedScores"] == {"letters": 1.0, "named": 0.5}
    assert row["gradingResult"]["namedScoreWeights"] == {"letters": 3.0, "named": 2.0}


def test_a_failure_without_a_reason_stays_a_failure_with_one(tmp_path):
    (row,) = rows_of(tmp_path, [GOOD], [score(passed=False, value=0.0)])
    assert row["success"] is False
    assert row["error"] == "`contains` failed"
    assert row["gradingResult"]["componentResults"][0]["reason"] == "Assertion failed"


def test_of_several_scorers_all_must_pass(tmp_path):
    scores = [score(), score(scorer="f1", metric="f1", passed=False, value=0.5, reason="half")]
    (row,) = rows_of(tmp_path, [GOOD], scores)
    assert (row["success"], row["score"], row["error"]) == (False, 0.75, "half")
    assert row["namedScores"] == {"accuracy": 1.0, "f1": 0.5}


def test_what_could_not_be_answered_or_judged_is_an_error_and_no_failed_assertion(tmp_path):
    cut = other(outcome="truncated", text="xx")
    down = other(case="2", outcome="error", error="http_503: busy", text="", done_at=None)
    lost = other(target="two")
    scores = [
        score(cut, passed=None, value=None),
        score(lost, passed=None, value=None, outcome="judge_failed", reason="no judge"),
    ]
    found = document(tmp_path, [cut, down, lost], scores)["results"]
    errors = {(row["vars"]["name"], row["provider"]["label"]): row["error"] for row in found["results"]}
    assert errors == {
        ("Ann", "one"): "the outcome is `truncated`",
        ("Bob", "one"): "http_503: busy",
        ("Ann", "two"): "no judge",
    }
    assert {row["failureReason"] for row in found["results"]} == {2}
    assert all("gradingResult" not in row for row in found["results"])
    assert (found["stats"]["errors"], found["stats"]["failures"], found["stats"]["successes"]) == (3, 0, 0)


def test_a_column_is_a_benchmark_at_a_target_and_a_row_a_case_of_both(tmp_path):
    rows = [GOOD, other(target="two"), other(benchmark="b"), other(case="2"), other(repeat=1)]
    scores = [score(GOOD), score(rows[3], passed=False, value=0.0)]
    found = document(tmp_path, rows, scores)
    heads = found["results"]["prompts"]
    assert [(h["label"], h["provider"]) for h in heads] == [("a", "one"), ("b", "one"), ("a", "two")]
    places = [(r["testIdx"], r["promptIdx"]) for r in found["results"]["results"]]
    assert places == [(0, 0), (0, 1), (0, 2), (1, 0), (2, 0)]
    metrics = heads[0]["metrics"]
    assert (metrics["testPassCount"], metrics["testFailCount"], metrics["testErrorCount"]) == (2, 1, 0)
    assert (metrics["assertPassCount"], metrics["assertFailCount"]) == (1, 1)
    assert (metrics["namedScores"], metrics["namedScoresCount"]) == ({"accuracy": 1.0}, {"accuracy": 2})
    assert metrics["tokenUsage"]["total"] == 36
    assert metrics["totalLatencyMs"] == 126
    assert found["vars"] == ["name"]
    assert found["evalId"].startswith("eval-")
    assert [p["label"] for p in found["config"]["providers"]] == ["one", "two"]


def test_warmup_is_left_out_and_the_last_try_counts(tmp_path):
    rows = [other(stage="warm"), other(outcome="error", error="x"), other(text="later")]
    (row,) = rows_of(tmp_path, rows)
    assert row["response"]["output"] == "later"
    with pytest.raises(UsageError, match="holds no sample"):
        document(tmp_path, [other(stage="warm")])


def test_prompts_are_shown_as_they_were_asked(tmp_path):
    turns = PromptSpec(
        messages=[{"role": "system", "content": "S"}, {"role": "user", "content": "{{name}}!"}]
    )
    (chat,) = rows_of(tmp_path / "1", [GOOD], prompt=turns)
    assert json.loads(chat["prompt"]["raw"])[1] == {"role": "user", "content": "Ann!"}
    (text,) = rows_of(
        tmp_path / "2",
        [GOOD],
        prompt=PromptSpec(example="Say {{name}}:{{answer}}"),
        provider="openai_completions",
    )
    assert text["prompt"]["raw"] == "Say Ann:"
    (gone,) = rows_of(tmp_path / "3", [other(case="9")])
    assert (gone["prompt"]["raw"], gone["vars"]) == ("Hi {{name}}", {})


def test_tool_calls_thinking_and_served_answers_are_told(tmp_path):
    call = {"function": {"name": "f", "arguments": "{}"}}
    served = other(text="", tool_calls=[call], thinking="hm", extra={"cached_response": True}, done_at=None)
    (row,) = rows_of(tmp_path, [served])
    assert row["response"]["output"] == [call]
    assert row["response"]["cached"] is True
    assert row["metadata"]["thinking"] == "hm"
    assert "latencyMs" not in row


def test_a_benchmark_that_is_not_in_the_spec_is_left_out(tmp_path):
    (row,) = rows_of(tmp_path, [GOOD, other(benchmark="gone")])
    assert row["metadata"]["benchmark"] == "a"


def test_a_part_without_weight_gives_a_named_score_of_zero(tmp_path):
    parts = [Part(scorer="contains", metric="free", value=1.0, passed=True, weight=0)]
    (row,) = rows_of(tmp_path, [GOOD], [score(parts=parts)])
    assert row["namedScores"] == {"free": 0.0}
