"""kill -9 at random moments: no sample lost, none doubled, and the report of an undisturbed run."""

import multiprocessing
import random
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.integration.runs import resume, run, write_spec

from bakeoff.plan import intents
from bakeoff.records import Results, Sample
from bakeoff.run.folder import list_folders, read_plan
from bakeoff.stores.jsonl import JsonlStore, read_records
from bakeoff.testing.truth import TruthProcess, TruthSettings

KILLS = 50
CASES = 240
MODELS = ["good", "fair"]


def settings() -> TruthSettings:
    quick = TruthSettings(answer="arithmetic", ttft=0.004, itl=0.001)
    return TruthSettings(models={"good": quick, "fair": msgspec.structs.replace(quick, accuracy=0.6)})


def keys(folder: Path) -> Counter[tuple[str, str, str, int, str]]:
    JsonlStore(folder).close()
    return Counter(sample.key for sample in read_records(folder, Sample))


def headline(results: Results) -> dict[str, Any]:
    """Return everything of a report that does not depend on time."""
    return {
        "metrics": [
            {name: e for name, e in target.metrics.items() if "accuracy" in name or "tokens" in name}
            for target in results.targets
        ],
        "outcomes": [target.outcomes for target in results.targets],
        "comparisons": results.comparisons,
        "verdict": results.verdict,
        "plan": results.plan_hash,
    }


@pytest.mark.timeout(240)
def test_fifty_kills_change_nothing_but_times(tmp_path: Path) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    moments = random.Random(seed)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.integration.runs"])
    with TruthProcess(settings()) as server:
        spec = write_spec(tmp_path, server.url, models=MODELS, cases=CASES)
        whole = run(spec, tmp_path / "whole")
        root = tmp_path / "killed"
        before: Counter[tuple[str, str, str, int, str]] = Counter()
        kills = 0
        while kills < KILLS:
            folders = list_folders(root)
            task: Any = (resume, (folders[0],)) if folders else (run, (spec, root))
            process = context.Process(target=task[0], args=task[1], daemon=True)
            process.start()
            process.join(moments.uniform(0.02, 0.3))
            if process.is_alive():
                kills += 1
            elif process.exitcode == 0 and folders:
                root = tmp_path / f"killed-{kills}"
                before = Counter()
                continue
            process.kill()
            process.join()
            folders = list_folders(root)
            if folders:
                after = keys(folders[0])
                assert before <= after, "a stored sample is gone"
                before = after
        finished = resume(list_folders(root)[0]) if list_folders(root) else run(spec, root)
    found = keys(finished.folder)
    planned = [i.key for stage in read_plan(finished.folder).stages for i in intents(stage)]
    assert set(found.values()) == {1}
    assert sorted(found) == sorted(planned)
    assert headline(finished.results) == headline(whole.results)
