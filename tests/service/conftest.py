"""One service and one endpoint for all tests of a file."""

from collections.abc import Generator

import pytest
from tests.service.live import Live, live

from bakeoff.server.settings import Settings
from bakeoff.testing.truth import TruthProcess, TruthSettings


@pytest.fixture(scope="module")
def endpoint() -> Generator[TruthProcess]:
    with TruthProcess(TruthSettings(ttft=0.005, itl=0.001, tokens=8)) as process:
        yield process


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Generator[Live]:
    with live(Settings(data=tmp_path_factory.mktemp("service"), workers=1)) as running:
        yield running
