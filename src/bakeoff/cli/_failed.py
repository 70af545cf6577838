"""What is said of failed requests: which may be sent again, and which are a result."""

import shlex

from bakeoff.records import Plan, Spec
from bakeoff.run.finish import Finished


def after_failures(finished: Finished, spec: Spec) -> str:
    """Return what helps after too many failures: only answers that are graded may be asked for again."""
    loads = {benchmark.name for benchmark in spec.benchmarks if benchmark.measured}
    for target in finished.results.targets:
        for benchmark, counts in target.outcomes.items():
            if benchmark not in loads and (counts.get("error") or counts.get("timeout")):
                return f"bakeoff resume {shlex.quote(str(finished.folder))} --retry-failed"
    return "the warnings say why; a load keeps its failures as its result, so mend the cause and measure anew"


def kept_failures(plan: Plan) -> str:
    """Return which benchmarks keep their failures; empty where none does."""
    loads = sorted({stage.benchmark for stage in plan.stages if stage.measured})
    if not loads:
        return ""
    return f"failed requests of a load are its result, and are not sent again: {', '.join(loads)}"
