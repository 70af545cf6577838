"""A service with sums to ask, and what tests of the EvalHub dialect say to it."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.confinement import CONFINES
from tests.service.dialects.answering import Answering
from tests.service.live import WAIT_S, Answer, Live, live

from bakeoff.server.settings import Settings
from bakeoff.server.specs.references import BENCHMARK, TARGET
from bakeoff.testing.truth import TruthProcess, TruthSettings

HERE = "/api/v1/evaluations"
SUMS = (("2 + 3", "5"), ("7 - 4", "3"), ("6 * 7", "42"), ("8 + 1", "10"))
ENDS = {"completed", "failed", "cancelled", "partially_failed"}


@contextmanager
def computing() -> Generator[TruthProcess]:
    with TruthProcess(TruthSettings(answer="arithmetic", ttft=0.002, itl=0.001, tokens=4)) as process:
        yield process


@contextmanager
def hub(data: Path, sums: str, echo: Answering | None = None) -> Generator[Live]:
    """Run a service with the benchmarks `sums` and `broken` over the data set `sums-data`."""
    settings = Settings(data=data, workers=2, secrets=("HUB_KEY",), allow_code=CONFINES)
    with live(settings) as running:
        objects = running.service.objects
        targets: dict[str, dict[str, Any]] = {"sums": {"endpoint": sums, "model": "sums"}}
        if echo is not None:
            targets["echo"] = {"endpoint": echo.url, "model": "echo", "stream": False}
        for name, body in targets.items():
            objects.put(TARGET, name, body, project="default", owner="tests")
        rows = [{"input": f"What is {asked}?", "reference": right} for asked, right in SUMS]
        assert running.call("PUT", "/api/v1/datasets/sums-data", {"rows": rows}).status in {200, 201}
        section = {"dataset": {"type": "stored", "name": "sums-data"}, "scorers": [{"type": "equals"}]}
        objects.put(BENCHMARK, "sums", section, project="default", owner="tests")
        broken = section | {"attempts": 1, "prompt": "BROKEN {{input}}"}
        objects.put(BENCHMARK, "broken", broken, project="default", owner="tests")
        yield running


def until(look: Callable[[], Any]) -> Any:
    end = time.monotonic() + WAIT_S
    while not (found := look()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return found


def one(name: str = "sums", provider: str = "bakeoff", **more: Any) -> dict[str, Any]:
    return {"id": name, "provider_id": provider, **more}


def body(*benchmarks: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": "job", "model": {"name": "sums"}, "benchmarks": list(benchmarks), **more}


def submit(service: Live, asked: dict[str, Any]) -> str:
    answer = service.call("POST", f"{HERE}/jobs", asked)
    assert answer.status == 202, answer.body
    return str(answer.json["resource"]["id"])


def ended(service: Live, job: str) -> dict[str, Any]:
    def look() -> Any:
        found = service.call("GET", f"{HERE}/jobs/{job}").json
        return found if found["status"]["state"] in ENDS else None

    return dict(until(look))


def run(service: Live, asked: dict[str, Any]) -> dict[str, Any]:
    return ended(service, submit(service, asked))


def refused(answer: Answer, status: int, code: str) -> str:
    assert (answer.status, answer.json["message_code"]) == (status, code), answer.body
    assert answer.json["trace"]
    return str(answer.json["message"])
