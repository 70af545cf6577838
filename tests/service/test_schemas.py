"""The service against its own OpenAPI: generated calls of every operation, and answers that are as it says.

The seed is fixed, so a failure comes again. `BAKEOFF_SCHEMA_EXAMPLES` asks for more than the few of each run.
"""

import os
from collections.abc import Generator, Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.service.live import Live, live

from bakeoff.server.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
EXAMPLES = int(os.environ.get("BAKEOFF_SCHEMA_EXAMPLES", "3"))
SEED = 20_261_121
CHECKS = [
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
]
NOT_NOW = {501, 502, 504}
"""A part of a dialect that is not offered, another server that does not answer, a job that takes too long."""
AREAS = {
    "evalhub": ("/api/v1/evaluations", "/api/v1/health"),
    "own": ("/api/v1/", "/healthz", "/readyz", "/metrics"),
    "openai": ("/v1/evals", "/v1/files"),
    "nemo": ("/v1/evaluation/", "/v2/evaluation/", "/health"),
    "llama_stack": ("/v1/",),
}
OTHER_PREFIXES = ("/v1alpha/", "/v1beta/")


@pytest.fixture(scope="module")
def open_service(tmp_path_factory: pytest.TempPathFactory) -> Generator[Live]:
    settings = Settings(data=tmp_path_factory.mktemp("schemas"), workers=0, wait=0.2)
    with live(settings) as running:
        yield running


@pytest.fixture(scope="module")
def schema(open_service: Live) -> Any:
    document = open_service.call("GET", "/openapi.json").json
    return schemathesis.openapi.from_dict(document)


def area_of(path: str) -> str | None:
    if path.startswith(OTHER_PREFIXES):
        return None
    return next((name for name, starts in AREAS.items() if path.startswith(starts)), None)


def operations(schema: Any, area: str) -> Iterator[Any]:
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation is not None and area_of(operation.path) == area:
            yield operation


def can_misfit(operation: Any) -> bool:
    """Tell whether there are values that an operation refuses; parts of a path are not always among them."""
    return bool(len(operation.body) or len(operation.query))


def faults(service: Live, operation: Any, mode: GenerationMode) -> Iterator[str]:
    """Call one operation with generated values; yield what is wrong with the answers."""
    told: list[str] = []

    @hypothesis.seed(SEED)
    @hypothesis.settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        answer = case.call(base_url=service.url, timeout=60)
        failed = answer.status_code >= 500 and answer.status_code not in NOT_NOW
        if failed and operation.path != "/readyz":
            told.append(f"{answer.status_code}: {case.as_curl_command()[:600]} -> {answer.text[:300]}")
            return
        try:
            case.validate_response(answer, checks=CHECKS)
        except BaseExceptionGroup as group:
            told.extend(str(each)[:600] for each in group.exceptions)

    try:
        ask()
    except hypothesis.errors.Unsatisfiable:
        return  # nothing is wrong by this mode: the operation takes no values
    yield from dict.fromkeys(told)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["fit", "misfit"])
@pytest.mark.parametrize("area", AREAS)
def test_every_answer_is_as_the_schema_says(open_service: Live, schema: Any, area: str, mode: GenerationMode):
    seen, wrong = 0, dict[str, list[str]]()
    for operation in operations(schema, area):
        seen += 1
        if mode is GenerationMode.NEGATIVE and not can_misfit(operation):
            continue
        if found := list(faults(open_service, operation, mode)):
            wrong[operation.label] = found[:3]
    assert seen >= 7, "the schema holds too few operations"
    assert not wrong, "\n\n".join(f"{label}: {each}" for label, found in wrong.items() for each in found)


def test_the_other_prefixes_say_the_same(schema: Any):
    paths = schema.raw_schema["paths"]
    for path in [each for each in paths if each.startswith("/v1alpha/")]:
        assert set(paths[path]) == set(paths["/v1" + path.removeprefix("/v1alpha")])
        assert path.replace("/v1alpha", "/v1beta", 1) in paths
