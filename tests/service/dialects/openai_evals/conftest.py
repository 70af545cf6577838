"""One service whose models are an endpoint in this process, for all tests of the dialect."""

from collections.abc import Generator

import pytest
from tests.confinement import CONFINES
from tests.service.dialects.answering import USAGE, Answering, answering
from tests.service.live import Live, live

from bakeoff.server.settings import Settings
from bakeoff.server.specs.references import TARGET


@pytest.fixture(scope="module")
def endpoint() -> Generator[Answering]:
    with answering() as running:
        yield running


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, endpoint: Answering) -> Generator[Live]:
    settings = Settings(data=tmp_path_factory.mktemp("service"), workers=2, allow_code=CONFINES)
    with live(settings) as running:
        for name in ("m", "judge", "text-embedding-3-large"):
            body = {"endpoint": endpoint.url, "model": name, "stream": False}
            running.service.objects.put(TARGET, name, body, project="default", owner="tests")
        yield running


@pytest.fixture(autouse=True)
def forgotten(endpoint: Answering) -> None:
    """Let each test see its own calls only."""
    endpoint.bodies.clear()
    endpoint.finish = "stop"
    endpoint.usage = USAGE
    endpoint.say = lambda body: str(body["messages"][-1]["content"])
