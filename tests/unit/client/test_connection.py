"""Calls over HTTP: what is sent again, where the key goes, and what a refusal becomes."""

import datetime as dt
import ipaddress
import socket
import ssl
import traceback
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.unit.client.peer import Reply, peer

from bakeoff import CallError, Client
from bakeoff.client import connection, handle
from bakeoff.client.connection import Call, Connection
from bakeoff.errors import UsageError

LIST = b'{"data": [], "next": null, "next_offset": null}'
RUN = msgspec.json.encode(
    {
        "id": "job-1",
        "name": "n",
        "dialect": "bakeoff",
        "state": "queued",
        "owner": "local",
        "labels": {},
        "attempt": 0,
        "progress": {"done": 0, "total": 0, "failed": 0},
        "error": None,
        "outcome": None,
        "created_at": "2026-01-01T00:00:00.000Z",
        "updated_at": "2026-01-01T00:00:00.000Z",
        "started_at": None,
        "finished_at": None,
    }
)


def self_signed(folder: Path) -> tuple[Path, Path]:
    """Write a certificate of 127.0.0.1 that vouches for itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = dt.datetime.now(dt.UTC)
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(here, critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "cert.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return certificate, private


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(handle, "_LOOK_MOST_S", 0.001)
    monkeypatch.delenv("BAKEOFF_KEY", raising=False)


def test_the_key_and_our_name_go_along() -> None:
    with peer(Reply(body=LIST)) as server:
        client = Client(server.url + "/", "bko_secret")
        assert list(client.datasets()) == []
    assert repr(client) == f"Client('{server.url}')"
    asked = server.asked[0]
    assert asked.headers["authorization"] == "Bearer bko_secret"
    assert asked.headers["user-agent"].startswith("bakeoff/")
    assert asked.path == "/api/v1/datasets?offset=0&limit=1000"


def test_without_a_key_none_is_sent() -> None:
    with peer(Reply(body=LIST)) as server:
        list(Client(server.url).datasets())
    assert "authorization" not in server.asked[0].headers


def test_address_and_key_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with peer(Reply(body=LIST)) as server:
        monkeypatch.setenv("BAKEOFF_SERVER", server.url)
        monkeypatch.setenv("BAKEOFF_KEY", "bko_env")
        list(Client().targets())
    assert server.asked[0].headers["authorization"] == "Bearer bko_env"
    monkeypatch.delenv("BAKEOFF_SERVER")
    with pytest.raises(UsageError, match="no service is named"):
        Client()


@pytest.mark.parametrize("url", ["localhost:8600", "ftp://host", "http://", "file:///etc/passwd"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="no address of a service"):
        Client(url)


def test_the_key_is_not_sent_to_another_host() -> None:
    with peer(Reply(body=LIST)) as other:
        moved = Reply(status=302, headers={"Location": f"{other.url}/api/v1/datasets"})
        with peer(moved) as server, pytest.raises(CallError, match="sends its callers to") as caught:
            list(Client(server.url, "bko_secret").datasets())
    assert caught.value.status == 302
    assert other.asked == []


def test_a_redirect_on_the_same_host_is_followed_with_the_key() -> None:
    with peer(Reply(status=302, headers={"Location": "/api/v1/elsewhere"}), Reply(body=LIST)) as server:
        assert list(Client(server.url, "bko_secret").datasets()) == []
    assert server.asked[1].path == "/api/v1/elsewhere"
    assert server.asked[1].headers["authorization"] == "Bearer bko_secret"


@pytest.mark.parametrize("status", [429, 502, 503, 504, None])
def test_what_may_be_sent_twice_is_sent_again(status: int | None) -> None:
    with peer(Reply(status=status, headers={"Retry-After": "0"}), Reply(body=LIST)) as server:
        assert list(Client(server.url).datasets()) == []
    assert len(server.asked) == 2


def test_a_run_is_submitted_again_under_the_same_key() -> None:
    with peer(Reply(status=None), Reply(status=503), Reply(status=202, body=RUN)) as server:
        handle = Client(server.url).run({"models": []})
    keys = {asked.headers["idempotency-key"] for asked in server.asked}
    assert (len(server.asked), len(keys), handle.id) == (3, 1, "job-1")
    with peer(Reply(status=202, body=RUN)) as server:
        Client(server.url).run({"models": []})
        Client(server.url).run({"models": []}, idempotency_key="mine")
    assert server.asked[0].headers["idempotency-key"] not in keys
    assert server.asked[1].headers["idempotency-key"] == "mine"


def test_tries_come_to_an_end() -> None:
    with peer(Reply(status=503, body=b'{"error": {"message": "busy"}}')) as server:
        with pytest.raises(CallError, match="busy") as caught:
            list(Client(server.url, retries=2).datasets())
        assert len(server.asked) == 3
    assert (caught.value.status, caught.value.exit_code) == (503, 4)


def test_what_may_not_be_sent_twice_is_not() -> None:
    with peer(Reply(status=503)) as server:
        link = Connection(server.url, None, timeout=10, retries=3)
        with pytest.raises(CallError):
            link.send(Call(method="POST", path="/x", again=False))
    assert len(server.asked) == 1


def test_a_refusal_is_not_tried_again_and_tells_all_that_the_service_said() -> None:
    told = {"kind": "Spec", "message": "spec.json:3: wrong", "where": "spec.json:3", "hint": "fix it"}
    with peer(Reply(status=422, body=msgspec.json.encode({"error": told}))) as server:
        with pytest.raises(CallError) as caught:
            Client(server.url).get("x")
        assert len(server.asked) == 1
    error = caught.value
    assert (error.status, error.kind, error.hint, error.exit_code) == (422, "Spec", "fix it", 2)
    assert str(error) == "spec.json:3: wrong\nhint: fix it"


def test_a_page_of_something_else_is_told_as_it_is() -> None:
    page = Reply(status=404, body=b"<html>\n nothing here</html>")
    with peer(page) as server, pytest.raises(CallError, match="HTTP 404: <html> nothing here"):
        Client(server.url).get("x")
    with peer(Reply(body=b"<html>")) as server, pytest.raises(CallError, match="not what a bakeoff service"):
        Client(server.url).get("x")


def test_a_deletion_whose_answer_was_lost_is_done() -> None:
    with peer(Reply(status=None), Reply(status=404)) as server:
        Client(server.url).delete_dataset("d")
    assert [asked.method for asked in server.asked] == ["DELETE", "DELETE"]
    with peer(Reply(status=404)) as server, pytest.raises(CallError):
        Client(server.url).delete_dataset("d")


def test_nobody_there_is_an_error_with_a_hint() -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
    with pytest.raises(CallError, match="no answer from") as caught:
        Client(f"http://127.0.0.1:{port}", retries=0).get("x")
    assert (caught.value.status, caught.value.exit_code) == (None, 4)
    assert "bakeoff serve" in caught.value.hint


def test_a_silent_service_is_given_up_on() -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        with pytest.raises(CallError, match="timed out"):
            Client(url, timeout=0.05, retries=0).get("x")


def test_names_cannot_leave_their_place_in_the_path() -> None:
    with peer(Reply(status=404)) as server:
        for call in (Client(server.url).get, Client(server.url).dataset, Client(server.url).probe_target):
            with pytest.raises(CallError):
                call("../keys?x=é")
    assert all("/..%2Fkeys%3Fx%3D%C3%A9" in asked.path for asked in server.asked)


def test_a_stream_that_is_refused_or_breaks_off_is_an_error() -> None:
    handle_reply = Reply(body=RUN)
    with peer(handle_reply, Reply(status=404, body=b"gone")) as server:
        handle = Client(server.url).get("job-1")
        with pytest.raises(CallError, match="gone"):
            list(handle.events(follow=True))
    with peer(handle_reply, Reply(status=None)) as server:
        handle = Client(server.url).get("job-1")
        with pytest.raises(CallError, match="no answer"):
            list(handle.events(follow=True))


def test_rows_of_another_form_are_an_error() -> None:
    with peer(Reply(body=RUN), Reply(body=b'{"data": [{"no": 1}], "next_offset": null}')) as server:
        handle = Client(server.url).get("job-1")
        with pytest.raises(CallError, match="a row is not what it should be"):
            list(handle.samples())


def test_an_error_of_a_call_shows_nothing_of_the_library_below() -> None:
    with peer(Reply(status=404, body=b"gone")) as server, pytest.raises(CallError) as caught:
        Client(server.url).get("x")
    told = "".join(traceback.format_exception(caught.value))
    assert "urllib" not in told
    assert "HTTPError" not in told
    with pytest.raises(CallError) as caught:
        Client(server.url, retries=0).get("x")
    assert "urllib" not in "".join(traceback.format_exception(caught.value))


def test_a_refused_key_is_told_with_the_variable_that_holds_it() -> None:
    body = b'{"error": {"message": "no", "kind": "NotKnown", "hint": "send `Authorization`"}}'
    with peer(Reply(status=401, body=body)) as server:
        for key, told in ((None, "export BAKEOFF_KEY"), ("bko_x", "is the key in BAKEOFF_KEY")):
            with pytest.raises(CallError) as caught:
                Client(server.url, key).get("x")
            assert told in caught.value.hint


def test_http_and_https_that_do_not_meet_are_told_apart(tmp_path: Path) -> None:
    with peer(Reply()) as server, pytest.raises(CallError) as caught:
        Client(server.url.replace("http:", "https:"), retries=0).get("x")
    assert "write `http://`" in caught.value.hint
    with peer(Reply(status=None)) as server, pytest.raises(CallError) as caught:
        Client(server.url, retries=0).get("x")
    assert "then write `https://`" in caught.value.hint


def test_a_certificate_that_nobody_vouches_for_is_told_with_the_variable_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with peer(Reply(body=RUN), tls=context) as server:
        with pytest.raises(CallError, match="CERTIFICATE_VERIFY_FAILED") as caught:
            Client(server.url, retries=0).get("x")
        assert "export SSL_CERT_FILE=" in caught.value.hint
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert Client(server.url, retries=0).get("x").id == "job-1"


def test_a_wait_outlives_a_service_that_is_silent_for_a_while() -> None:
    ended = RUN.replace(b'"queued"', b'"completed"')
    away = [Reply(status=503), Reply(status=None)]
    with peer(Reply(body=RUN), *away, Reply(body=ended)) as server:
        assert Client(server.url, retries=0).get("x").wait().state == "completed"
    with peer(Reply(body=RUN), *away, Reply(body=ended)) as server, pytest.raises(CallError):
        Client(server.url, retries=0).get("x").wait(patience=0)
    with peer(Reply(body=RUN), Reply(status=404)) as server, pytest.raises(CallError, match="404"):
        Client(server.url, retries=0).get("x").wait()
