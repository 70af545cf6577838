"""The benchmarks that every service has: sections of a spec by name, with their data."""

from collections.abc import Mapping
from importlib import resources
from typing import Any

import msgspec


class BuiltIn(msgspec.Struct, frozen=True, kw_only=True):
    """A benchmark that comes with the package.

    Attributes:
        text: what it measures, in one line.
        section: what stands under `benchmarks:`, without its name and version.
        data: the package file of its rows by their name in a job, empty for none.
    """

    text: str
    version: str
    section: Mapping[str, Any]
    data: Mapping[str, str] = {}

    def files(self) -> dict[str, bytes]:
        """Return the files that a job with this benchmark needs."""
        folder = resources.files("bakeoff.demo")
        return {name: folder.joinpath(source).read_bytes() for name, source in self.data.items()}


BUILTIN: Mapping[str, BuiltIn] = {
    "basics": BuiltIn(
        text="Short questions with known answers: facts, arithmetic, sentiment, extraction.",
        version="1",
        section={
            "dataset": {"type": "jsonl", "path": "datasets/quickstart.jsonl"},
            "prompt": "{{input}} Answer with one word or number.",
            "params": {"max_tokens": 64},
            "scorers": [{"type": "contains"}],
        },
        data={"datasets/quickstart.jsonl": "quickstart.jsonl"},
    ),
    "speed": BuiltIn(
        text="Random prompts of one size, two at a time: latency and throughput.",
        version="1",
        section={
            "dataset": {"type": "synthetic", "prompt_tokens": 64, "output_tokens": 16},
            "load": {"kind": "concurrent", "concurrency": 2, "requests": 20, "warmup": 2},
            "measured": True,
        },
    ),
}
