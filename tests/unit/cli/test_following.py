"""Following a run of a service: what is said where the service answers no more."""

import sys

import pytest
from tests.unit.client.peer import Reply, peer
from tests.unit.client.test_connection import RUN

from bakeoff.cli._execute import Manner
from bakeoff.cli._following import follow
from bakeoff.client import CallError, Client


@pytest.mark.parametrize(("status", "told"), [(500, True), (404, False)])
def test_a_service_that_fails_is_told_with_how_to_wait_again(status: int, told: bool) -> None:
    with peer(Reply(body=RUN), Reply(status=status, body=b"broken")) as server:
        client = Client(server.url, retries=0)
        with pytest.raises(CallError, match="broken") as caught:
            follow(client, client.get("job-1"), Manner(quiet=True))
    again = f"bakeoff --server {server.url} runs wait job-1"
    assert (again in caught.value.hint) is told


def test_on_a_terminal_the_line_of_progress_is_ended_first(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with peer(Reply(body=RUN), Reply(body=RUN), Reply(status=500)) as server:
        client = Client(server.url, retries=0)
        with pytest.raises(CallError):
            follow(client, client.get("job-1"), Manner())
    assert capsys.readouterr().err == "\rqueued: 0 of 0 samples, 0 failed\x1b[K\n"
