"""Jobs of another NeMo server that do not answer, are lost on their way, or are not ended when asked."""

from typing import Any

import pytest
from tests.service.dialects.nemo.peer import CONTRACT, RESULT, Peer
from tests.service.dialects.nemo.remote_calls import ROOT, at, begun, config, lost, model, seen, sent
from tests.service.live import Live

from bakeoff.server.remotes.nemo import MARK
from bakeoff.testing.truth import TruthProcess

pytestmark = [pytest.mark.timeout(240), pytest.mark.usefixtures("tidy")]


def test_a_submission_without_an_answer_is_looked_for_and_never_sent_again(
    ours: Live, peer: Live, scripted: tuple[Peer, str]
):
    other, url = scripted
    job = lost(ours, peer, other, url)
    theirs = {"id": "eval-1234", "status": "running", "custom_fields": {MARK: job}}
    other.script["GET /jobs"] = (200, {"data": [theirs]})
    at(other, "completed")
    seen(ours, job, "completed")
    assert sent(other, "POST /jobs") == 1


def test_a_job_that_was_never_heard_of_is_looked_for_then_cancelled(
    ours: Live, peer: Live, scripted: tuple[Peer, str]
):
    other, url = scripted
    job = lost(ours, peer, other, url, patience=15)
    assert ours.call("POST", f"{ROOT}/jobs/{job}/cancel").json["status"] == "cancelling"
    assert "never got" in seen(ours, job, "cancelled")["status_details"]["message"]
    assert ours.call("DELETE", f"{ROOT}/jobs/{job}").status == 200
    assert sent(other, "POST /jobs") == 1


def test_a_job_that_nobody_ever_gets_fails_after_a_while(ours: Live, peer: Live, scripted: tuple[Peer, str]):
    other, url = scripted
    other.script = {**CONTRACT, "POST /jobs": (0, None), "GET /jobs": (200, {"data": []})}
    job = begun(ours, config(peer, url, attempts=1, patience=3))
    message = seen(ours, job, "failed")["status_details"]["message"]
    assert "never got the job" in message
    assert "does not answer" in message


def test_cancelling_a_job_whose_answer_was_lost_ends_it_there(
    ours: Live, peer: Live, scripted: tuple[Peer, str]
):
    other, url = scripted
    job = lost(ours, peer, other, url)
    assert ours.call("POST", f"{ROOT}/jobs/{job}/cancel").json["status"] == "cancelling"
    seen(ours, job, "cancelling", word="as soon as it does")
    theirs = {"id": "eval-1234", "status": "running", "custom_fields": {MARK: job}}
    other.script["GET /jobs"] = (200, {"data": [theirs]})
    at(other, "cancelled")
    seen(ours, job, "cancelled")
    assert sent(other, "POST /jobs/eval-1234/cancel") == 1


def test_a_job_that_ends_there_while_it_is_cancelled_keeps_its_results(
    ours: Live, peer: Live, scripted: tuple[Peer, str]
):
    other, url = scripted
    other.script = dict(CONTRACT)
    job = begun(ours, config(peer, url))
    seen(ours, job, "running")

    def ended(_body: Any) -> tuple[int, Any]:
        at(other, "completed")
        return 200, {}

    other.script["POST /jobs/eval-1234/cancel"] = ended
    ours.call("POST", f"{ROOT}/jobs/{job}/cancel")
    seen(ours, job, "completed")
    assert ours.call("GET", f"{ROOT}/jobs/{job}/results").json["tasks"] == RESULT["tasks"]


def test_a_cancel_that_the_server_does_not_confirm_says_so(
    ours: Live, peer: Live, scripted: tuple[Peer, str]
):
    other, url = scripted
    other.script = dict(CONTRACT)
    job = begun(ours, config(peer, url, attempts=1, patience=2))
    seen(ours, job, "running")
    other.script["POST /jobs/eval-1234/cancel"] = (500, {})
    ours.call("POST", f"{ROOT}/jobs/{job}/cancel")
    message = seen(ours, job, "cancelled")["status_details"]["message"]
    assert "not confirmed" in message
    assert "eval-1234" in message


def test_a_server_that_is_gone_is_waited_for_a_while(ours: Live, peer: Live, endpoint: TruthProcess):
    gone = config(peer, "http://127.0.0.1:1", attempts=1, patience=2)
    job = begun(ours, gone, model(endpoint))
    assert "does not answer" in seen(ours, job, "failed")["status_details"]["message"]
    assert ours.call("DELETE", f"{ROOT}/jobs/{job}").status == 200


def test_a_job_that_the_server_does_not_take_now_is_sent_when_it_does(
    ours: Live, peer: Live, scripted: tuple[Peer, str]
):
    other, url = scripted
    other.script = {**CONTRACT, "POST /configs": [(503, {}), (200, {})]}
    other.script["POST /jobs"] = [(429, {}), (200, {"id": "eval-1234", "status": "created"})]
    at(other, "completed")
    seen(ours, begun(ours, config(peer, url, attempts=1)), "completed")
    assert sent(other, "POST /jobs") == 2
