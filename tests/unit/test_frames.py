import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

import bakeoff
from bakeoff.frames import (
    RESULT_COLUMNS,
    SAMPLE_COLUMNS,
    SCORE_COLUMNS,
    results_frame,
    samples_frame,
    scores_frame,
)
from bakeoff.records import (
    Attempt,
    Estimate,
    Price,
    Results,
    Sample,
    Score,
    Target,
    TargetResult,
    Usage,
    Verdict,
)

TARGET = Target(name="m", provider="openai_chat", model="m", price=Price(input=Decimal(1), output=Decimal(2)))
ANSWER = Sample(
    benchmark="b",
    case="1",
    target="m",
    outcome="ok",
    scheduled_at=1_000_000_000,
    sent_at=1_100_000_000,
    first_token_at=1_300_000_000,
    first_answer_at=1_300_000_000,
    last_token_at=1_500_000_000,
    done_at=1_600_000_000,
    chunks=2,
    arrivals=2,
    text="hi",
    finish_reason="stop",
    usage=Usage(prompt=1_000, completion=2, counted_by="server"),
    attempts=[Attempt(kind="reset")],
)
FAILED = Sample(benchmark="b", case="2", target="other", outcome="error", stage="warm", error="status 500")


def test_a_sample_is_a_row_with_times_in_seconds() -> None:
    found = samples_frame([ANSWER, FAILED], [TARGET], frozenset({"warm"}))
    assert list(found.columns) == list(SAMPLE_COLUMNS)
    row = found.iloc[0]
    assert (row.scheduled_at, row.sent_at, row.done_at) == (1.0, 1.1, 1.6)
    assert row[["ttft", "ttfa", "e2e", "service", "lag"]].tolist() == pytest.approx([0.3, 0.3, 0.6, 0.5, 0.1])
    assert (row.prompt_tokens, row.output_tokens, row.counted_by) == (1_000, 2, "server")
    assert row.cost == pytest.approx((1_000 + 2 * 2) / 1e6)
    assert (row.attempts, row.text, row.warmup) == (1, "hi", False)


def test_the_unknown_is_missing_and_never_zero() -> None:
    row = samples_frame([ANSWER, FAILED], [TARGET], frozenset({"warm"})).iloc[1]
    missing = ["sent_at", "done_at", "ttft", "e2e", "prompt_tokens", "output_tokens", "cost", "counted_by"]
    assert row[missing].isna().all()
    assert (row.outcome, row.error, row.warmup) == ("error", "status 500", True)


def test_types_are_the_same_with_and_without_rows() -> None:
    full, empty = samples_frame([ANSWER, FAILED], [TARGET]), samples_frame([], [])
    assert list(map(str, empty.dtypes)) == list(map(str, full.dtypes))
    assert str(full.output_tokens.dtype) == "Int64"
    assert str(full.ttft.dtype) == "float64"
    assert str(full.target.dtype) == "category"
    assert len(empty) == 0


def test_a_score_without_a_value_stays_without() -> None:
    scores = [
        Score(
            benchmark="b",
            case=case,
            target="m",
            scorer="exact",
            metric="accuracy",
            value=value,
            passed=passed,
            outcome="ok",
        )
        for case, value, passed in (("1", 1.0, True), ("2", None, None))
    ]
    found = scores_frame(scores)
    assert list(found.columns) == list(SCORE_COLUMNS)
    assert found.value.mean() == 1.0
    assert found.passed.tolist() == [True, pd.NA]
    assert str(found.passed.dtype) == "boolean"


def test_results_are_one_row_for_each_estimate() -> None:
    metrics = {
        "b.accuracy": Estimate(value=0.5, unit="share", n=4, low=0.1, high=0.9),
        "b.cost": Estimate(value=None, unit="USD", n=0, note="no price"),
    }
    target = TargetResult(name="m", model="m", engine=None, metrics=metrics, outcomes={})
    verdict = Verdict(state="pass", choice="m", tied=[], sentence="")
    results = Results(run="r", name="r", plan_hash="", targets=[target], comparisons=[], verdict=verdict)
    found = results_frame(results)
    assert list(found.columns) == list(RESULT_COLUMNS)
    assert found.set_index("metric").loc["b.accuracy", ["value", "low", "high"]].tolist() == [0.5, 0.1, 0.9]
    assert found[found.unit == "USD"].value.isna().all()


def test_any_records_become_a_frame_by_their_fields() -> None:
    rows = [
        bakeoff.Comparison(
            a="m",
            b="n",
            metric="b.x",
            difference=d,
            low=None,
            high=None,
            p=p,
            p_adjusted=None,
            n=3,
            test="t",
            only_a=o,
        )
        for d, p, o in ((0.5, 1, 2), (None, 0.04, None))
    ]
    found = bakeoff.frame(rows)
    assert list(found.columns) == list(bakeoff.Comparison.__struct_fields__)
    kinds = {name: str(kind) for name, kind in found.dtypes.items()}
    assert (kinds["difference"], kinds["p"], kinds["only_a"], kinds["a"]) == (
        "float64",
        "float64",
        "Int64",
        "str",
    )
    assert (kinds["low"], found.low.isna().all()) == ("object", True)
    assert bakeoff.frame([]).empty


def test_flags_and_lists_keep_what_they_are() -> None:
    found = bakeoff.frame([bakeoff.Place(target="m", value=1.0, rank_low=1, rank_high=2, tied=True)])
    assert str(found.tied.dtype) == "boolean"
    found = bakeoff.frame([bakeoff.Ranking(metric="x", places=[], n=1)])
    assert found.places.tolist() == [[]]


def test_without_pandas_the_extra_is_named(tmp_path: Path) -> None:
    (tmp_path / "pandas.py").write_text("raise ImportError('no pandas')")
    script = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\nimport bakeoff\ntry: bakeoff.frame([])\n"
    script += "except bakeoff.BakeoffError as error: print(type(error).__name__, error.hint)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True)
    assert (
        done.stdout.strip()
        == "PluginError from the clone: `.venv/bin/pip install -c constraints.txt '.[frames]'`"
    )
