"""lm-evaluation-harness: `results_*.json` and `samples_*.jsonl` as 0.4.13 writes them, for each target.

The numbers are aggregated by lm-eval's own functions over the answers of the first repeat. A document without
a whole answer has no text for lm-eval to judge: where the benchmark counts it as wrong it is 0 in every mean,
else it is in no number; its line says `outcome`.
"""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import msgspec

from bakeoff import __version__, textfiles
from bakeoff.errors import UsageError
from bakeoff.exporters._lm_eval_docs import (
    Doc,
    Judgement,
    aggregates,
    config_of,
    dumped,
    hashed,
    judged_doc,
    number,
    sample_lines,
)
from bakeoff.harness import load_task
from bakeoff.harness.judge import TASK
from bakeoff.harness.task import module
from bakeoff.records import BenchmarkSpec, Target
from bakeoff.records.imported import StoredRun

_TYPE = "lm_eval"
_COMPLETIONS = "openai_completions"


class LmEvalExport(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The files that lm-eval would have written.

    Attributes:
        bootstrap_iters: draws of a standard error that has no formula; 0 computes none.
    """

    bootstrap_iters: Annotated[int, msgspec.Meta(ge=0)] = 100_000

    def write(self, run: StoredRun, folder: Path) -> list[Path]:
        """Write a results file, and a file of samples for each task, for each target."""
        benchmarks = [each for each in run.spec.benchmarks if each.dataset.type == _TYPE]
        if not benchmarks:
            raise UsageError(
                "the run asked no task of lm-eval",
                hint="ask one with `lm_eval: TASK` in a benchmark, or use `bakeoff export --format csv`",
            )
        paths: list[Path] = []
        for index, target in enumerate(run.plan.targets):
            works = [work for each in _named(run, benchmarks) if (work := _judgement(run, target, each)).docs]
            if works:
                paths += self._write(run, target, works, folder / _stamp(run.wall_ns, index))
        if not paths:
            raise UsageError("the run holds no answer to a task of lm-eval")
        return paths

    def _write(self, run: StoredRun, target: Target, works: list[Judgement], stamp: Path) -> list[Path]:
        paths, hashes = [stamp.with_name(f"results_{stamp.name}.json")], dict[str, str]()
        for work in works:
            path = stamp.with_name(f"samples_{work.name}_{stamp.name}.jsonl")
            digest: list[str] = []
            with path.open("w", encoding="utf-8", errors="replace") as file:
                for line in sample_lines(work):
                    digest.append(line["doc_hash"] + line["prompt_hash"] + line["target_hash"])
                    file.write(dumped(line) + "\n")
            hashes[work.name] = hashed("".join(digest))
            paths.append(path)
        results = self._results(run, target, works) | {"task_hashes": hashes} | _about(target, works)
        paths[0].write_text(dumped(results, 2), encoding="utf-8", errors="replace")
        return paths

    def _results(self, run: StoredRun, target: Target, works: list[Judgement]) -> dict[str, Any]:
        results = {work.name: aggregates(work, self.bootstrap_iters) for work in works}
        configs = {work.name: work.config for work in works}
        return {
            "results": results,
            "group_subtasks": _groups(works),
            "configs": configs,
            "versions": {work.name: work.task.VERSION for work in works},
            "n-shot": {name: config["num_fewshot"] for name, config in configs.items()},
            "higher_is_better": {work.name: work.task.higher_is_better() for work in works},
            "n-samples": {
                work.name: {
                    "original": len(work.task.eval_docs),
                    "effective": results[work.name]["sample_len"],
                }
                for work in works
            },
            "config": self._config(target, works[0].benchmark),
            "git_hash": None,
            "date": run.wall_ns / 1e9,
            "lm_eval_version": module("lm_eval").__version__,
        }

    def _config(self, target: Target, benchmark: BenchmarkSpec) -> dict[str, Any]:
        return {
            "model": f"bakeoff {__version__}",
            "model_args": {"model": target.model, "base_url": target.endpoint},
            "batch_size": 1,
            "batch_sizes": [],
            "device": None,
            "use_cache": None,
            "limit": benchmark.limit,
            "bootstrap_iters": self.bootstrap_iters,
            "gen_kwargs": benchmark.dataset.options.get("gen_kwargs", {}),
            "random_seed": 0,
            "numpy_seed": 1234,
            "torch_seed": 1234,
            "fewshot_seed": benchmark.dataset.options.get("fewshot_seed", 1234),
        }


def _stamp(wall_ns: int, index: int) -> str:
    """Return the time in the names of a target's files; a microsecond tells those of one from another's."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=wall_ns // 1000 + index)
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds").replace(":", "-")


class _Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A task that a benchmark asked, and the name of its files."""

    name: str
    task: str
    benchmark: BenchmarkSpec


def _named(run: StoredRun, benchmarks: list[BenchmarkSpec]) -> list[_Asked]:
    """Return each task under its own name; under the benchmark's as well where two ask one task."""
    asked: list[_Asked] = []
    for each in benchmarks:
        own = str(each.dataset.options["task"])
        cases = run.cases().get(each.name, {}).values()
        names = dict.fromkeys(str(case.fields.get(TASK, own)) for case in cases)
        asked += [_Asked(name=name, task=name, benchmark=each) for name in sorted(names) or [own]]
    tasks = [each.task for each in asked]
    return [each if tasks.count(each.task) == 1 else _renamed(each) for each in asked]


def _renamed(asked: _Asked) -> _Asked:
    own = asked.task == asked.benchmark.dataset.options["task"]
    name = asked.benchmark.name if own else f"{asked.benchmark.name}_{asked.task}"
    return msgspec.structs.replace(asked, name=name)


def _groups(works: list[Judgement]) -> dict[str, list[str]]:
    """Return the tasks of each group that was asked as one benchmark; their numbers stay apart."""
    found: dict[str, list[str]] = {}
    for work in works:
        group = str(work.benchmark.dataset.options["task"])
        if any(TASK in doc.case.fields for doc in work.docs):
            found.setdefault(group, []).append(work.name)
    return found


def _judgement(run: StoredRun, target: Target, asked: _Asked) -> Judgement:
    benchmark = asked.benchmark
    options = benchmark.dataset.options
    include = options.get("include_path")
    folder = None if include is None else textfiles.resolve(run.base, include)
    task = load_task(asked.task, folder, allow_code=bool(options.get("allow_code")))
    cases = {
        name: case
        for name, case in run.cases().get(benchmark.name, {}).items()
        if case.fields.get(TASK, asked.task) == asked.task
    }
    docs: dict[str, Doc] = {}
    for sample in run.samples():
        mine = (sample.benchmark, sample.target, sample.repeat) == (benchmark.name, target.name, 0)
        if mine and sample.stage not in run.warmups and sample.case in cases:
            docs[sample.case] = judged_doc(task, cases[sample.case], sample)
    return Judgement(
        name=asked.name,
        task=task,
        benchmark=benchmark,
        config=config_of(task, benchmark),
        docs=sorted(docs.values(), key=lambda doc: number(doc.case)),
        chat=benchmark.prompt.form != "completion" and target.provider != _COMPLETIONS,
    )


def _about(target: Target, works: list[Judgement]) -> dict[str, Any]:
    options = works[0].benchmark.dataset.options
    system = options.get("system_instruction")
    samples = [doc.sample for work in works for doc in work.docs]
    begin = min(sample.scheduled_at for sample in samples)
    end = max(sample.done_at or sample.scheduled_at for sample in samples)
    return {
        "model_source": "bakeoff",
        "model_name": target.name,
        "model_name_sanitized": re.sub(r'["<>:/|\\?*\[\]]+', "__", target.name),
        "system_instruction": system,
        "system_instruction_sha": hashed(system) if system else None,
        "fewshot_as_multiturn": options.get("fewshot_as_multiturn", True),
        "chat_template": None,
        "chat_template_sha": None,
        "total_evaluation_time_seconds": str((end - begin) / 1e9),
    }
