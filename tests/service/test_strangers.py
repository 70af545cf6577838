"""What a server with keys does with those who have none: pages for all, and fewer and fewer guesses."""

from pathlib import Path

import pytest
from starlette.requests import Request
from tests.service.live import Answer, Live, live

from bakeoff.server.faults import TooManyError
from bakeoff.server.http.gate import _MOST_PAGES
from bakeoff.server.http.strangers import _MOST, GUESSES, Strangers, address_of
from bakeoff.server.settings import DEFAULT_RATE, Settings

pytestmark = pytest.mark.timeout(120)
RUNS = "/api/v1/runs"


def call(service: Live, path: str, key: str | None = None) -> Answer:
    return service.call("GET", path, headers={} if key is None else {"Authorization": f"Bearer {key}"})


def request(host: str | None) -> Request:
    client = None if host is None else (host, 1)
    return Request({"type": "http", "client": client, "headers": [], "path": "/", "query_string": b""})


def test_a_key_has_a_limit_of_calls_where_keys_are_asked_for(tmp_path: Path):
    assert Settings(data=tmp_path).calls_a_minute == 0
    assert Settings(data=tmp_path).for_others().calls_a_minute == DEFAULT_RATE
    assert Settings(data=tmp_path, rate=0).for_others().calls_a_minute == 0
    assert Settings(data=tmp_path, rate=7).for_others().calls_a_minute == 7


def test_wrong_keys_are_slowed_down_and_right_ones_go_on(tmp_path: Path):
    with live(Settings(data=tmp_path / "s", workers=0, keys_required=True)) as service:
        _, used = service.service.keys.create("used", "viewer")
        _, fresh = service.service.keys.create("fresh", "viewer")
        assert call(service, RUNS, used).status == 200
        statuses = [call(service, RUNS, f"bko_wrong{at}").status for at in range(GUESSES + 20)]
        assert statuses[:GUESSES] == [401] * GUESSES
        assert statuses.count(429) >= 10
        # Nobody can find out any more whether a key is right that was not used before.
        refused = [call(service, RUNS, fresh) for _ in range(3)]
        assert 429 in [each.status for each in refused]
        slowed = next(each for each in refused if each.status == 429)
        assert int(slowed.headers["retry-after"]) >= 1
        assert "wrong API keys" in slowed.json["error"]["message"]
        assert call(service, RUNS, used).status == 200
        assert call(service, RUNS).status == 401
        assert call(service, "/healthz").status == 200


def test_another_address_is_not_slowed_down():
    strangers = Strangers()
    for _ in range(GUESSES):
        strangers.check(request("192.0.2.1"), "wrong")
        strangers.was_wrong(request("192.0.2.1"))
    with pytest.raises(TooManyError) as told:
        strangers.check(request("192.0.2.1"), "other")
    assert 0 < told.value.after <= 60 / GUESSES
    strangers.check(request("192.0.2.2"), "other")
    strangers.was_right("other")
    strangers.check(request("192.0.2.1"), "other")


def test_an_owner_of_ipv6_has_one_address():
    assert address_of(request("2001:db8::1")) == address_of(request("2001:db8::ffff:2"))
    assert address_of(request("2001:db8::1")) != address_of(request("2001:db8:0:1::1"))
    assert (address_of(request("192.0.2.1")), address_of(request(None))) == ("192.0.2.1", "")


def test_what_is_remembered_is_bounded():
    strangers = Strangers()
    for at in range(_MOST + 10):
        strangers.was_wrong(request(f"10.{at >> 16}.{at >> 8 & 255}.{at & 255}"))
        strangers.was_right(str(at))
    assert (len(strangers._left), len(strangers._known)) == (_MOST, _MOST)


def test_everybody_can_open_the_page_of_calls_in_a_browser(tmp_path: Path):
    with live(Settings(data=tmp_path / "s", workers=0, keys_required=True)) as service:
        page, document = call(service, "/docs"), call(service, "/openapi.json")
        assert (page.status, document.status, call(service, "/").status) == (200, 200, 200)
        assert page.headers["content-type"].startswith("text/html")
        assert document.json["info"]["title"] == "bakeoff"
        assert call(service, RUNS).status == 401
        # Making them costs something, so nobody can have them made for ever.
        statuses = [call(service, "/docs").status for _ in range(_MOST_PAGES + 20)]
        assert statuses[-1] == 429
