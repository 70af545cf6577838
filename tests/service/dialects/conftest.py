"""A model that computes, and a pair of services of which one may ask the other."""

from collections.abc import Generator

import pytest
from tests.service.dialects.nemo.calls import computing
from tests.service.dialects.nemo.peer import Peer, scripted_peer
from tests.service.live import Live, live

from bakeoff.server.settings import Settings
from bakeoff.testing.truth import TruthProcess


@pytest.fixture(scope="module")
def endpoint() -> Generator[TruthProcess]:
    with computing() as process:
        yield process


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Generator[Live]:
    """Another service, whose users need a key."""
    with live(Settings(data=tmp_path_factory.mktemp("peer"), workers=1, keys_required=True)) as running:
        running.key = running.service.keys.create("bakeoff", "admin")[1]
        yield running


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory, peer: Live) -> Generator[Live]:
    """A service that may ask its peer, whose key it has as `NEMO_KEY`."""
    folder = tmp_path_factory.mktemp("secrets")
    (folder / "NEMO_KEY").write_text(peer.key or "")
    with live(Settings(data=tmp_path_factory.mktemp("ours"), workers=2, secret_files=folder)) as running:
        yield running


@pytest.fixture
def scripted() -> Generator[tuple[Peer, str]]:
    """A peer that answers from a script."""
    with scripted_peer() as found:
        yield found


@pytest.fixture
def tidy(ours: Live, scripted: tuple[Peer, str]) -> Generator[None]:
    """Leave no job behind that a worker would go on with: the scripted peer knows of none any more."""
    yield
    scripted[0].script = {}
    for row in ours.call("GET", "/api/v1/runs?state=queued&state=running&state=cancelling").json["data"]:
        ours.call("POST", f"/api/v1/runs/{row['id']}/cancel")
        ours.ended(row["id"], within=120)
