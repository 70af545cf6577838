"""Use a Llama Stack client as its users do, and print what it said as JSON.

Run in a process of its own, because several releases are tried and importing one changes the logging:
`python llama_stack_session.py URL MODEL SLOW`, with the key in the variable that the release reads and the
tag of names in TAG.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import llama_stack_client
from llama_stack_client import APIStatusError, LlamaStackClient

ENDS = ("completed", "failed", "cancelled")
JUDGE = {
    "type": "llm_as_judge",
    "prompt_template": "What is {generated_answer} + 1?",
    "judge_score_regexes": [r"(-?\d+)"],
    "aggregation_functions": ["average"],
}


class Session:
    """One client, with the resources under the names of its release."""

    def __init__(self, url: str, model: str, slow: str) -> None:
        self.client: Any = LlamaStackClient(base_url=url, max_retries=0, timeout=30)
        alpha, beta = getattr(self.client, "alpha", None), getattr(self.client, "beta", None)
        self.evals = getattr(self.client, "eval", None) or alpha.eval
        self.benchmarks = getattr(self.client, "benchmarks", None) or alpha.benchmarks
        self.datasets = getattr(self.client, "datasets", None) or beta.datasets
        self.model, self.slow = model, slow
        self.tag = os.environ["TAG"]

    def config(self, model: str | None = None, **options: Any) -> dict[str, Any]:
        """Return the configuration of a run."""
        sampling = {"strategy": {"type": "greedy"}, "max_tokens": 16}
        candidate = {"type": "model", "model": model or self.model, "sampling_params": sampling}
        return {"eval_candidate": candidate, "scoring_params": {}, **options}

    def register(self, name: str, rows: list[dict[str, str]]) -> str:
        """Register a dataset and a benchmark on it, both of one name."""
        name = f"{name}-{self.tag}"
        self.datasets.register(
            dataset_id=name, purpose="eval/question-answer", source={"type": "rows", "rows": rows}
        )
        functions = ["basic::equality", "basic::subset_of"]
        self.benchmarks.register(benchmark_id=name, dataset_id=name, scoring_functions=functions)
        return name

    def finish(self, benchmark: str, job: str) -> str:
        """Poll until the job has ended."""
        for _ in range(500):
            status: str = self.evals.jobs.status(job, benchmark_id=benchmark).status
            if status in ENDS:
                return status
            time.sleep(0.05)
        return "still running"


def about(session: Session) -> dict[str, Any]:
    """Ask who is there."""
    client = session.client
    return {
        "client": llama_stack_client.__version__,
        "health": client.inspect.health().status,
        "version": client.inspect.version().version,
        "models": [one.identifier for one in client.models.list()],
        "providers": [one.provider_id for one in client.providers.list()],
        "routes": [one.route for one in client.routes.list()],
    }


def datasets(session: Session, rows: list[dict[str, str]]) -> dict[str, Any]:
    """Register, read, page and drop a dataset whose name has a slash and a colon."""
    source = {"type": "rows", "rows": rows}
    name = f"group/set::{session.tag}"
    made = session.datasets.register(dataset_id=name, purpose="eval/question-answer", source=source)
    page = session.datasets.iterrows(name, start_index=1, limit=2)
    found = {
        "name": name,
        "made": made.identifier,
        "retrieved": session.datasets.retrieve(name).identifier,
        "listed": name in [one.identifier for one in session.datasets.list()],
        "page": page.data,
        "more": page.has_more,
        "all": len(session.datasets.iterrows(name).data),
        "last": session.datasets.iterrows(name, start_index=2).has_more,
    }
    if hasattr(session.datasets, "appendrows"):
        session.datasets.appendrows(name, rows=rows[:1])
        found["appended"] = len(session.datasets.iterrows(name).data)
    session.datasets.unregister(name)
    found["dropped"] = name not in [one.identifier for one in session.datasets.list()]
    return found


def run(session: Session, rows: list[dict[str, str]]) -> dict[str, Any]:
    """Register a benchmark, run it, poll it and read its results."""
    name = session.register("sums", rows)
    kept = session.benchmarks.retrieve(name)
    job = session.evals.run_eval(name, benchmark_config=session.config())
    found = {
        "benchmark": [kept.identifier, kept.dataset_id, kept.scoring_functions, kept.type],
        "listed": name in [one.identifier for one in session.benchmarks.list()],
        "begun": job.status,
        "ended": session.finish(name, job.job_id),
        "result": session.evals.jobs.retrieve(job.job_id, benchmark_id=name).model_dump(),
    }
    few = session.evals.run_eval_alpha(name, benchmark_config=session.config(num_examples=2))
    session.finish(name, few.job_id)
    found["few"] = session.evals.jobs.retrieve(few.job_id, benchmark_id=name).model_dump()
    answer = session.evals.evaluate_rows(
        name, input_rows=rows[2:], scoring_functions=["basic::equality"], benchmark_config=session.config()
    )
    found["rows"] = answer.model_dump()
    return found


def cancel(session: Session, rows: list[dict[str, str]]) -> dict[str, Any]:
    """Cancel a run that would take long."""
    name = session.register("many", rows)
    job = session.evals.run_eval(name, benchmark_config=session.config(session.slow))
    said = session.evals.jobs.cancel(job.job_id, benchmark_id=name)
    return {"said": said, "ended": session.finish(name, job.job_id)}


def scoring(session: Session) -> dict[str, Any]:
    """Score answers that are there, by rule and by a judge."""
    client = session.client
    rows = [
        {"input_query": "a", "generated_answer": "5", "expected_answer": "5"},
        {"input_query": "b", "generated_answer": "10", "expected_answer": "1"},
    ]
    scored = client.scoring.score(
        input_rows=rows, scoring_functions={"basic::equality": None, "basic::subset_of": None}
    )
    params = JUDGE | {"judge_model": session.model}
    judged = client.scoring.score(input_rows=rows, scoring_functions={"llm-as-judge::base": params})
    name = f"answers-{session.tag}"
    source = {"type": "rows", "rows": rows}
    session.datasets.register(dataset_id=name, purpose="eval/question-answer", source=source)
    batch = client.scoring.score_batch(
        dataset_id=name, scoring_functions={"basic::equality": None}, save_results_dataset=False
    )
    return {
        "rules": {name: one.model_dump() for name, one in scored.results.items()},
        "judge": {name: one.model_dump() for name, one in judged.results.items()},
        "batch": {name: one.model_dump() for name, one in batch.results.items()},
        "functions": [one.identifier for one in client.scoring_functions.list()],
        "function": client.scoring_functions.retrieve("basic::equality").model_dump(),
    }


def refused(call: Callable[[], object]) -> list[Any]:
    """Return the type and status of the error that a call ends in."""
    try:
        call()
    except APIStatusError as error:
        body = error.body
        told = body.get("error", {}).get("message", "") if isinstance(body, dict) else ""
        return [type(error).__name__, error.status_code, told]
    return ["none", 200, ""]


def errors(session: Session, rows: list[dict[str, str]]) -> dict[str, Any]:
    """Make the mistakes that users make."""
    name = session.register("mistakes", rows)
    config = session.config()
    agent = config | {"eval_candidate": {"type": "agent", "config": {"model": session.model}}}
    odd = session.config()
    odd["eval_candidate"]["sampling_params"]["best_of"] = 3
    evals, client = session.evals, session.client
    stranger: Any = LlamaStackClient(base_url=str(client.base_url), api_key="wrong", max_retries=0)
    return {
        "key": refused(stranger.models.list),
        "benchmark": refused(lambda: session.benchmarks.retrieve("no-such-benchmark")),
        "dataset": refused(lambda: session.datasets.retrieve("no-such-dataset")),
        "function": refused(lambda: client.scoring_functions.retrieve("basic::no-such-function")),
        "job": refused(lambda: evals.jobs.status("no-such-job", benchmark_id=name)),
        "candidate": refused(lambda: evals.run_eval(name, benchmark_config={})),
        "agent": refused(lambda: evals.run_eval(name, benchmark_config=agent)),
        "parameter": refused(lambda: evals.run_eval(name, benchmark_config=odd)),
        "model": refused(lambda: evals.run_eval(name, benchmark_config=session.config("no-such-model"))),
        "scorer": refused(
            lambda: client.scoring.score(input_rows=[{}], scoring_functions={"basic::no-such": None})
        ),
    }


def main() -> None:
    """Run every part and print one JSON document."""
    given = json.load(sys.stdin)
    session = Session(*sys.argv[1:4])
    told = {
        "about": about(session),
        "datasets": datasets(session, given["rows"]),
        "run": run(session, given["rows"]),
        "scoring": scoring(session),
        "cancel": cancel(session, given["many"]),
        "errors": errors(session, given["rows"]),
    }
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
