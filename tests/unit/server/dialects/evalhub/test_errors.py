"""Errors in EvalHub's form: clients retry any 5xx, so a mistake is none."""

import pytest

pytest.importorskip("fastapi", reason="needs bakeoff[server]")

from bakeoff.errors import BakeoffError, DataError, EndpointError
from bakeoff.server.dialects.evalhub.errors import error_answer
from bakeoff.server.faults import ConflictError, MissingError, NotOfferedError, TooSlowError


@pytest.mark.parametrize(
    ("error", "status", "code", "told"),
    [
        (NotOfferedError("no such part", hint="leave it"), 400, "not_supported", "no such part; leave it"),
        (MissingError("evalhub.provider", "x"), 404, "resource_not_found", "The provider resource 'x' was"),
        (MissingError("dataset", "x"), 404, "resource_not_found", "The dataset resource 'x' was"),
        (ConflictError("taken"), 409, "job_can_not_be_updated", "taken"),
        (TooSlowError("slow"), 409, "job_can_not_be_updated", "slow"),
        (
            DataError("bad row", where="/tmp/bakeoff-check-a1/rows.jsonl:3", hint="mend it"),
            400,
            "request_validation_failed",
            "rows.jsonl:3: bad row hint: mend it",
        ),
        (EndpointError("nobody there"), 400, "request_validation_failed", "nobody there"),
    ],
)
def test_every_error_has_a_code_a_message_and_a_trace(error: BakeoffError, status: int, code: str, told: str):
    found, body = error_answer(error, trace="t-1")
    assert (found, body["message_code"]) == (status, code)
    assert str(body["message"]).startswith(told)
    assert body["trace"] == "t-1"
