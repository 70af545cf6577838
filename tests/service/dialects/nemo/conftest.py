"""A service with rows that are stored as a NeMo data set."""

from collections.abc import Generator

import pytest
from tests.service.dialects.nemo.calls import ROWS, store
from tests.service.live import Live, live

from bakeoff.server.settings import Settings


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Generator[Live]:
    with live(Settings(data=tmp_path_factory.mktemp("service"), workers=1)) as running:
        store(running, "default/sums", ROWS)
        yield running
