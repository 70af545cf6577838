"""Result files of other tools, written small: lm-eval's graded answers and GuideLLM's measured requests."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

STAMP = "2026-01-01T00-00-00.5"


def write_lm_eval(
    folder: Path, model: str, values: Sequence[float | None], *, task: str = "sums", first: int = 0
) -> Path:
    """Write a run of lm-eval and return its folder.

    Args:
        folder: its parent.
        model: also the name of the folder.
        values: one score of 0..1 for each document; None where the filter found no answer.
        task: its name.
        first: number of the first document.
    """
    place = folder / f"{model}-{task}"
    place.mkdir(parents=True)
    results = {
        "results": {task: {"alias": task}},
        "configs": {task: {}},
        "versions": {task: 1},
        "n-samples": {task: {"original": len(values), "effective": len(values)}},
        "config": {"model": "local-chat-completions", "model_args": {"model": model}},
        "lm_eval_version": "0.4.13",
        "date": 1000.5,
    }
    (place / f"results_{STAMP}.json").write_text(json.dumps(results))
    rows = [_row(number, value) for number, value in enumerate(values, first)]
    (place / f"samples_{task}_{STAMP}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return place


def _row(number: int, value: float | None) -> dict[str, Any]:
    question = [{"role": "user", "content": f"What is {number} + 1?"}]
    answer = "[invalid]" if value is None else str(number)
    return {
        "doc_id": number,
        "doc": {"question": f"What is {number} + 1?"},
        "target": str(number + 1),
        "arguments": {"gen_args_0": {"arg_0": [json.dumps(question)], "arg_1": {}}},
        "resps": [["an answer"]],
        "filtered_resps": [answer],
        "filter": "strict",
        "metrics": ["exact_match"],
        "exact_match": 0.0 if value is None else value,
    }


def write_guidellm(
    path: Path, model: str, ttfts: Sequence[float | None], *, url: str = "http://127.0.0.1:1"
) -> Path:
    """Write a GuideLLM report of requests with these seconds to the first token, None for a failed one."""
    rows = [_request(number, ttft) for number, ttft in enumerate(ttfts)]
    done = [row for row in rows if row["info"]["error"] is None]
    failed = [row for row in rows if row["info"]["error"] is not None]
    counts = {"successful": len(done), "errored": len(failed), "incomplete": 0, "total": len(rows)}
    benchmark = {
        "type_": "generative_benchmark",
        "config": {
            "strategy": {"type_": "constant", "rate": 10.0},
            "backend": {"model": model, "target": url},
        },
        "metrics": {"request_totals": counts},
        "requests": {"successful": done, "errored": failed, "incomplete": []},
    }
    path.write_text(json.dumps({"metadata": {"guidellm_version": "0.8.1"}, "benchmarks": [benchmark]}))
    return path


def _request(number: int, ttft: float | None) -> dict[str, Any]:
    start = 1000.0 + number / 10.0
    first = None if ttft is None else start + ttft
    timings = {
        "targeted_start": start,
        "request_start": start,
        "first_token_iteration": first,
        "first_output_token_iteration": first,
        "last_token_iteration": None if first is None else first + 0.03,
        "token_iterations": 0 if first is None else 4,
        "request_end": start + 0.01 if first is None else first + 0.031,
    }
    body = json.dumps({"body": {"messages": [{"role": "user", "content": f"say {number}"}]}})
    return {
        "request_args": body,
        "output": None if first is None else "a b c d",
        "info": {"timings": timings, "error": "status 500" if first is None else None},
        "prompt_tokens": None if first is None else 7,
        "output_tokens": None if first is None else 4,
    }
