"""The real llama.cpp engine under load: its own times against those of the client."""

from pathlib import Path

import msgspec
import pytest
import yaml
from tests.integration.commands import call

from bakeoff.records import Sample
from bakeoff.stats.quantiles import quantile
from bakeoff.stores.jsonl import read_records

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SPEC = {
    "version": 1,
    "models": [
        {
            "name": "smol",
            "source": "pypi://smollm2-135m-instruct",
            "deploy": {"type": "local", "slots": 4, "context": 512},
        }
    ],
    "benchmarks": [
        {
            "name": "load",
            "synthetic": {"prompt_tokens": 32, "output_tokens": 48},
            "load": {"kind": "concurrent", "concurrency": 2, "requests": 16, "warmup": 2},
        }
    ],
}


def test_client_and_server_agree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAKEOFF_HOME", str(tmp_path / "home"))
    (tmp_path / "bakeoff.yaml").write_text(yaml.safe_dump(SPEC))
    done = call("run", "--quiet", "--allow-invalid", cwd=tmp_path, timeout=240)
    assert done.code == 0, done.err
    (run,) = (tmp_path / "runs").iterdir()
    samples = [each for each in read_records(run, Sample) if each.stage == "main"]
    assert len(samples) == 16

    # From the first to the last token, as each side saw it; one late read must not fail the test.
    ratios = sorted(_streamed(sample) / _decoded(sample) for sample in samples)
    assert quantile(ratios, 0.5) == pytest.approx(1.0, abs=0.2)

    results = msgspec.json.decode((run / "report" / "results.json").read_bytes())
    (stage,) = results["stages"]
    server = stage["server"]
    assert server["tpot"]["p50"] == pytest.approx(stage["tpot"]["p50"], rel=0.2)
    assert server["ttft"]["n"] == server["e2e"]["n"] == server["output_rate"]["n"] == 16
    # The client's time holds the server's; the processes share the processors.
    assert server["e2e_overhead"]["p50"] > 0
    assert server["e2e_overhead"]["p50"] < 0.2 * stage["e2e"]["p50"]

    page = server["metrics"]
    assert (page["server"], page["note"]) == ("llama.cpp", "")
    assert page["counters"]["output_tokens"] == pytest.approx(16 * 48, abs=16)
    assert page["counters"]["decode_seconds"] == pytest.approx(sum(map(_decoded, samples)), rel=0.2)
    assert 0 < page["gauges"]["running"]["peak"] <= 4
    assert 1 <= page["batch_size"] <= 4


def _streamed(sample: Sample) -> float:
    assert sample.first_token_at is not None
    assert sample.last_token_at is not None
    return (sample.last_token_at - sample.first_token_at) / 1e9


def _decoded(sample: Sample) -> float:
    assert sample.server is not None
    assert sample.server.decode is not None
    return sample.server.decode
