"""Routes: what of a URL and the environment reaches the head of a request."""

import pytest

from bakeoff.errors import UsageError
from bakeoff.records import Call
from bakeoff.wire import make_route

CALL = Call(path="/chat", body=b"{}")


def head(url: str, **headers: str) -> list[bytes]:
    return make_route(url, headers=headers).encode(CALL).split(b"\r\n")


def test_the_path_of_the_base_url_comes_first() -> None:
    lines = head("http://127.0.0.1:8000/v1/")
    assert lines[0] == b"POST /v1/chat HTTP/1.1"
    assert b"Host: 127.0.0.1:8000" in lines
    assert b"Content-Length: 2" in lines
    assert lines[-1] == b"{}"


def test_a_default_port_is_not_in_the_host_header() -> None:
    assert b"Host: example.com" in head("https://example.com/v1")


def test_credentials_of_the_url_become_a_header() -> None:
    lines = head("http://us%40er:pa%3Ass@127.0.0.1/v1")
    assert b"Authorization: Basic dXNAZXI6cGE6c3M=" in lines
    assert lines[0] == b"POST /v1/chat HTTP/1.1"


def test_an_ipv6_host_keeps_its_brackets() -> None:
    assert b"Host: [::1]:80" not in head("http://[::1]/v1")
    assert b"Host: [::1]:8080" in head("http://[::1]:8080/v1")


@pytest.mark.parametrize(
    "url",
    ["ftp://x/v1", "example.com/v1", "http:///v1", "http://x:99999/v1", "http://x:port/v1", "http://[::1/v1"],
)
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(UsageError, match="no http or https URL"):
        make_route(url)


def test_a_key_with_a_line_break_is_refused() -> None:
    with pytest.raises(UsageError, match="line break"):
        make_route("http://127.0.0.1/v1", headers={"Authorization": "Bearer x\r\nEvil: 1"})


def test_a_proxy_gets_the_absolute_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://user:secret@10.0.0.1:3128")
    route = make_route("http://example.com/v1")
    assert route.proxy is not None
    assert (route.proxy.host, route.proxy.port) == ("10.0.0.1", 3128)
    lines = route.encode(CALL).split(b"\r\n")
    assert lines[0] == b"POST http://example.com:80/v1/chat HTTP/1.1"
    assert b"Proxy-Authorization: Basic dXNlcjpzZWNyZXQ=" in lines


def test_an_https_route_keeps_its_proxy_password_to_the_tunnel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://user:secret@10.0.0.1:3128")
    route = make_route("https://example.com/v1")
    assert route.proxy is not None
    assert b"Proxy-Authorization" not in route.encode(CALL)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/v1", "http://localhost/v1", "http://[::1]/v1"])
def test_loopback_is_never_proxied(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("http_proxy", "http://10.0.0.1:3128")
    monkeypatch.delenv("no_proxy", raising=False)
    assert make_route(url).proxy is None


def test_no_proxy_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://10.0.0.1:3128")
    monkeypatch.setenv("no_proxy", "example.com")
    assert make_route("http://api.example.com/v1").proxy is None


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1080", "https://127.0.0.1:3128", "http://"])
def test_a_proxy_of_another_kind_is_refused(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("https_proxy", proxy)
    with pytest.raises(UsageError, match="HTTPS_PROXY"):
        make_route("https://example.com/v1")


def test_a_call_brings_headers_of_its_own() -> None:
    call = Call(path="/chat", body=b"{}", headers={"X-Request": "1"})
    lines = make_route("http://127.0.0.1/v1").encode(call).split(b"\r\n")
    assert lines.count(b"X-Request: 1") == 1
