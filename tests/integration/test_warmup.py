"""A warm-up by time runs under the load that is measured, and stands in no number."""

from collections import Counter
from pathlib import Path

import yaml
from tests.integration.runs import run, write_spec

from bakeoff.records import Sample
from bakeoff.run.folder import read_plan
from bakeoff.stores.jsonl import read_records
from bakeoff.testing.truth import TruthProcess, TruthSettings


def test_requests_are_sent_first_for_the_asked_time(tmp_path: Path) -> None:
    load = {"kind": "constant", "rate": 40, "requests": 10, "warmup_seconds": 0.5}
    with TruthProcess(TruthSettings(answer="arithmetic")) as server:
        spec = write_spec(tmp_path, server.url, models=["m"], cases=20)
        document = yaml.safe_load(spec.read_text())
        document["benchmarks"][0] |= {"load": load, "measured": True, "scorers": []}
        spec.write_text(yaml.safe_dump(document))
        done = run(spec, tmp_path / "runs")
    samples = list(read_records(done.folder, Sample))
    stages = Counter(sample.stage for sample in samples)
    planned = {stage.name: stage.requests for stage in read_plan(done.folder).stages}
    # A warm-up that a busy machine delays sends fewer; never more than are due in its time.
    assert 1 <= stages["warmup"] <= 20 < planned["warmup"]
    assert stages["main"] == planned["main"] == 10
    assert done.results.targets[0].outcomes == {"sums": {"ok": 10}}
    due = sorted(sample.scheduled_at for sample in samples if sample.stage == "warmup")
    assert [at - due[0] for at in due] == [25_000_000 * n for n in range(len(due))]
