"""The service that the real clients talk to: keys required, real workers, a model that computes."""

from collections.abc import Generator

import msgspec
import pytest
from tests.e2e.service.live import Service
from tests.service.live import live

from bakeoff.server.settings import Settings
from bakeoff.server.specs.references import TARGET
from bakeoff.testing.truth import TruthProcess, TruthSettings

_MODEL, _SLOW = "sums", "slow-sums"


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Generator[Service]:
    settings = Settings(data=tmp_path_factory.mktemp("clients"), workers=2, keys_required=True)
    quick = TruthSettings(answer="arithmetic", ttft=0.001, itl=0.0)
    slow = msgspec.structs.replace(quick, ttft=0.5)
    truth = msgspec.structs.replace(quick, models={_MODEL: quick, _SLOW: slow})
    with TruthProcess(truth, max_seconds=3600) as endpoint, live(settings) as running:
        _, key = running.service.keys.create("tests", "admin")
        for name in (_MODEL, _SLOW):
            body = {"endpoint": endpoint.url, "model": name}
            running.service.objects.put(TARGET, name, body, project="default", owner="tests")
        yield Service(url=running.url, endpoint=endpoint.url, model=_MODEL, slow=_SLOW, key=key)
