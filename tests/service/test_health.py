"""What whoever operates a service looks at: health, figures, the OpenAPI page, errors."""

import base64
import hashlib
import re

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.service.live import Live, spec_of

from bakeoff.testing.truth import TruthProcess

pytestmark = pytest.mark.timeout(120)


def figures(service: Live) -> dict[tuple[str, ...], float]:
    answer = service.call("GET", "/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.body.decode())
        for sample in family.samples
    }


def test_figures_count_calls_and_jobs(service: Live, endpoint: TruthProcess):
    before = figures(service)
    run = service.call("POST", "/api/v1/runs", {"spec": spec_of(endpoint)}).json["id"]
    service.ended(run)
    service.call("GET", "/api/v1/runs/none")
    after = figures(service)

    def grown(*name: str) -> float:
        return after.get(name, 0) - before.get(name, 0)

    assert grown("bakeoff_jobs", "completed") == 1
    assert grown("bakeoff_http_requests_total", "POST", "202") == 1
    assert grown("bakeoff_http_requests_total", "GET", "404") == 1
    assert grown("bakeoff_http_request_duration_seconds_count") >= 3
    assert (
        after["bakeoff_http_request_duration_seconds_bucket", "+Inf"]
        == (after["bakeoff_http_request_duration_seconds_count",])
    )
    assert after["bakeoff_workers",] == 1


def test_the_openapi_page_is_there_and_names_the_runs(service: Live):
    assert "/api/v1/runs/{run}" in service.call("GET", "/openapi.json").json["paths"]
    page = service.call("GET", "/docs")
    text = page.body.decode()
    assert "<code>/api/v1/runs/{run}</code>" in text
    assert '__RunShown">RunShown</a>' in text


def test_the_page_of_calls_loads_and_runs_nothing(service: Live):
    page = service.call("GET", "/docs")
    text, policy = page.body.decode(), page.headers["content-security-policy"]
    assert set(re.findall(r'(?:src|href)="([^"#]+)', text)) == {"openapi.json"}
    assert "<script" not in text
    assert "url(" not in text
    assert policy.startswith(
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style is not None
    told = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert policy.endswith(f"style-src 'sha256-{told}'")
    assert [service.call("GET", path).status for path in ("/redoc", "/docs/oauth2-redirect")] == [404, 404]
    links = set(re.findall(r'href="#([^"]+)"', text))
    assert links <= set(re.findall(r'id="([^"]+)"', text))


def test_the_bare_address_leads_to_the_calls(service: Live):
    assert b"<h1>bakeoff" in service.call("GET", "/").body


@pytest.mark.parametrize(
    ("path", "status"), [("/api/v1/nothing", 404), ("/nothing/at/all", 404), ("/api/v1/runs/none", 404)]
)
def test_what_is_not_there_is_an_error_of_our_form(service: Live, path: str, status: int):
    answer = service.call("GET", path)
    assert answer.status == status
    assert answer.json["error"]["kind"] == "Missing"
    assert answer.headers["x-request-id"]


def test_results_of_a_run_that_goes_on_are_those_of_what_is_stored(service: Live, endpoint: TruthProcess):
    run = service.call("POST", "/api/v1/runs", {"spec": spec_of(endpoint, requests=3000)}).json["id"]
    while service.call("GET", f"/api/v1/runs/{run}").json["progress"]["done"] < 20:
        pass
    early = service.call("GET", f"/api/v1/runs/{run}/results")
    assert early.status == 200
    service.call("POST", f"/api/v1/runs/{run}/cancel")
    service.ended(run)
    late = service.call("GET", f"/api/v1/runs/{run}/results").json
    counts = [found["targets"][0]["outcomes"]["facts"]["ok"] for found in (early.json, late)]
    assert 0 < counts[0] <= counts[1] < 3000
