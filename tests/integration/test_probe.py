"""What an endpoint is found to be, from servers that go wrong in each of the ways that people meet."""

import asyncio
import json

import pytest
from tests.integration.wire_peer import peer

from bakeoff.run.doctor import Check
from bakeoff.run.probe import duration, endpoint_checks
from bakeoff.testing.truth import TruthServer, TruthSettings

MODELS = json.dumps({"data": [{"id": f"m{n}"} for n in range(10)]}).encode()


def http(status: int, body: bytes, kind: str = "application/json") -> bytes:
    head = f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def ask(
    *replies: bytes, url: str = "http://127.0.0.1:{port}/v1", model: str | None = None, key: str | None = None
) -> dict[str, Check]:
    """Probe a server that gives the replies in order and closes the connection where one is empty."""
    left = list(replies)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while left:
            head = await reader.readuntil(b"\r\n\r\n")
            for line in head.lower().split(b"\r\n"):
                if line.startswith(b"content-length:"):
                    await reader.readexactly(int(line.split(b":")[1]))
            reply = left.pop(0)
            if not reply:
                return
            writer.write(reply)
            await writer.drain()

    async def work() -> list[Check]:
        async with peer(handle) as port:
            return await endpoint_checks(url.format(port=port), model=model, api_key=key)

    return {check.name: check for check in asyncio.run(work())}


@pytest.mark.parametrize(
    ("sent", "then", "text"),
    [
        (1_000_000, 600_000, "under 1 ms"),
        (1_000_000, 1_000_000, "under 1 ms"),
        (0, 900_000, "under 1 ms"),
        (0, 1_400_000, "1 ms"),
        (0, 61_600_000, "62 ms"),
    ],
)
def test_an_answer_that_came_before_the_send_was_stamped_is_no_negative_time(sent, then, text):
    assert duration(sent, then) == text


def test_no_time_of_a_near_server_is_negative():
    async def work() -> list[Check]:
        async with TruthServer(TruthSettings(tokens=4)) as server:
            return await endpoint_checks(server.url, model=None, api_key=None)

    found = asyncio.run(work())
    assert len(found) == 6
    assert not [check for check in found if "-" in check.text.partition(" ms")[0].rpartition(" ")[2]]


def test_an_address_that_is_none_is_a_finding():
    found = asyncio.run(endpoint_checks("ftp://example/v1", model=None, api_key=None))
    assert [(check.name, check.state, check.endpoint) for check in found] == [("endpoint", "fail", True)]


def test_a_server_that_lists_no_models_wants_one_named():
    found = ask(http(404, b"no"))
    assert found["models"].text == "no list of models (HTTP 404)"
    assert found["endpoint"].fix == "name one with --model"


def test_long_lists_of_models_are_cut_short_and_a_refused_request_ends_the_probe():
    found = ask(http(200, MODELS), http(500, b"out of memory"))
    assert found["models"].text.endswith("m7 and 2 more")
    assert "completion: HTTP 500: out of memory" in found["endpoint"].text


def test_a_list_that_is_no_text_is_no_list():
    assert ask(http(200, b"\xff\xfe"), http(500, b""), model="m")["models"].state == "warn"


def test_a_connection_that_breaks_while_asking_is_told():
    found = ask(http(200, MODELS), b"", b"", model="m1")
    assert found["endpoint"].state == "fail"
    assert found["endpoint"].text.startswith("completion: ")


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_is_refused_only_where_models_are_asked_is_told(status):
    found = ask(http(200, MODELS), http(status, b"no"), model="m1", key="secret-key-1")
    assert f"completion: it refuses the key (HTTP {status})" in found["endpoint"].text
    assert "--api-key-env" in found["endpoint"].fix


def test_a_key_that_a_server_repeats_is_not_shown():
    found = ask(http(200, MODELS), http(500, b"bad key secret-key-1"), model="m1", key="secret-key-1")
    assert "bad key ***" in found["endpoint"].text
