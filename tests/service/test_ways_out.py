"""Redirects, templates and names: ways out that a live service does not have."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.service.live import Live, live, spec_of

from bakeoff.server.jobs.job import NewJob
from bakeoff.server.service import Service
from bakeoff.server.settings import Settings
from bakeoff.testing.truth import TruthProcess

pytestmark = pytest.mark.timeout(120)
LISTED = ("https://api.example.com", "http://127.0.0.1:8000")


def document(**parts: Any) -> dict[str, Any]:
    model = {"name": "m", "endpoint": "https://api.example.com/v1", "model": "m", **parts.pop("model", {})}
    benchmark = {"name": "b", "dataset": "datasets/rows.jsonl", **parts.pop("benchmark", {})}
    return {"models": [model], "benchmarks": [benchmark], **parts}


class Redirecting(BaseHTTPRequestHandler):
    """Answers everything with a redirect to where nobody may go."""

    def do_GET(self) -> None:
        server: Any = self.server
        server.asked.append(self.path)
        self.send_response(307)
        self.send_header("Location", server.elsewhere)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_GET  # noqa: N815  the base class's way of naming

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def listener(elsewhere: str = "http://127.0.0.1:9/") -> Generator[Any]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Redirecting) as server:
        found: Any = server
        found.asked, found.elsewhere = [], elsewhere
        found.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()


def test_no_redirect_leads_to_an_address_that_is_not_allowed(tmp_path: Path, endpoint: TruthProcess):
    with listener() as target, listener(f"{target.url}/secret") as door:
        one = Settings(
            data=tmp_path / "service", workers=1, endpoints=(door.url, endpoint.url.removesuffix("/v1"))
        )
        with live(one) as service:
            spec = spec_of(endpoint, requests=2)
            spec["models"][0]["endpoint"] = f"{door.url}/v1"
            refused = service.call(
                "POST", "/api/v1/runs", {"spec": spec, "webhook": {"url": f"{target.url}/hook"}}
            )
            assert refused.status == 400
            answer = service.call(
                "POST", "/api/v1/runs", {"spec": spec, "webhook": {"url": f"{door.url}/hook"}}
            )
            assert answer.status == 202, answer.body
            service.ended(answer.json["id"])
            while "/hook" not in door.asked:
                pass
            judge = {"type": "similar", "endpoint": f"{door.url}/v1", "model": "e", "value": "a"}
            graded = service.call(
                "POST", "/api/v1/runs", {"spec": spec_of(endpoint, requests=2, scorers=[judge])}
            )
            assert graded.status == 202, graded.body
            service.ended(graded.json["id"])
        assert any(path.startswith("/v1/chat") for path in door.asked)
        assert any(path.startswith("/v1/embed") for path in door.asked)
        assert target.asked == []


TEMPLATES = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ cycler.__init__.__globals__.os.environ }}",
    "{{ self._TemplateReference__context }}",
    "{{ ''.format.__self__.__class__ }}",
    "{{ '{0.__class__.__init__.__globals__}'.format(namespace) }}",
    "{{ '{0.__class__}'.format_map({'0': 1}) }}",
    "{% for c in [].__class__.__base__.__subclasses__() %}{{ c }}{% endfor %}",
    "{{ lipsum.__globals__['os'].popen('id').read() }}",
    "{{ input|attr('__class__') }}",
    "{{ input|map(attribute='__class__')|list }}",
    "{% include '/etc/passwd' %}",
    "{% import 'os' as os %}{{ os }}",
    "{{ 'x' * 100000000000 }}",
    "{{ 9 ** 999999999 }}",
    "{{ range(100000000)|list }}",
]


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Generator[Service]:
    service = Service(Settings(data=tmp_path_factory.mktemp("checked"), endpoints=LISTED))
    yield service
    service.close()


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_gets_nothing_out_of_its_sandbox(checked: Service, template: str):
    rows = b'{"input": "one"}\n'
    spec = document(benchmark={"prompt": template})
    new = NewJob(name="n", document=spec, files={"datasets/rows.jsonl": rows})
    try:
        prepared = checked.check(new)
    except Exception as error:  # noqa: BLE001  any refusal will do, what it says is looked at
        told = str(error)
    else:
        told = str(msgspec.to_builtins(prepared.plan, enc_hook=str))
    for sign in ("root:", "subprocess", "<class 'object'>", "<class 'str'>", "environ(", "uid="):
        assert sign not in told


def test_what_only_the_full_form_of_a_spec_shows_is_refused(checked: Service):
    service = Service(Settings(data=checked.settings.data, endpoints=LISTED, allow_code=False))
    try:
        for benchmark in ({"lm_eval": "arc_easy", "dataset": None}, {"dataset": "datasets/rows.yaml"}):
            new = NewJob(
                name="n",
                document=document(benchmark=benchmark),
                files={"datasets/rows.yaml": b"a: 1"},
            )
            with pytest.raises(Exception, match=r"code|suffix|tell the type"):
                service.check(new)
    finally:
        service.close()


def test_names_of_what_is_allowed_are_not_looked_up(service: Live):
    # A name that resolves to loopback is none of the names of the list.
    spec = {
        "models": [{"name": "m", "endpoint": "http://localtest.me/v1", "model": "m"}],
        "benchmarks": [{"name": "b", "dataset": {"type": "synthetic"}, "load": {"requests": 1}}],
    }
    answer = service.call("POST", "/api/v1/runs", {"spec": spec})
    assert answer.status == 400
    assert "may not ask" in answer.json["error"]["message"]
