"""A model that gives back what it is told, registered as a client does it."""

from collections.abc import Generator

import pytest
from tests.service.dialects.answering import Answering, answering
from tests.service.live import Live


@pytest.fixture(scope="module")
def talker() -> Generator[Answering]:
    with answering() as found:
        yield found


@pytest.fixture
def model(service: Live, talker: Answering) -> str:
    talker.bodies.clear()
    talker.say = lambda body: str(body["messages"][-1]["content"])
    made = service.call(
        "POST", "/v1/models", {"model_id": "org/talker", "metadata": {"endpoint": talker.url}}
    )
    assert made.status == 200, made.body
    assert made.json["identifier"] == made.json["id"] == "org/talker"
    return "org/talker"
